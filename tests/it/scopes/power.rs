//! Ways to gain power that are no plain relation, what is left out of answers, and what may be
//! sent back as it was read.

use serde_json::{Value, json};

use super::matrix::GROUPS_ADMINISTRATOR;
use crate::support::app::{App, patch_op};

const OURS: &str = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";

async fn with_scopes(app: &App, scopes: &str) -> App {
    let token = app.issue_token(scopes, None).await;
    app.with_token(Some(&token))
}

async fn give_role(app: &App, user: &str) {
    let add = json!([{"op": "add", "path": "roles", "value": [{"value": GROUPS_ADMINISTRATOR}]}]);
    app.patch(&format!("/Users/{user}"), &patch_op(add))
        .await
        .expect_status(200);
}

async fn make_group(app: &App, body: Value) -> String {
    let made = app.post("/Groups", &body).await.expect_status(201);
    made.body["id"].as_str().unwrap().to_owned()
}

/// Creating, deleting, joining and owning a group that may hold roles; with the blind path, which
/// never reads the group, and with the one that does.
#[tokio::test(flavor = "multi_thread")]
async fn groups_that_may_hold_roles() {
    let app = App::start().await;
    let user = app.any_user().await;
    let id = make_group(
        &app,
        json!({"displayName": "Admins", OURS: {"isAssignableToRole": true}}),
    )
    .await;
    let path = format!("/Groups/{id}");
    let body = json!({"displayName": "More", OURS: {"isAssignableToRole": true}});
    let add = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
    // A gateway that has not made the group knows nothing of it.
    for gateway in [app.clone(), app.second_instance().await] {
        let client = with_scopes(&gateway, "read:* write:Groups write:Users write:Licenses").await;
        let before = app.counters().await["writes"].clone();
        for answer in [
            client.post("/Groups", &body).await,
            client.patch(&path, &add).await,
            client.patch(&format!("{path}?attributes=id"), &add).await,
            client
                .request("PATCH", &path, Some(&add), &[("if-match", "*")])
                .await,
            client.delete(&path).await,
        ] {
            let answer = answer.expect_status(403);
            assert!(
                answer.detail().contains("write:Roles"),
                "{}",
                answer.detail()
            );
        }
        assert_eq!(
            app.counters().await["writes"],
            before,
            "nothing was written"
        );
        assert!(app.sim_members(&id).await.is_empty());
        assert!(app.sim_exists(&id).await);
        // What gives nobody anything is the group's own.
        let rename =
            patch_op(json!([{"op": "replace", "path": "displayName", "value": "Renamed"}]));
        client.patch(&path, &rename).await.expect_status(204);
    }
    let client = with_scopes(&app, "write:Groups write:Roles").await;
    client.patch(&path, &add).await.expect_status(204);
    assert_eq!(app.sim_members(&id).await, [user]);
    client.delete(&path).await.expect_status(204);
}

/// A plain group costs the token that may not give roles one look, once.
#[tokio::test(flavor = "multi_thread")]
async fn plain_groups_are_looked_at_once() {
    let app = App::start().await;
    let user = app.any_user().await;
    let id = make_group(&app, json!({"displayName": "Plain"})).await;
    let gateway = app.second_instance().await;
    let client = with_scopes(&gateway, "write:Groups").await;
    let path = format!("/Groups/{id}");
    let mut requests = Vec::new();
    for op in ["add", "remove"] {
        let body = patch_op(json!([{"op": op, "path": "members", "value": [{"value": user}]}]));
        let answer = client.patch(&path, &body).await.expect_status(204);
        requests.push(answer.graph_requests());
    }
    assert_eq!(requests, [2, 1]);
}

/// Who can sign in as an administrator is one.
#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_administrators() {
    let app = App::start().await;
    let direct = app.any_user().await;
    give_role(&app, &direct).await;
    let through = app.another_user(&direct).await;
    make_group(
        &app,
        json!({"displayName": "Admins", "members": [{"value": through}],
            OURS: {"isAssignableToRole": true}}),
    )
    .await;
    let body =
        json!({"userName": format!("plain@{}", app.domain().await), "password": "Abcd-1234-efgh"});
    let client = with_scopes(&app, "read:* write:Users").await;
    let made = client.post("/Users", &body).await.expect_status(201);
    let plain = made.body["id"].as_str().unwrap().to_owned();
    let set = patch_op(json!([{"op": "replace", "path": "password", "value": "Ijkl-5678-mnop"}]));
    for client in [&client, &with_scopes(&app, "write:Users").await] {
        for (user, status) in [(&direct, 403), (&through, 403), (&plain, 200)] {
            let path = format!("/Users/{user}");
            let answer = client.patch(&path, &set).await.expect_status(status);
            assert_eq!(answer.detail().contains("write:Roles"), status == 403);
        }
    }
    let client = with_scopes(&app, "write:Users write:Roles").await;
    client
        .patch(&format!("/Users/{direct}"), &set)
        .await
        .expect_status(200);
}

/// What is read may be sent back; what may not be read cannot be guessed at.
#[tokio::test(flavor = "multi_thread")]
async fn put_of_what_was_read() {
    let app = App::start().await;
    let user = app.any_user().await;
    give_role(&app, &user).await;
    let path = format!("/Users/{user}");
    let client = with_scopes(&app, "read:* write:Users").await;
    let mut body = client.get(&path).await.expect_status(200).body;
    body["title"] = json!("Changed");
    let answer = client.put(&path, &body).await.expect_status(200);
    assert_eq!(answer.body["title"], "Changed");
    assert!(answer.body["roles"].is_array());
    body["roles"] = json!([]);
    client.put(&path, &body).await.expect_status(403);
    let blind = with_scopes(&app, "write:Users").await;
    let mut body = blind.get(&path).await.expect_status(200).body;
    assert!(body.get("roles").is_none(), "left out: {body}");
    blind.put(&path, &body).await.expect_status(200);
    for guess in [json!([{"value": GROUPS_ADMINISTRATOR}]), json!([])] {
        body["roles"] = guess;
        blind.put(&path, &body).await.expect_status(403);
    }
    assert_eq!(app.sim_roles(&user).await, [GROUPS_ADMINISTRATOR]);
}

/// A version is of what its token sees, and changes of that alone.
#[tokio::test(flavor = "multi_thread")]
async fn versions_are_of_what_is_seen() {
    let app = App::start().await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    let client = with_scopes(&app, "write:Users").await;
    let version = async |client: &App| {
        let answer = client.get(&path).await.expect_status(200);
        answer.header("etag").unwrap().to_owned()
    };
    let (seen, whole) = (version(&client).await, version(&app).await);
    give_role(&app, &user).await;
    assert_eq!(version(&client).await, seen);
    assert_ne!(version(&app).await, whole);
    let change = patch_op(json!([{"op": "replace", "path": "title", "value": "x"}]));
    client
        .request("PATCH", &path, Some(&change), &[("if-match", &seen)])
        .await
        .expect_status(200);
    assert_ne!(version(&client).await, seen);
}
