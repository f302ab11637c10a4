//! The same seed gives the same tenant, and the same script the same answers.

use entra_scim::simulator::settings::Settings;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sim::{Answer, Sim};

fn settings(seed: u64) -> Settings {
    Settings {
        users: 150,
        groups: 40,
        seed,
        ..Settings::default()
    }
}

const USER: &str = "id,displayName,userPrincipalName,givenName,surname,mail,mailNickname,userType,\
    accountEnabled,department,jobTitle,companyName,employeeId,employeeType,employeeHireDate,\
    employeeOrgData,officeLocation,streetAddress,city,state,postalCode,country,usageLocation,\
    preferredLanguage,businessPhones,mobilePhone,faxNumber,otherMails,proxyAddresses,imAddresses,\
    identities,createdDateTime,lastPasswordChangeDateTime,onPremisesSyncEnabled,\
    onPremisesImmutableId,onPremisesExtensionAttributes,externalUserState,securityIdentifier,\
    assignedLicenses,assignedPlans,licenseAssignmentStates";

/// Everything that the tenant shows.
async fn state(sim: &Sim) -> Vec<(String, Value)> {
    let mut pages = Vec::new();
    let users = format!("/users?$top=999&$select={USER}");
    for path in [
        users.as_str(),
        "/users",
        "/groups?$top=37",
        "/groups?$select=id,assignedLicenses,licenseProcessingState,membershipRule,proxyAddresses",
        "/directoryRoles",
        "/roleManagement/directory/roleDefinitions",
        "/roleManagement/directory/roleAssignments",
        "/directory/administrativeUnits",
        "/applications",
        "/servicePrincipals",
        "/subscribedSkus",
        "/organization",
        "/domains",
        "/directoryRoleTemplates",
    ] {
        pages.push((path.to_owned(), Value::Array(sim.all(path).await)));
    }
    for (set, relations) in [
        ("groups", &["members", "owners"][..]),
        ("directoryRoles", &["members"]),
        ("directory/administrativeUnits", &["members"]),
        ("users", &["memberOf"]),
    ] {
        for object in sim.all(&format!("/{set}")).await {
            for relation in relations {
                let id = object["id"].as_str().unwrap();
                let path = format!("/{set}/{id}/{relation}");
                pages.push((path.clone(), Value::Array(sim.all(&path).await)));
            }
        }
    }
    pages
}

fn hash(pages: &[(String, Value)]) -> String {
    let mut hash = Sha256::new();
    for (path, page) in pages {
        hash.update(path);
        hash.update(page.to_string());
    }
    format!("{:x}", hash.finalize())
}

#[tokio::test]
async fn same_seed_same_tenant() {
    let (one, two) = (Sim::start(settings(5)).await, Sim::start(settings(5)).await);
    // The clock is no part of the tenant.
    two.tell("/clock/advance", &json!({"seconds": 5000})).await;
    let mut two = two;
    two.sign_in().await;
    let (first, second) = (state(&one).await, state(&two).await);
    assert!(first.len() > 150, "{}", first.len());
    for ((path, a), (other, b)) in first.iter().zip(&second) {
        assert_eq!((path, a), (other, b));
    }
    assert_eq!(hash(&first), hash(&second));
    let other = Sim::start(settings(6)).await;
    assert_ne!(hash(&first), hash(&state(&other).await));
    assert_eq!(
        one.running.ready.client_secret,
        two.running.ready.client_secret
    );
}

/// What may differ between two runs: the port, request ids, moments, and what carries these.
fn blurred(sim: &Sim, value: &Value) -> Value {
    match value {
        Value::String(text) if is_moment(text) => json!("<moment>"),
        Value::String(text) => {
            let text = text.replace(sim.origin(), "<origin>");
            let cut = text.find("$skiptoken=").unwrap_or(text.len());
            json!(text[..cut])
        }
        Value::Array(items) => items.iter().map(|item| blurred(sim, item)).collect(),
        Value::Object(map) => map
            .iter()
            .filter(|(name, _)| !["request-id", "client-request-id"].contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), blurred(sim, value)))
            .collect(),
        other => other.clone(),
    }
}

fn is_moment(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape.starts_with("0000-00-00T00:00:00")
}

