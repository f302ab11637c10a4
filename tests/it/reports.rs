//! What the real service was reported to answer, and what the caller of the gateway gets of it: the
//! name of each test has the report's number (`tests/double/reports.rs` has the service's side).

use serde_json::{Value, json};

use crate::support::app::{Answer, App, patch_op, quoted};

const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
const FLOW_FREE: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";

fn fault(method: &str, path: &str, status: u16, code: &str, message: &str) -> Value {
    json!({"method": method, "path": path, "count": 1, "fault": {
        "kind": "status", "status": status, "code": code, "message": message,
    }})
}

fn is_taken(answer: &Answer) {
    assert_eq!(answer.status, 409, "{}", answer.shown());
    assert_eq!(answer.body["scimType"], "uniqueness", "{}", answer.shown());
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_01_a_directory_that_replicates_is_asked_again() {
    let app = App::start().await;
    let text = "Unable to read the company information from the directory.";
    let busy = |method: &str| {
        json!([
            fault(method, "/users/**", 404, "Directory_ObjectNotFound", text),
            fault(method, "/users", 404, "Directory_ObjectNotFound", text),
        ])
    };
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    app.set_faults(busy("GET")).await;
    app.get(&path).await.expect_status(200);
    app.set_faults(busy("GET")).await;
    let all = app
        .list("/Users", &[("count", "5")])
        .await
        .expect_status(200);
    assert_eq!(all.ids().len(), 5);
    app.set_faults(busy("PATCH")).await;
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "BG-01"}]));
    app.patch(&path, &title).await.expect_status(200);
    let name = format!("bg01@{}", app.domain().await);
    app.set_faults(busy("POST")).await;
    let body = json!({"userName": name, "displayName": "BG-01"});
    let made = app.post("/Users", &body).await.expect_status(201);
    app.set_faults(busy("DELETE")).await;
    let path = format!("/Users/{}", made.body["id"].as_str().unwrap());
    app.delete(&path).await.expect_status(204);
    app.set_faults(json!([])).await;
    app.get(&path).await.expect_status(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_02_a_role_that_is_held_already_is_given() {
    let app = App::start().await;
    let user = app.any_user().await;
    let text = "A conflicting object with one or more of the specified property values is present in the directory.";
    app.set_faults(json!([fault(
        "POST",
        "/roleManagement/directory/roleAssignments",
        400,
        "Request_BadRequest",
        text
    )]))
    .await;
    let value = json!([{"value": GROUPS_ADMINISTRATOR}]);
    let add = patch_op(json!([{"op": "add", "path": "roles", "value": value}]));
    let path = format!("/Users/{user}");
    app.patch(&path, &add).await.expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_03_a_net_id_that_is_invalid_is_a_value_that_is_taken() {
    let app = App::start().await;
    let domain = app.domain().await;
    let user = |name: &str| {
        json!({
            "userName": format!("{name}@{domain}"), "displayName": name,
        })
    };
    for (number, status) in [400, 404].into_iter().enumerate() {
        let text = "Property netId is invalid.";
        app.set_faults(json!([fault(
            "POST",
            "/users",
            status,
            "Request_BadRequest",
            text
        )]))
        .await;
        let name = format!("bg03.{number}");
        is_taken(&app.post("/Users", &user(&name)).await);
    }
    app.set_faults(json!([])).await;
    // Two people whose names differ in the domain alone have one nickname.
    let body = |at: &str| json!({"userName": format!("bg03.same@{at}"), "displayName": "Same"});
    app.post("/Users", &body(&domain)).await.expect_status(201);
    is_taken(&app.post("/Users", &body("contoso.de")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_04_a_member_that_is_none_is_removed() {
    let app = App::start().await;
    let user = app.any_user().await;
    let body = json!({"displayName": "BG-04", "members": [{"value": user}]});
    let group = app.post("/Groups", &body).await.expect_status(201);
    let id = group.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Groups/{id}");
    let filter = format!("members[value eq {}]", quoted(&user));
    let remove = patch_op(json!([{"op": "remove", "path": filter}]));
    let absent = format!(
        "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
    );
    let late = "One or more removed object references do not exist for the following modified properties: 'members'.";
    for (status, code, text) in [
        (404, "Request_ResourceNotFound", absent.as_str()),
        (400, "Request_BadRequest", late),
    ] {
        let add = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
        let added = app.patch(&path, &add).await;
        assert!([200, 204].contains(&added.status), "{}", added.shown());
        app.set_faults(json!([fault(
            "DELETE",
            "/groups/*/members/**",
            status,
            code,
            text
        )]))
        .await;
        let answer = app.patch(&path, &remove).await;
        app.set_faults(json!([])).await;
        assert!(
            [200, 204].contains(&answer.status),
            "{status}: {}",
            answer.shown()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_05_members_whom_the_application_may_not_read_are_members() {
    let app = App::start().await;
    let user = app.any_user().await;
    let body = json!({"displayName": "BG-05", "members": [{"value": user}]});
    let group = app.post("/Groups", &body).await.expect_status(201);
    let path = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    let permissions = json!({"permissions": ["Group.ReadWrite.All"], "revoke": true});
    app.control_post("/permissions", &permissions).await;
    let read = app.get(&path).await.expect_status(200);
    assert_eq!(read.member_ids(), [user]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_07_a_licence_that_is_gone_is_removed() {
    let app = App::start().await;
    let user = app.user_with_usage_location(FLOW_FREE).await;
    let path = format!("/Users/{user}");
    let value = json!([{"value": FLOW_FREE}]);
    let add = patch_op(json!([{"op": "add", "path": "entitlements", "value": value}]));
    app.patch(&path, &add).await.expect_status(200);
    app.set_faults(json!([fault(
        "POST",
        "/users/*/assignLicense",
        400,
        "Request_BadRequest",
        "User does not have a corresponding license."
    )]))
    .await;
    let filter = format!("entitlements[value eq {}]", quoted(FLOW_FREE));
    let remove = patch_op(json!([{"op": "remove", "path": filter}]));
    app.patch(&path, &remove).await.expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_23_a_mail_address_that_somebody_has_is_taken() {
    let app = App::start().await;
    let domain = app.domain().await;
    let user = |name: &str| {
        json!({
            "userName": format!("{name}@{domain}"), "displayName": name,
            "emails": [{"type": "work", "value": format!("bg23@{domain}")}],
        })
    };
    app.post("/Users", &user("bg23.a")).await.expect_status(201);
    is_taken(&app.post("/Users", &user("bg23.b")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn bg_24_the_newer_words_of_throttling_are_waited_out() {
    let app = App::start().await;
    let text = "Too many requests from Identifier:x under category:aadgraph.app.tenant_large. Please try again later.";
    let user = app.any_user().await;
    let mut busy = fault("GET", "/users/**", 429, "TooManyRequests", text);
    busy["fault"]["retry_after"] = json!(1);
    app.set_faults(json!([busy])).await;
    app.get(&format!("/Users/{user}")).await.expect_status(200);
}
