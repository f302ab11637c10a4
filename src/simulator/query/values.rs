//! Properties of an object as Graph shows them: stored ones, and those that follow from the rest
//! of the state.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::odata::facts;
use crate::simulator::directory::{Kind, Reader, Relation, Slot, Stored, ticks, time_text};

/// Whether a property is computed.
pub fn is_computed(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::User => matches!(
            name,
            "assignedLicenses"
                | "assignedPlans"
                | "provisionedPlans"
                | "licenseAssignmentStates"
                | "identities"
                | "securityIdentifier"
                | "mailboxSettings"
                | "onPremisesExtensionAttributes"
                | "passwordProfile"
        ),
        Kind::Group => matches!(
            name,
            "assignedLicenses"
                | "licenseProcessingState"
                | "hasMembersWithLicenseErrors"
                | "securityIdentifier"
        ),
        Kind::RoleDefinition => name == "templateId",
        _ => false,
    }
}

/// A property as JSON; a collection that holds nothing is `[]`.
pub fn value(dir: Reader<'_>, slot: Slot, name: &str) -> Value {
    let kind = dir.object(slot).kind;
    if name == "id" {
        return Value::String(dir.id_text(slot));
    }
    let value = if is_computed(kind, name) {
        computed(dir, slot, name)
    } else {
        dir.json(slot, name)
    };
    let value = if name == "keyCredentials" {
        without_keys(value)
    } else {
        value
    };
    if value.is_null() {
        return empty(kind, name);
    }
    value
}

/// How a property shows that holds nothing.
pub fn empty(kind: Kind, name: &str) -> Value {
    if is_collection(kind, name) {
        Value::Array(Vec::new())
    } else {
        structure(kind, name)
    }
}

/// A property that was asked for by name: of certificates, the keys are shown then.
pub fn selected(dir: Reader<'_>, slot: Slot, name: &str) -> Value {
    match dir.json(slot, name) {
        keys @ Value::Array(_) if name == "keyCredentials" => keys,
        _ => value(dir, slot, name),
    }
}

/// Certificates as a GET shows them: without the keys.
fn without_keys(value: Value) -> Value {
    match value {
        Value::Array(keys) => keys
            .into_iter()
            .map(|mut key| {
                key["key"] = json!(null);
                key
            })
            .collect(),
        other => other,
    }
}

fn is_collection(kind: Kind, name: &str) -> bool {
    name == "creationOptions"
        || facts::entity(kind.entity())
            .and_then(|e| e.property(name))
            .is_some_and(|p| p.collection)
}

