//! Users.

use serde_json::{Map, Value, json};

use super::{
    CreateContext, Identity, Key, Listing, Operations, PatchAnswer, ResourceType, Rules, Special,
    edge::Side,
    entitlements::Entitlements,
    references::{Manager, MemberOf},
    role_assignments::RoleAssignments,
    units::UnitsOf,
};
use crate::scim::{Document, error::Error};

/// `/Users`: Graph users.
pub static USERS: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    rules: Rules {
        stem: "users",
        presets: &[
            (
                "standard",
                include_str!("../../config/mapping/standard/users.toml"),
            ),
            (
                "iga-flat",
                include_str!("../../config/mapping/iga-flat/users.toml"),
            ),
        ],
    },
    odata_type: Some("#microsoft.graph.user"),
    collection: "/users",
    id_property: "id",
    listing: Listing::Paged,
    key: Key::Path,
    operations: Operations {
        create: true,
        replace: true,
        patch: true,
        delete: true,
    },
    patch_answer: PatchAnswer::Resource,
    relations: &[
        &Manager,
        &MemberOf,
        &RoleAssignments { side: Side::From },
        &Entitlements {
            collection: "/users",
        },
        &UnitsOf {
            collection: "/users",
        },
    ],
    side_resources: &["mailboxSettings"],
    has_photo: true,
    special: &Users,
};

/// Properties of a user that is mastered on premises which the cloud may still write.
const WRITABLE_WHEN_SYNCED: &[&str] = &["usageLocation", "otherMails", "passwordPolicies"];

struct Users;

impl Special for Users {
    fn prepare_create(
        &self,
        body: &mut Map<String, Value>,
        _document: &Document,
        context: &CreateContext,
    ) -> Result<(), Error> {
        let upn = body
            .get("userPrincipalName")
            .and_then(Value::as_str)
            .ok_or_else(|| Error::invalid_value("userName is required"))?
            .to_owned();
        let Some((local, _)) = upn.split_once('@') else {
            return Err(Error::invalid_value(format!(
                "userName '{upn}' is not a user principal name: it needs '@' and a verified domain"
            )));
        };
        body.entry("accountEnabled").or_insert(true.into());
        if !body.contains_key("mailNickname") {
            body.insert("mailNickname".into(), nickname(local).into());
        }
        if !body.contains_key("displayName") {
            let name = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
            let full = format!("{} {}", name("givenName"), name("surname"))
                .trim()
                .to_owned();
            let full = if full.is_empty() {
                local.to_owned()
            } else {
                full
            };
            body.insert("displayName".into(), full.into());
        }
        let profile = body.entry("passwordProfile").or_insert_with(|| json!({}));
        if let Some(profile) = profile.as_object_mut()
            && !profile.contains_key("password")
        {
            // Nobody knows this password: the account is signed in to after a reset, by single
            // sign-on, or not at all.
            profile.insert("password".into(), context.password.clone().into());
            profile
                .entry("forceChangePasswordNextSignIn")
                .or_insert(true.into());
        }
        Ok(())
    }

    fn identity<'a>(&self, body: &'a Map<String, Value>) -> Option<Identity<'a>> {
        Identity::by(body, "userPrincipalName", true)
    }

    fn derives(&self, body: &Map<String, Value>) -> bool {
        // Exchange and the directory keep the proxy addresses in step.
        ["mail", "userPrincipalName", "mailNickname"]
            .iter()
            .any(|name| body.contains_key(*name))
    }

    fn guard_properties(&self) -> &'static [&'static str] {
        &["onPremisesSyncEnabled", "usageLocation"]
    }

    fn guard_update(&self, entity: &Value, body: &Map<String, Value>) -> Result<(), Error> {
        super::guard_synced(entity, body, WRITABLE_WHEN_SYNCED)
    }

    fn guard_relation(&self, entity: &Value, relation: &str) -> Result<(), Error> {
        if relation == "manager" && super::is_synced(entity) {
            return Err(Error::mutability(
                "the user is synchronised from on-premises Active Directory: change the manager there",
            ));
        }
        Ok(())
    }
}

/// A mail nickname out of the local part of a user principal name: Graph allows at most 64
/// characters and none of `@()\[]";:.<>,` or space.
pub(super) fn nickname(local: &str) -> String {
    let name: String = local
        .chars()
        .filter(|c| !c.is_whitespace() && !"@()\\[]\";:<>,".contains(*c))
        .take(64)
        .collect();
    if name.is_empty() { "user".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> CreateContext {
        CreateContext {
            password: "generated-Passw0rd".into(),
            suffix: "ab12".into(),
        }
    }

    #[test]
    fn a_create_gets_what_graph_requires() {
        let mut body =
            json!({"userPrincipalName": "adele.vance@contoso.com", "givenName": "Adele"});
        let map = body.as_object_mut().unwrap();
        Users
            .prepare_create(map, &Document::new(), &context())
            .unwrap();
        assert_eq!(
            body,
            json!({
                "userPrincipalName": "adele.vance@contoso.com", "givenName": "Adele",
                "accountEnabled": true, "mailNickname": "adele.vance", "displayName": "Adele",
                "passwordProfile": {"password": "generated-Passw0rd", "forceChangePasswordNextSignIn": true}
            })
        );
    }

    #[test]
    fn what_the_client_says_is_kept() {
        let mut body = json!({
            "userPrincipalName": "a@b.c", "accountEnabled": false, "mailNickname": "n", "displayName": "d",
            "passwordProfile": {"password": "own"}
        });
        let before = body.clone();
        Users
            .prepare_create(body.as_object_mut().unwrap(), &Document::new(), &context())
            .unwrap();
        assert_eq!(body, before);
    }

    #[test]
    fn a_user_name_without_domain_is_refused() {
        let mut body = json!({"userPrincipalName": "adele"});
        let error = Users
            .prepare_create(body.as_object_mut().unwrap(), &Document::new(), &context())
            .unwrap_err();
        assert!(error.detail.contains("verified domain"), "{error}");
    }

    #[test]
    fn a_synced_user_is_changed_where_it_is_mastered() {
        let synced = json!({"onPremisesSyncEnabled": true});
        let change = json!({"jobTitle": "x", "usageLocation": "DE"});
        let error = Users
            .guard_update(&synced, change.as_object().unwrap())
            .unwrap_err();
        assert!(
            error.detail.contains("jobTitle") && !error.detail.contains("usageLocation"),
            "{error}"
        );
        assert!(
            Users
                .guard_update(&json!({}), change.as_object().unwrap())
                .is_ok()
        );
    }
}
