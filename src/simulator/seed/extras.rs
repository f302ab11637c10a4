//! A few objects of the kinds that a tenant has beside people and groups: devices, contacts, an
//! application of its own with consents.

use serde_json::json;
use uuid::Uuid;

use super::plan::{Plan, Stream, uuid};
use crate::simulator::directory::{Kind, Relation};
use crate::simulator::operations::grants::grant_id;
use crate::simulator::seed_types::{SeedEnd, SeedLink, SeedObject};

/// The number of the tenant's own application among the extras' ids.
const EXPENSES: usize = 100;

/// Name, operating system, version, trust type, number of the owner.
#[rustfmt::skip]
const DEVICES: [(&str, &str, &str, &str, usize); 4] = [
    ("LAPTOP-7Q2KD01", "Windows", "10.0.22631.4317", "AzureAd", 1),
    ("LAPTOP-M3XX204", "Windows", "10.0.19045.5011", "ServerAd", 2),
    ("iPhone of Accounting", "IPhone", "17.6.1", "Workplace", 2),
    ("KIOSK-LOBBY", "Linux", "6.8.0", "AzureAd", usize::MAX),
];
const CONTACTS: [(&str, &str, &str); 3] = [
    ("Ana Trujillo", "ana.trujillo@fabrikam.test", "Fabrikam"),
    ("Fabrikam Billing", "billing@fabrikam.test", "Fabrikam"),
    ("José Pérez", "jose.perez@wingtip.test", "Wingtip Toys"),
];

/// The objects, and the relations between them and people.
pub(super) fn all(plan: &Plan) -> (Vec<SeedObject>, Vec<SeedLink>) {
    let (mut objects, mut links) = (Vec::new(), Vec::new());
    let id = |number: usize| uuid(&mut plan.random(Stream::Extra, number));
    for (number, (name, system, version, trust, owner)) in DEVICES.into_iter().enumerate() {
        objects.push(SeedObject {
            kind: Kind::Device,
            id: id(number),
            properties: vec![
                ("accountEnabled", json!(true)),
                ("deviceId", json!(id(200 + number).to_string())),
                ("deviceVersion", json!(2)),
                ("displayName", json!(name)),
                ("isCompliant", json!(trust == "AzureAd")),
                ("isManaged", json!(trust != "Workplace")),
                ("operatingSystem", json!(system)),
                ("operatingSystemVersion", json!(version)),
                ("profileType", json!("RegisteredDevice")),
                ("registrationDateTime", json!("2024-05-14T07:31:00Z")),
                (
                    "approximateLastSignInDateTime",
                    json!("2025-11-28T06:02:11Z"),
                ),
                ("trustType", json!(trust)),
            ],
        });
        for relation in [Relation::Owner, Relation::RegisteredUser] {
            links.push(SeedLink {
                relation,
                from: id(number),
                to: SeedEnd::User(owner),
            });
        }
    }
    for (number, (name, mail, company)) in CONTACTS.into_iter().enumerate() {
        objects.push(SeedObject {
            kind: Kind::OrgContact,
            id: id(10 + number),
            properties: vec![
                ("displayName", json!(name)),
                ("mail", json!(mail)),
                ("mailNickname", json!(mail.split('@').next())),
                ("companyName", json!(company)),
                ("proxyAddresses", json!([format!("SMTP:{mail}")])),
            ],
        });
    }
    objects.extend(expenses(plan));
    links.push(SeedLink {
        relation: Relation::Owner,
        from: id(EXPENSES),
        to: SeedEnd::User(1),
    });
    links.push(SeedLink {
        relation: Relation::Owner,
        from: id(EXPENSES + 1),
        to: SeedEnd::User(1),
    });
    (objects, links)
}

/// An application of the tenant's own: registration, service principal, consent to Graph.
fn expenses(plan: &Plan) -> Vec<SeedObject> {
    let id = |number: usize| uuid(&mut plan.random(Stream::Extra, EXPENSES + number)).to_string();
    let app_id = id(2);
    let uri = format!("api://{app_id}");
    let roles = json!([{
        "allowedMemberTypes": ["User"],
        "description": "Approves expenses",
        "displayName": "Approver",
        "id": id(3),
        "isEnabled": true,
        "origin": "Application",
        "value": "approver",
    }]);
    let graph = uuid(&mut plan.random(Stream::FirstParty, 0));
    let name = json!("Contoso Expenses");
    let registration = SeedObject {
        kind: Kind::Application,
        id: uuid(&mut plan.random(Stream::Extra, EXPENSES)),
        properties: vec![
            ("displayName", name.clone()),
            ("appId", json!(app_id)),
            ("identifierUris", json!([uri])),
            ("signInAudience", json!("AzureADMyOrg")),
            ("createdDateTime", json!("2023-02-20T10:15:00Z")),
            ("publisherDomain", json!(super::DOMAIN)),
            ("appRoles", roles.clone()),
        ],
    };
    let principal = SeedObject {
        kind: Kind::ServicePrincipal,
        id: uuid(&mut plan.random(Stream::Extra, EXPENSES + 1)),
        properties: vec![
            ("displayName", name.clone()),
            ("appDisplayName", name),
            ("appId", json!(app_id)),
            (
                "appOwnerOrganizationId",
                json!(plan.tenant_id().to_string()),
            ),
            ("accountEnabled", json!(true)),
            ("appRoleAssignmentRequired", json!(true)),
            ("servicePrincipalType", json!("Application")),
            ("signInAudience", json!("AzureADMyOrg")),
            ("servicePrincipalNames", json!([app_id, uri])),
            ("createdDateTime", json!("2023-02-20T10:15:02Z")),
            ("tags", json!(["WindowsAzureActiveDirectoryIntegratedApp"])),
            ("appRoles", roles),
        ],
    };
    let consent = |number: usize, person: Option<Uuid>, scope: &str| SeedObject {
        kind: Kind::OAuth2PermissionGrant,
        id: uuid(&mut plan.random(Stream::Extra, EXPENSES + 10 + number)),
        properties: vec![
            ("id", json!(grant_id(principal.id, graph, person))),
            ("clientId", json!(principal.id.to_string())),
            (
                "consentType",
                json!(if person.is_some() {
                    "Principal"
                } else {
                    "AllPrincipals"
                }),
            ),
            ("principalId", json!(person.map(|id| id.to_string()))),
            ("resourceId", json!(graph.to_string())),
            ("scope", json!(scope)),
        ],
    };
    let person = (plan.users > 1).then(|| plan.user(1).id);
    let mut grants = vec![consent(0, None, "openid profile User.Read")];
    if person.is_some() {
        grants.push(consent(1, person, "Mail.Send"));
    }
    let mut all = vec![registration, principal];
    all.append(&mut grants);
    all
}