fn shown(sim: &Sim, answer: &Answer) -> Value {
    let mut headers: Vec<(String, Value)> = answer
        .headers
        .iter()
        .filter(|(name, _)| {
            !["date", "request-id", "client-request-id", "content-length"].contains(&name.as_str())
        })
        .map(|(name, value)| {
            (
                name.to_string(),
                blurred(sim, &json!(value.to_str().unwrap())),
            )
        })
        .collect();
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    json!([answer.status, headers, blurred(sim, &answer.body)])
}

/// Writes and reads of every sort; later steps use what earlier ones made.
async fn script(sim: &Sim) -> Vec<Value> {
    let mut seen = Vec::new();
    let mut run = Vec::new();
    let nobody = Value::Null;
    let user = sim
        .ask(
            "POST",
            "/users",
            &json!({
                "accountEnabled": true, "displayName": "New One", "mailNickname": "newone",
                "userPrincipalName": "new.one@contoso.com",
                "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
            }),
        )
        .await;
    let user_id = user.text("/id");
    run.push(user);
    let group = sim
        .ask(
            "POST",
            "/groups",
            &json!({
                "displayName": "New Group", "mailNickname": "newgroup", "mailEnabled": true,
                "securityEnabled": false, "groupTypes": ["Unified"],
                "members@odata.bind": [sim.reference(&user_id)["@odata.id"]],
            }),
        )
        .await;
    let group_id = group.text("/id");
    run.push(group);
    let role = sim
        .ask(
            "POST",
            "/directoryRoles",
            &json!({"roleTemplateId": "9360feb5-f418-4baa-8175-e2a00bac4301"}),
        )
        .await;
    let role_id = role.text("/id");
    run.push(role);
    let steps = [
        (
            "POST",
            format!("/directoryRoles/{role_id}/members/$ref"),
            sim.reference(&user_id),
        ),
        (
            "GET",
            "/roleManagement/directory/roleAssignments".to_owned(),
            nobody.clone(),
        ),
        (
            "PATCH",
            format!("/users/{user_id}"),
            json!({"department": "X", "mail": "n@contoso.com"}),
        ),
        ("GET", format!("/users/{user_id}"), nobody.clone()),
        (
            "PUT",
            format!("/users/{user_id}/manager/$ref"),
            sim.reference(&sim.user(3)),
        ),
        (
            "POST",
            format!("/groups/{group_id}/members/$ref"),
            sim.reference(&sim.user(4)),
        ),
        (
            "POST",
            format!("/groups/{group_id}/members/$ref"),
            sim.reference(&sim.user(4)),
        ),
        (
            "POST",
            "/directory/administrativeUnits".to_owned(),
            json!({"displayName": "Unit"}),
        ),
        (
            "POST",
            "/invitations".to_owned(),
            json!({"invitedUserEmailAddress": "a@b.org", "inviteRedirectUrl": "https://b.org"}),
        ),
        (
            "POST",
            format!("/users/{user_id}/getMemberGroups"),
            json!({"securityEnabledOnly": false}),
        ),
        ("GET", "/users?$top=7".to_owned(), nobody.clone()),
        ("GET", format!("/users/{}", "0".repeat(36)), nobody.clone()),
        (
            "GET",
            "!/users?$filter=endswith(mail,'o')&$count=true".to_owned(),
            nobody.clone(),
        ),
        (
            "POST",
            "/$batch".to_owned(),
            json!({"requests": [
                {"id": "1", "method": "GET", "url": "/users?$top=2"},
                {"id": "2", "method": "DELETE", "url": format!("/groups/{group_id}")},
                {"id": "3", "method": "GET", "url": format!("/users/{user_id}/memberOf")},
            ]}),
        ),
        ("DELETE", format!("/users/{user_id}"), nobody.clone()),
        (
            "GET",
            "/directory/deletedItems/microsoft.graph.user".to_owned(),
            nobody.clone(),
        ),
        ("GET", "!/users/$count".to_owned(), nobody),
    ];
    for (method, path, body) in steps {
        run.push(sim.ask(method, &path, &body).await);
    }
    for answer in run {
        assert_ne!(answer.status, 500, "{answer:?}");
        seen.push(shown(sim, &answer));
    }
    seen
}

#[tokio::test]
async fn same_script_same_answers() {
    let (one, two) = (Sim::start(settings(9)).await, Sim::start(settings(9)).await);
    let (first, second) = (script(&one).await, script(&two).await);
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a, b);
    }
    assert_eq!(first.len(), second.len());
    // Errors must not hide that nothing was made.
    let made = first.iter().filter(|answer| answer[0] == 201).count();
    assert_eq!(made, 5, "{first:#?}");
}
