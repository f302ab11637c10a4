//! Service principals of Microsoft's own applications: every tenant has them, and grants of
//! permissions are grants of their app roles and scopes.
//!
//! Application ids and the ids of app roles and scopes are the real ones, as far as they are known;
//! object ids differ from tenant to tenant, as they really do.

use serde_json::{Value, json};

use super::plan::{Plan, Stream, uuid};
use crate::simulator::directory::Kind;
use crate::simulator::seed_types::SeedObject;

/// The organisation that owns Microsoft's applications.
const MICROSOFT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

/// `value`, id of the app role, id of the scope; `-` for none.
const GRAPH: &str = include_str!("graph_permissions.tsv");
const AZURE_AD: &str = "\
Directory.Read.All\t5778995a-e1bf-45b8-affa-663a9f3f4d04\t-
Directory.ReadWrite.All\t78c8a3c8-a07e-4b9e-af1b-b5ccab50a175\t-
Application.ReadWrite.All\t1cda74f2-2616-4834-b122-5cb1b07f8a59\t-
Application.ReadWrite.OwnedBy\t824c81eb-e3f8-4ee6-8f6d-de7f50d565b7\t-
User.Read\t-\t311a71cc-e848-46a1-bdf8-97ff7156d8e6
Directory.AccessAsUser.All\t-\ta42657d6-7f20-40e3-b6f0-cee03008a62a
";
const EXCHANGE: &str = "\
Exchange.ManageAsApp\tdc50a0fb-09a3-484d-be87-e023b12c6440\t-
full_access_as_app\tdc890d15-9560-4a4c-9b7f-a736ec74ec40\t-
";
const SHAREPOINT: &str = "\
Sites.FullControl.All\t678536fe-1083-478a-9c59-b99265e6b0d3\t-
User.Read.All\tdf021288-bdef-4463-88db-98f22de89214\t-
Sites.Read.All\td13f72ca-a275-4b96-b789-48ebcc4da984\t-
";
const AZURE: &str = "user_impersonation\t-\t41094075-9dad-400e-a0bd-54e686782033\n";

/// Application id, name, names besides the application id, permissions.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (
        "00000003-0000-0000-c000-000000000000",
        "Microsoft Graph",
        &[
            "https://graph.microsoft.com", "https://graph.microsoft.com/",
            "https://canary.graph.microsoft.com", "https://canary.graph.microsoft.com/",
            "https://graph.microsoft.us", "https://graph.microsoft.us/",
            "https://dod-graph.microsoft.us", "https://dod-graph.microsoft.us/",
            "https://ags.windows.net", "00000003-0000-0000-c000-000000000000/ags.windows.net",
            "Microsoft.Azure.AgregatorService",
        ],
        GRAPH,
    ),
    ("00000002-0000-0000-c000-000000000000", "Windows Azure Active Directory", &["https://graph.windows.net"], AZURE_AD),
    ("00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online", &["https://outlook.office365.com"], EXCHANGE),
    ("00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online", &["https://contoso.sharepoint.com"], SHAREPOINT),
    (
        "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        "Windows Azure Service Management API",
        &["https://management.azure.com/", "https://management.core.windows.net/", "Windows Azure Service Management API"],
        AZURE,
    ),
    ("abfa0a7c-a6b6-4736-8310-5855508787cd", "Microsoft Azure App Service", &[], ""),
    ("0af06dc6-e4b5-4f28-818e-e78e62d137a5", "Windows 365", &[], ""),
    ("a232010e-820c-4083-83bb-3ace5fc29d0b", "Azure Cosmos DB", &[], ""),
    ("f71766dc-90d9-4b7d-bd9d-4499c4331c3f", "Azure Blueprints", &[], ""),
];

/// The service principals, in the order of the table.
pub(super) fn service_principals(plan: &Plan) -> Vec<SeedObject> {
    ROWS.iter()
        .enumerate()
        .map(|(number, row)| service_principal(plan, number, row))
        .collect()
}

fn service_principal(plan: &Plan, number: usize, row: &Row) -> SeedObject {
    let (app_id, name, names, permissions) = *row;
    let mut all_names = vec![app_id];
    all_names.extend(names);
    // Exchange is among those that were there before dates were kept; few came later.
    let created = (name == "Windows 365").then_some("2021-08-03T09:12:44Z");
    SeedObject {
        kind: Kind::ServicePrincipal,
        id: uuid(&mut plan.random(Stream::FirstParty, number)),
        properties: vec![
            ("displayName", json!(name)),
            ("appDisplayName", json!(name)),
            ("appId", json!(app_id)),
            ("appOwnerOrganizationId", json!(MICROSOFT)),
            ("accountEnabled", json!(true)),
            ("appRoleAssignmentRequired", json!(false)),
            ("servicePrincipalType", json!("Application")),
            ("signInAudience", json!("AzureADMultipleOrgs")),
            ("servicePrincipalNames", json!(all_names)),
            ("createdDateTime", json!(created)),
            ("appRoles", roles(permissions)),
            ("oauth2PermissionScopes", scopes(permissions)),
        ],
    }
}

fn permissions(table: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    table.lines().filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()?, cells.next()?))
    })
}

fn roles(table: &str) -> Value {
    permissions(table)
        .filter(|(_, role, _)| *role != "-")
        .map(|(value, role, _)| {
            json!({
                "allowedMemberTypes": ["Application"],
                "description": format!("Allows the app {value} without a signed-in user."),
                "displayName": value,
                "id": role,
                "isEnabled": true,
                "origin": "Application",
                "value": value,
            })
        })
        .collect()
}

fn scopes(table: &str) -> Value {
    permissions(table)
        .filter(|(_, _, scope)| *scope != "-")
        .map(|(value, _, scope)| {
            let admin = value.ends_with(".All") || value.ends_with(".Directory");
            let description = format!("Allows the app {value} on behalf of the signed-in user.");
            json!({
                "adminConsentDescription": description,
                "adminConsentDisplayName": value,
                "id": scope,
                "isEnabled": true,
                "type": if admin { "Admin" } else { "User" },
                "userConsentDescription": description,
                "userConsentDisplayName": value,
                "value": value,
            })
        })
        .collect()
}
