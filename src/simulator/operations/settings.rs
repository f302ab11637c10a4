//! Settings of groups, and the templates that they are made from: what a tenant starts with.
//!
//! Source: [groupSettingTemplate](https://learn.microsoft.com/graph/api/resources/groupsettingtemplate).

use serde_json::{Value, json};

use crate::simulator::directory::{Reader, Slot};

/// Template of the settings that hold for all Microsoft 365 groups.
const UNIFIED: &str = "62375ab9-6b52-47ed-826b-58e47e0e304b";
/// The tenant's own instance of it.
const TENANT_SETTING: &str = "f0b2d6f5-097d-4177-91af-a24e530b53cc";

/// Name, type and default of each value.
#[rustfmt::skip]
const UNIFIED_VALUES: [(&str, &str, &str); 15] = [
    ("EnableMIPLabels", "System.Boolean", "false"),
    ("CustomBlockedWordsList", "System.String", ""),
    ("EnableMSStandardBlockedWords", "System.Boolean", "false"),
    ("ClassificationDescriptions", "System.String", ""),
    ("DefaultClassification", "System.String", ""),
    ("PrefixSuffixNamingRequirement", "System.String", ""),
    ("AllowGuestsToBeGroupOwner", "System.Boolean", "false"),
    ("AllowGuestsToAccessGroups", "System.Boolean", "true"),
    ("GuestUsageGuidelinesUrl", "System.String", ""),
    ("GroupCreationAllowedGroupId", "System.Guid", ""),
    ("AllowToAddGuests", "System.Boolean", "true"),
    ("UsageGuidelinesUrl", "System.String", ""),
    ("ClassificationList", "System.String", ""),
    ("EnableGroupCreation", "System.Boolean", "true"),
    ("NewUnifiedGroupWritebackDefault", "System.Boolean", "true"),
];
const GUEST_VALUES: [(&str, &str, &str); 1] = [("AllowToAddGuests", "System.Boolean", "true")];

/// `/groupSettingTemplates`
pub fn templates(_: Reader<'_>) -> Vec<Value> {
    let template = |id: &str, name: &str, description: &str, values: &[(&str, &str, &str)]| {
        let values: Vec<Value> = values
            .iter()
            .map(|(name, kind, default)| {
                json!({
                    "name": name, "type": kind, "defaultValue": default,
                    "description": format!("The setting {name}."),
                })
            })
            .collect();
        json!({
            "id": id, "deletedDateTime": null, "displayName": name,
            "description": description, "values": values,
        })
    };
    vec![
        template(
            UNIFIED,
            "Group.Unified",
            "Settings that hold for all Microsoft 365 groups.",
            &UNIFIED_VALUES,
        ),
        template(
            "08d542b9-071f-4e16-94b0-74abb372e3d9",
            "Group.Unified.Guest",
            "Settings of one Microsoft 365 group.",
            &GUEST_VALUES,
        ),
    ]
}

/// `/groupSettings`: of the tenant.
pub fn all(_: Reader<'_>) -> Vec<Value> {
    let values: Vec<Value> = UNIFIED_VALUES
        .iter()
        .map(|(name, _, value)| json!({"name": name, "value": value}))
        .collect();
    vec![json!({
        "id": TENANT_SETTING, "displayName": "Group.Unified", "templateId": UNIFIED,
        "values": values,
    })]
}

/// `/groups/{id}/settings`: no group has its own.
pub fn of_group(_: Reader<'_>, _: Slot) -> Vec<Value> {
    Vec::new()
}
