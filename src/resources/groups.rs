//! Groups: security, Microsoft 365, dynamic, role-assignable.

use serde_json::{Map, Value};

use super::{
    CreateContext, Identity, Key, Listing, Operations, PatchAnswer, ResourceType, Rules, Special,
    edge::Side,
    entitlements::Entitlements,
    references::{MEMBERS, OWNERS},
    role_assignments::RoleAssignments,
    units::UnitsOf,
};
use crate::scim::{Document, error::Error};

/// `/Groups`: Graph groups.
pub static GROUPS: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    rules: Rules {
        stem: "groups",
        presets: &[
            (
                "standard",
                include_str!("../../config/mapping/standard/groups.toml"),
            ),
            (
                "iga-flat",
                include_str!("../../config/mapping/iga-flat/groups.toml"),
            ),
        ],
    },
    odata_type: Some("#microsoft.graph.group"),
    collection: "/groups",
    id_property: "id",
    listing: Listing::Paged,
    key: Key::Path,
    operations: Operations {
        create: true,
        replace: true,
        patch: true,
        delete: true,
    },
    patch_answer: PatchAnswer::NoContent,
    relations: &[
        &MEMBERS,
        &OWNERS,
        &Entitlements {
            collection: "/groups",
        },
        &RoleAssignments { side: Side::From },
        &UnitsOf {
            collection: "/groups",
        },
    ],
    side_resources: &[],
    has_photo: false,
    special: &Groups,
};

struct Groups;

fn has_type(group: &Value, kind: &str) -> bool {
    group
        .get("groupTypes")
        .and_then(Value::as_array)
        .is_some_and(|types| {
            types
                .iter()
                .filter_map(Value::as_str)
                .any(|t| t.eq_ignore_ascii_case(kind))
        })
}

impl Special for Groups {
    fn prepare_create(
        &self,
        body: &mut Map<String, Value>,
        _document: &Document,
        context: &CreateContext,
    ) -> Result<(), Error> {
        let name = body
            .get("displayName")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let probe = Value::Object(body.clone());
        let unified = has_type(&probe, "Unified");
        if has_type(&probe, "DynamicMembership") {
            if !body.contains_key("membershipRule") {
                return Err(Error::invalid_value(
                    "a dynamic group needs a membershipRule",
                ));
            }
            body.entry("membershipRuleProcessingState")
                .or_insert("On".into());
        }
        body.entry("mailEnabled").or_insert(unified.into());
        body.entry("securityEnabled").or_insert((!unified).into());
        if !body.contains_key("mailNickname") {
            let ascii: String = name
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(50)
                .collect();
            body.insert(
                "mailNickname".into(),
                format!("{ascii}-{}", context.suffix).into(),
            );
        }
        Ok(())
    }

    fn identity<'a>(&self, body: &'a Map<String, Value>) -> Option<Identity<'a>> {
        Identity::by(body, "mailNickname", false)
    }

    fn derives(&self, body: &Map<String, Value>) -> bool {
        body.contains_key("mailNickname")
    }

    fn guard_properties(&self) -> &'static [&'static str] {
        &[
            "onPremisesSyncEnabled",
            "groupTypes",
            "mailEnabled",
            "securityEnabled",
            "isAssignableToRole",
        ]
    }

    fn guard_update(&self, entity: &Value, body: &Map<String, Value>) -> Result<(), Error> {
        guard_exchange(entity)?;
        super::guard_synced(entity, body, &[])
    }

    fn guard_relation(&self, entity: &Value, relation: &str) -> Result<(), Error> {
        guard_exchange(entity)?;
        if relation == "members" && has_type(entity, "DynamicMembership") {
            return Err(Error::mutability(
                "the group is dynamic: its members follow its membershipRule and are read-only",
            ));
        }
        if relation == "members" && super::is_synced(entity) {
            return Err(Error::mutability(
                "the group is synchronised from on-premises Active Directory: change its members there",
            ));
        }
        Ok(())
    }
}

/// Mail-enabled security groups and distribution lists belong to Exchange.
fn guard_exchange(entity: &Value) -> Result<(), Error> {
    let mail_enabled = entity
        .get("mailEnabled")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    if mail_enabled && !has_type(entity, "Unified") {
        return Err(Error::mutability(
            "mail-enabled security groups and distribution lists are read-only in Microsoft Graph: change them in Exchange",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn prepared(mut body: Value) -> Result<Value, Error> {
        let context = CreateContext {
            password: String::new(),
            suffix: "ab12".into(),
        };
        Groups.prepare_create(body.as_object_mut().unwrap(), &Document::new(), &context)?;
        Ok(body)
    }

    #[test]
    fn a_plain_group_is_a_security_group() {
        assert_eq!(
            prepared(json!({"displayName": "Žofie's Ops"})).unwrap(),
            json!({"displayName": "Žofie's Ops", "mailEnabled": false, "securityEnabled": true,
                   "mailNickname": "ofiesOps-ab12"})
        );
    }

    #[test]
    fn a_unified_group_is_mail_enabled() {
        let group = prepared(json!({"displayName": "T", "groupTypes": ["Unified"]})).unwrap();
        assert_eq!(
            (&group["mailEnabled"], &group["securityEnabled"]),
            (&json!(true), &json!(false))
        );
    }

    #[test]
    fn a_dynamic_group_needs_its_rule() {
        assert!(
            prepared(json!({"displayName": "T", "groupTypes": ["DynamicMembership"]})).is_err()
        );
    }

    #[test]
    fn read_only_members_are_refused_with_the_reason() {
        for (entity, part) in [
            (json!({"groupTypes": ["DynamicMembership"]}), "dynamic"),
            (json!({"onPremisesSyncEnabled": true}), "on-premises"),
            (
                json!({"mailEnabled": true, "securityEnabled": true, "groupTypes": []}),
                "Exchange",
            ),
        ] {
            let error = Groups.guard_relation(&entity, "members").unwrap_err();
            assert!(error.detail.contains(part), "{error}");
        }
        assert!(
            Groups
                .guard_relation(
                    &json!({"groupTypes": ["Unified"], "mailEnabled": true}),
                    "members"
                )
                .is_ok()
        );
    }
}
