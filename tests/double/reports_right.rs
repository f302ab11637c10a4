//! What was reported of the real service and simulated rightly from the start, row by row: it stays so.

use entra_scim::simulator::settings::Settings;
use serde_json::{Value, json};

use crate::sim::Sim;

const BAD: &str = "Request_BadRequest";
const QUERY: &str = "Request_UnsupportedQuery";
const NOTHING: Value = Value::Null;

/// One request, and a part of the refusal's text.
type Row = (
    &'static str,
    &'static str,
    String,
    Value,
    u16,
    &'static str,
    &'static str,
);

async fn check(sim: &Sim, rows: Vec<Row>) {
    for (report, method, path, body, status, code, text) in rows {
        let answer = sim.ask(method, &path, &body).await;
        let (found, found_code, message) = answer.error();
        assert_eq!(
            (found, found_code),
            (status, code),
            "{report}: {}",
            answer.body
        );
        assert!(message.contains(text), "{report}: {message}");
    }
}

#[tokio::test]
async fn bg_40_bg_41_bg_51_bg_49_members_owners_and_licences() {
    let sim = Sim::start(Settings::default()).await;
    let group = sim.group(5);
    let member = sim
        .get(&format!("/groups/{group}/members"))
        .await
        .text("/value/0/id");
    let unknown = "11111111-2222-4333-8444-555555555555";
    let members = format!("/groups/{group}/members/$ref");
    let owned = sim
        .ask(
            "POST",
            "/groups",
            &json!({
                "displayName": "BG-41", "mailNickname": "bg41", "mailEnabled": false,
                "securityEnabled": true, "owners@odata.bind": [sim.reference(&sim.user(9))["@odata.id"]],
            }),
        )
        .await
        .text("/id");
    let owner = format!("/groups/{owned}/owners/{}/$ref", sim.user(9));
    let mut nowhere = json!({
        "accountEnabled": true, "displayName": "BG-49", "mailNickname": "bg49",
        "userPrincipalName": "bg49@contoso.onmicrosoft.com",
        "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
    });
    let made = sim.ask("POST", "/users", &nowhere).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let assign = format!("/users/{}/assignLicense", made.text("/id"));
    let sku = sim.get("/subscribedSkus").await.text("/value/0/skuId");
    let licence = |sku: &str| json!({"addLicenses": [{"skuId": sku, "disabledPlans": []}], "removeLicenses": []});
    nowhere["mailNickname"] = json!("bg62");
    check(
        &sim,
        vec![
            (
                "BG-40",
                "POST",
                members.clone(),
                sim.reference(&member),
                400,
                BAD,
                "One or more added object references already exist",
            ),
            (
                "BG-40",
                "POST",
                members,
                sim.reference(unknown),
                404,
                "Request_ResourceNotFound",
                "11111111-2222-4333-8444-555555555555",
            ),
            (
                "BG-41",
                "DELETE",
                owner,
                NOTHING,
                400,
                BAD,
                "The group must have at least one owner",
            ),
            (
                "BG-49",
                "POST",
                assign.clone(),
                licence(&sku),
                400,
                BAD,
                "usage location",
            ),
            ("BG-51", "POST", assign, licence("no-guid"), 400, BAD, ""),
            (
                "BG-62",
                "POST",
                "/users".into(),
                nowhere,
                400,
                BAD,
                "userPrincipalName already exists",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn bg_42_bg_44_bg_45_bg_46_bg_55_bg_56_queries() {
    let sim = Sim::start(Settings::default()).await;
    let group = sim.group(5);
    let user = sim.user(20);
    assert_eq!(
        sim.ask("DELETE", &format!("/users/{user}"), &NOTHING)
            .await
            .status,
        204
    );
    let licence_errors = "!/groups?$count=true&$filter=hasMembersWithLicenseErrors eq true";
    check(
        &sim,
        vec![
            (
                "BG-42",
                "GET",
                format!("/groups/{group}/transitiveMembers/$count"),
                NOTHING,
                400,
                BAD,
                "$count is not currently supported.",
            ),
            (
                "BG-44",
                "GET",
                "/users?$orderby=createdDateTime desc".into(),
                NOTHING,
                400,
                QUERY,
                "Unsupported sort property 'createdDateTime' for 'User'.",
            ),
            (
                "BG-45",
                "GET",
                "/groups?$filter=startswith(displayName,'a')&$orderby=displayName".into(),
                NOTHING,
                400,
                QUERY,
                "Sorting not supported for current query.",
            ),
            (
                "BG-46",
                "GET",
                licence_errors.into(),
                NOTHING,
                400,
                QUERY,
                "Unsupported or invalid query filter clause",
            ),
            (
                "BG-55",
                "POST",
                format!("/users/{user}/restore"),
                NOTHING,
                404,
                "Request_ResourceNotFound",
                "",
            ),
            (
                "BG-56",
                "GET",
                "/users?$skip=5".into(),
                NOTHING,
                400,
                BAD,
                "'$skip' is not supported by the service.",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn bg_47_bg_48_applications() {
    let sim = Sim::start(Settings::default()).await;
    let role = json!({
        "id": "11111111-2222-4333-8444-555555555555", "allowedMemberTypes": ["User"],
        "description": "d", "displayName": "r", "isEnabled": true, "value": "r",
    });
    let app = sim
        .ask(
            "POST",
            "/applications",
            &json!({"displayName": "BG-48", "appRoles": [role]}),
        )
        .await;
    let principal = json!({"appId": app.body["appId"]});
    assert_eq!(
        sim.ask("POST", "/servicePrincipals", &principal)
            .await
            .status,
        201
    );
    let twice = sim.ask("POST", "/servicePrincipals", &principal).await;
    assert_eq!(
        twice.body["error"]["details"][0]["target"],
        "servicePrincipalNames"
    );
    let path = format!("/applications/{}", app.text("/id"));
    check(
        &sim,
        vec![
            (
                "BG-47",
                "POST",
                "/servicePrincipals".into(),
                principal,
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                "already in use",
            ),
            (
                "BG-48",
                "PATCH",
                path,
                json!({"appRoles": []}),
                400,
                "CannotDeleteOrUpdateEnabledEntitlement",
                "disabled first",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn bg_57_bg_58_bg_59_refusals_in_batches_and_alone() {
    let mut sim = Sim::start(Settings::default()).await;
    let requests = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/nonsense"},
        {"id": "2", "method": "GET", "url": "/users/nobody@contoso.com"},
    ]});
    let answer = sim.ask("POST", "/$batch", &requests).await;
    let items = answer.body["responses"].as_array().unwrap();
    let item = |id: &str| items.iter().find(|item| item["id"] == id).unwrap();
    let error = &item("1")["body"]["error"];
    assert_eq!(error["code"], "BadRequest", "BG-58");
    assert_eq!(
        error["message"],
        "Resource not found for the segment 'nonsense'."
    );
    assert_eq!(item("2")["status"], 404, "BG-59");
    assert_eq!(item("2")["headers"]["Content-Type"], "application/json");
    sim.grant(&["Domain.Read.All"]).await;
    let denied = sim.get("/users").await;
    assert_eq!(denied.error().0, 403, "BG-57");
    assert_eq!(denied.headers["x-ms-resource-unit"], "2");
    let denied = sim.get(&format!("/groups/{}", sim.group(1))).await;
    assert_eq!(denied.headers["x-ms-resource-unit"], "1", "BG-57");
}

#[tokio::test]
async fn bg_52_bg_53_bg_54_bg_61_resource_manager() {
    let sim = Sim::start(Settings::default()).await;
    let bearer = format!("Bearer {}", sim.arm_token().await);
    let headers: &[(&str, &str)] = &[("authorization", &bearer)];
    let scope = "/subscriptions/00000000-0000-0000-0000-000000000000";
    let base = format!(
        "{}{scope}/providers/Microsoft.Authorization",
        sim.running.ready.arm
    );
    let path = |rest: &str| format!("{base}/{rest}api-version=2022-04-01");
    let found = sim
        .send(
            "GET",
            &path("roleDefinitions?$filter=roleName eq 'acrpull'&"),
            &NOTHING,
            headers,
        )
        .await;
    assert_eq!(
        found.body["value"].as_array().map(Vec::len),
        Some(1),
        "BG-53"
    );
    let name = "11111111-2222-4333-8444-555555555555";
    let put = async |principal: &str, kind: &str| {
        let body = json!({"properties": {
            "principalId": principal, "principalType": kind,
            "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        }});
        sim.send(
            "PUT",
            &path(&format!("roleAssignments/{name}?")),
            &body,
            headers,
        )
        .await
    };
    let wrong = put(&sim.user(5), "Group").await;
    assert_eq!(wrong.error().1, "UnmatchedPrincipalType", "BG-52");
    assert!(
        wrong.error().2.contains("PrinciaplType"),
        "BG-52: {}",
        wrong.body
    );
    let unknown = put("99999999-2222-4333-8444-555555555555", "User").await;
    assert_eq!(unknown.error().1, "PrincipalNotFound", "BG-54");
    assert_eq!(put(&sim.user(5), "User").await.status, 201);
    let reused = put(&sim.user(6), "User").await;
    assert_eq!(
        reused.error().1,
        "RoleAssignmentUpdateNotPermitted",
        "BG-61"
    );
}