/// Structures of applications and service principals that are never null.
pub fn structure(kind: Kind, name: &str) -> Value {
    let shared = matches!(name, "info" | "verifiedPublisher");
    match name {
        _ if kind != Kind::Application && !(shared && kind == Kind::ServicePrincipal) => {
            Value::Null
        }
        "api" => json!({
            "acceptMappedClaims": null, "knownClientApplications": [],
            "requestedAccessTokenVersion": null, "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        }),
        "info" => json!({
            "logoUrl": null, "marketingUrl": null, "privacyStatementUrl": null,
            "supportUrl": null, "termsOfServiceUrl": null,
        }),
        "parentalControlSettings" => {
            json!({"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"})
        }
        "publicClient" | "spa" => json!({"redirectUris": []}),
        "verifiedPublisher" => {
            json!({"displayName": null, "verifiedPublisherId": null, "addedDateTime": null})
        }
        "web" => json!({
            "homePageUrl": null, "logoutUrl": null, "redirectUris": [],
            "implicitGrantSettings": {
                "enableAccessTokenIssuance": false, "enableIdTokenIssuance": false,
            },
            "redirectUriSettings": [],
        }),
        _ => Value::Null,
    }
}

fn computed(dir: Reader<'_>, slot: Slot, name: &str) -> Value {
    let kind = dir.object(slot).kind;
    match (kind, name) {
        (_, "securityIdentifier") => match dir.json(slot, name) {
            Value::Null => Value::String(security_identifier(dir.object(slot).id)),
            given => given,
        },
        (Kind::User, "assignedLicenses") => licenses(dir, &dir.held(slot)),
        (Kind::Group, "assignedLicenses") => licenses(dir, dir.group_licences(slot)),
        (Kind::User, "licenseAssignmentStates") => states(dir, slot),
        (Kind::User, "assignedPlans") => plans(dir, slot, true),
        (Kind::User, "provisionedPlans") => plans(dir, slot, false),
        (Kind::User, "identities") => identities(dir, slot),
        (Kind::User, "mailboxSettings") if dir.text(slot, "mail").is_some() => mailbox(dir, slot),
        (Kind::User, "onPremisesExtensionAttributes") => {
            let stored = dir.json(slot, name);
            (1..=15)
                .map(|n| {
                    let name = format!("extensionAttribute{n}");
                    let value = stored.get(&name).cloned().unwrap_or_default();
                    (name, value)
                })
                .collect::<Map<_, _>>()
                .into()
        }
        (Kind::User, "passwordProfile") => match dir.json(slot, name) {
            Value::Object(mut profile) => {
                profile.insert("password".into(), Value::Null);
                Value::Object(profile)
            }
            _ => Value::Null,
        },
        (Kind::Group, "licenseProcessingState") => {
            if dir.licences().is_pending(slot) {
                json!({"state": "QueuedForProcessing"})
            } else if dir.group_licences(slot).is_empty() {
                Value::Null
            } else {
                json!({"state": "ProcessingComplete"})
            }
        }
        (Kind::Group, "hasMembersWithLicenseErrors") => {
            let failing = !dir.group_licences(slot).is_empty()
                && dir.targets(Relation::Member, slot, None).any(|member| {
                    dir.grants(member)
                        .iter()
                        .any(|g| g.group == Some(slot) && g.error.is_some())
                });
            if failing {
                Value::Bool(true)
            } else {
                Value::Null
            }
        }
        (Kind::RoleDefinition, "templateId") => match dir.json(slot, name) {
            Value::Null => Value::String(dir.id_text(slot)),
            given => given,
        },
        _ => Value::Null,
    }
}

/// `S-1-12-1-` and the id's bytes, as .NET orders them, as four little-endian numbers.
pub fn security_identifier(id: Uuid) -> String {
    let mut text = "S-1-12-1".to_owned();
    for chunk in id.to_bytes_le().chunks_exact(4) {
        let number = chunk
            .iter()
            .rev()
            .fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
        text.push('-');
        text.push_str(&number.to_string());
    }
    text
}

fn licenses(dir: Reader<'_>, held: &[(u16, u128)]) -> Value {
    held.iter()
        .map(|(number, disabled)| {
            let sku = dir.licences().sku(*number);
            let plans: Vec<String> = sku.plans_of(*disabled).map(|p| p.id.to_string()).collect();
            json!({"disabledPlans": plans, "skuId": sku.id.to_string()})
        })
        .collect()
}

fn states(dir: Reader<'_>, slot: Slot) -> Value {
    dir.grants(slot)
        .iter()
        .map(|grant| {
            let sku = dir.licences().sku(grant.sku);
            let plans: Vec<String> = sku
                .plans_of(grant.disabled)
                .map(|p| p.id.to_string())
                .collect();
            json!({
                "skuId": sku.id.to_string(),
                "disabledPlans": plans,
                "lastUpdatedDateTime": time_text(ticks(grant.updated)),
                "assignedByGroup": grant.group.map(|g| dir.object(g).id.to_string()),
                "state": if grant.error.is_some() { "Error" } else { "Active" },
                "error": grant.error.map_or("None", |e| e.as_str()),
            })
        })
        .collect()
}

fn plans(dir: Reader<'_>, slot: Slot, assigned: bool) -> Value {
    let mut list = Vec::new();
    for (number, disabled) in dir.held(slot) {
        for plan in dir.licences().sku(number).plans_of(!disabled) {
            list.push(if assigned {
                json!({
                    "assignedDateTime": time_text(ticks(dir.tenant().created)),
                    "capabilityStatus": "Enabled",
                    "service": plan.name,
                    "servicePlanId": plan.id.to_string(),
                })
            } else {
                json!({
                    "capabilityStatus": "Enabled",
                    "provisioningStatus": "Success",
                    "service": plan.name,
                })
            });
        }
    }
    Value::Array(list)
}

fn identities(dir: Reader<'_>, slot: Slot) -> Value {
    if let Some(stored) = dir.get(slot, "identities") {
        return stored.to_json();
    }
    let issuer = dir
        .tenant()
        .domains
        .iter()
        .find(|d| d.is_initial)
        .map_or("", |domain| domain.name.as_str());
    match dir.text(slot, "userPrincipalName") {
        Some(upn) => json!([{
            "signInType": "userPrincipalName", "issuer": issuer, "issuerAssignedId": upn,
        }]),
        None => Value::Null,
    }
}

/// A mailbox's settings: what Exchange starts with, and what was changed.
pub fn mailbox(dir: Reader<'_>, slot: Slot) -> Value {
    let mut settings = json!({
        "archiveFolder": null,
        "timeZone": "UTC",
        "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
        "dateFormat": "dd/MM/yyyy",
        "timeFormat": "HH:mm",
        "userPurpose": "user",
        "automaticRepliesSetting": {
            "status": "disabled",
            "externalAudience": "none",
            "internalReplyMessage": "",
            "externalReplyMessage": "",
            "scheduledStartDateTime": {"dateTime": "2026-01-01T00:00:00.0000000", "timeZone": "UTC"},
            "scheduledEndDateTime": {"dateTime": "2026-01-02T00:00:00.0000000", "timeZone": "UTC"},
        },
        "language": {"locale": "en-US", "displayName": "English (United States)"},
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": "UTC"},
        },
    });
    if let (Some(all), Some(changed)) = (
        settings.as_object_mut(),
        dir.directory().mailboxes.get(&slot),
    ) {
        for (name, value) in changed {
            all.insert(name.clone(), value.clone());
        }
    }
    settings
}

/// A simple value, borrowed where it can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Null, or a structure.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A moment in ticks.
    Time(i64),
    /// Text.
    Str(std::borrow::Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// Of a stored value.
    pub fn stored(value: Option<Stored<'a>>) -> Self {
        match value {
            Some(Stored::Bool(b)) => Self::Bool(b),
            Some(Stored::Int(n)) => Self::Int(n),
            Some(Stored::Time(ticks)) => Self::Time(ticks),
            Some(Stored::Str(text)) => Self::Str(text.into()),
            _ => Self::Null,
        }
    }

    /// Of JSON.
    pub fn json(value: &Value) -> Scalar<'static> {
        match value {
            Value::Bool(b) => Scalar::Bool(*b),
            Value::Number(n) => n.as_i64().map_or(Scalar::Null, Scalar::Int),
            Value::String(text) => Scalar::Str(text.clone().into()),
            _ => Scalar::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_of_the_recording() {
        let id = Uuid::parse_str("a3f6c606-38ec-42d7-8c0e-d4ecaf0d9d61").unwrap();
        assert_eq!(
            security_identifier(id),
            "S-1-12-1-2750858758-1121401068-3973320332-1637682607"
        );
    }
}
