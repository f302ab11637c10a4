//! Directory roles under their real ids, custom roles, assignments, administrative units.
//!
//! Source: [built-in roles](https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference).

use serde_json::{Value, json};

use super::group::ROLE_ASSIGNABLE;
use super::plan::{Plan, Stream, uuid};
use crate::simulator::seed_types::{SeedAssignment, SeedHeld, SeedPrincipal, SeedUnit};

/// Template id, name, one resource action that is typical of it.
#[rustfmt::skip]
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator", "microsoft.directory/users/allProperties/allTasks"),
    ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader", "microsoft.directory/users/standard/read"),
    ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", "microsoft.directory/users/create"),
    ("fdd7a751-b60b-444a-984c-02652fe8fa1c", "Groups Administrator", "microsoft.directory/groups/create"),
    ("4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator", "microsoft.directory/users/assignLicense"),
    ("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator", "microsoft.directory/directoryRoles/allProperties/allTasks"),
    ("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator", "microsoft.directory/users/password/update"),
    ("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator", "microsoft.directory/applications/create"),
    ("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers", "microsoft.directory/users/standard/read"),
    ("9360feb5-f418-4baa-8175-e2a00bac4301", "Directory Writers", "microsoft.directory/users/basic/update"),
    ("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator", "microsoft.directory/users/authenticationMethods/create"),
    ("c4e39bd9-1100-46d3-8c65-fb160da0071f", "Authentication Administrator", "microsoft.directory/users/authenticationMethods/basic/update"),
    ("0526716b-113d-4c15-b2c8-68e3c22b9f80", "Authentication Policy Administrator", "microsoft.directory/organization/strongAuthentication/allTasks"),
    ("158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator", "microsoft.directory/applications/create"),
    ("cf1c38e5-3621-4004-a7cb-879624dced7c", "Application Developer", "microsoft.directory/applications/createAsOwner"),
    ("d29b2b05-8046-44ba-8758-1e26182fcf32", "Directory Synchronization Accounts", "microsoft.directory/organization/dirSync/update"),
    ("194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator", "microsoft.directory/policies/create"),
    ("5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader", "microsoft.directory/signInReports/allProperties/read"),
    ("5f2222b1-57c3-48ba-8ad5-d4759f1fde6f", "Security Operator", "microsoft.directory/identityProtection/allProperties/allTasks"),
    ("b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "Conditional Access Administrator", "microsoft.directory/conditionalAccessPolicies/create"),
    ("29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator", "microsoft.office365.exchange/allEntities/basic/allTasks"),
    ("f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "SharePoint Administrator", "microsoft.office365.sharePoint/allEntities/allTasks"),
    ("69091246-20e8-4a56-aa4d-066075b2a7a8", "Teams Administrator", "microsoft.teams/allEntities/allProperties/allTasks"),
    ("75941009-915a-4869-abe7-691bff18279e", "Skype for Business Administrator", "microsoft.office365.skypeForBusiness/allEntities/allTasks"),
    ("3a2c62db-5318-420d-8d74-23affee5d9d5", "Intune Administrator", "microsoft.intune/allEntities/allTasks"),
    ("b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Administrator", "microsoft.commerce.billing/allEntities/allProperties/allTasks"),
    ("f023fd81-a637-4b56-95fd-791ac0226033", "Service Support Administrator", "microsoft.office365.supportTickets/allEntities/allTasks"),
    ("17315797-102d-40b4-93e0-432062caca18", "Compliance Administrator", "microsoft.directory/entitlementManagement/allProperties/read"),
    ("e6d1a23a-da11-4be4-9570-befc86d067a7", "Compliance Data Administrator", "microsoft.office365.complianceManager/allEntities/allTasks"),
    ("966707d0-3269-4727-9be2-8c3a10f19b9d", "Password Administrator", "microsoft.directory/users/password/update"),
    ("95e79109-95c0-4d8e-aee3-d01accf2d47b", "Guest Inviter", "microsoft.directory/users/inviteGuest"),
    ("4a5d8f65-41da-4de4-8968-e035b65339cf", "Reports Reader", "microsoft.directory/auditLogs/allProperties/read"),
    ("790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "Message Center Reader", "microsoft.office365.messageCenter/messages/read"),
    ("75934031-6c7e-415a-99d7-48dbd49e875e", "Usage Summary Reports Reader", "microsoft.office365.usageReports/allEntities/standard/read"),
    ("11648597-926c-4cf3-9c36-bcebb0ba8dcc", "Power Platform Administrator", "microsoft.powerApps/allEntities/allTasks"),
    ("a9ea8996-122f-4c74-9520-8edcd192826c", "Fabric Administrator", "microsoft.powerApps.powerBI/allEntities/allTasks"),
    ("44367163-eba1-44c3-98af-f5787879f96a", "Dynamics 365 Administrator", "microsoft.dynamics365/allEntities/allTasks"),
    ("7698a772-787b-4ac8-901f-60d6b08affd2", "Cloud Device Administrator", "microsoft.directory/devices/disable"),
    ("8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2", "Hybrid Identity Administrator", "microsoft.directory/domains/federation/update"),
    ("8329153b-31d0-4727-b945-745eb3bc5f31", "Domain Name Administrator", "microsoft.directory/domains/allProperties/allTasks"),
    ("be2f45a1-457d-42af-a067-6ec1fa63bc45", "External Identity Provider Administrator", "microsoft.directory/identityProviders/allProperties/allTasks"),
    ("45d8d3c5-c802-45c6-b32a-1d70b5e1e86e", "Identity Governance Administrator", "microsoft.directory/entitlementManagement/allProperties/allTasks"),
];
const GLOBAL_ADMINISTRATOR: usize = 0;
const GLOBAL_READER: usize = 1;
const USER_ADMINISTRATOR: usize = 2;
const HELPDESK_ADMINISTRATOR: usize = 6;
/// The first custom role comes right behind the built-in ones.
const CUSTOM: usize = BUILT_IN.len();

/// `unifiedRoleDefinition`s, built-in ones first.
pub(super) fn definitions(plan: &Plan) -> Vec<Value> {
    let mut list: Vec<Value> = BUILT_IN
        .iter()
        .map(|(id, name, action)| {
            definition(
                id,
                name,
                &format!("Built-in role {name}."),
                true,
                &[action, "microsoft.directory/users/basic/read"],
            )
        })
        .collect();
    let mut random = plan.random(Stream::Tenant, 3);
    list.push(definition(
        &uuid(&mut random).to_string(),
        "Application Support Administrator",
        "Can manage basic aspects of application registrations.",
        false,
        &[
            "microsoft.directory/applications/basic/update",
            "microsoft.directory/applications/credentials/update",
        ],
    ));
    list.push(definition(
        &uuid(&mut random).to_string(),
        "Group Membership Reviewer",
        "Reads groups and their members.",
        false,
        &["microsoft.directory/groups/members/read"],
    ));
    list
}

fn definition(id: &str, name: &str, description: &str, built_in: bool, actions: &[&str]) -> Value {
    json!({
        "id": id,
        "description": description,
        "displayName": name,
        "isBuiltIn": built_in,
        "isEnabled": true,
        "resourceScopes": ["/"],
        "templateId": id,
        "version": if built_in { "1" } else { "1.0" },
        "rolePermissions": [{"allowedResourceActions": actions, "condition": null}],
    })
}

/// Who holds what. Assignments to users and groups that the tenant is too small for fall away.
pub(super) fn assignments(plan: &Plan) -> Vec<SeedAssignment> {
    use SeedHeld::{Days, Eligible, Permanent};
    use SeedPrincipal::{App, Group, User};
    [
        (GLOBAL_ADMINISTRATOR, User(0), None, Permanent),
        (GLOBAL_READER, User(1), None, Permanent),
        (USER_ADMINISTRATOR, User(2), None, Permanent),
        (HELPDESK_ADMINISTRATOR, User(3), Some(0), Permanent),
        (CUSTOM, User(4), None, Permanent),
        (
            HELPDESK_ADMINISTRATOR,
            Group(ROLE_ASSIGNABLE),
            None,
            Permanent,
        ),
        (USER_ADMINISTRATOR, App, None, Permanent),
        (USER_ADMINISTRATOR, User(1), None, Days(90)),
        (GLOBAL_ADMINISTRATOR, User(6), None, Eligible(Some(180))),
        (USER_ADMINISTRATOR, User(7), Some(0), Eligible(None)),
    ]
    .into_iter()
    .filter(|(_, principal, ..)| match principal {
        User(number) => *number < plan.users,
        Group(number) => *number < plan.groups,
        App => true,
    })
    .map(|(role, principal, unit, how)| SeedAssignment {
        role,
        principal,
        unit,
        how,
    })
    .collect()
}

/// Two administrative units, one of them empty.
pub(super) fn units(plan: &Plan) -> Vec<SeedUnit> {
    let id = |number| uuid(&mut plan.random(Stream::Unit, number));
    vec![
        SeedUnit {
            id: id(0),
            display_name: "Europe".to_owned(),
            description: Some("People and groups of the European offices".to_owned()),
            members: (10..30.min(plan.users)).collect(),
            member_groups: (3..6.min(plan.groups)).collect(),
        },
        SeedUnit {
            id: id(1),
            display_name: "Retail".to_owned(),
            description: None,
            members: Vec::new(),
            member_groups: Vec::new(),
        },
    ]
}
