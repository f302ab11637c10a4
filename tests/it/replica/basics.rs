//! First synchronisation, steady state, own writes: on each database.

use serde_json::json;

use super::equal::expect_equal;
use crate::support::{
    app::{App, Options, patch_op},
    databases::Database,
};

async fn start(database: Database) -> App {
    let app = App::with(Options {
        replica: true,
        database: Some(database),
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    app
}

#[tokio::test]
async fn the_first_synchronisation_brings_all_that_graph_shows() {
    for database in Database::all().await {
        let app = start(database).await;
        let live = app.live_twin().await;
        expect_equal(&app, &live).await;
        let page = app
            .list("/Users", &[("count", "100")])
            .await
            .expect_status(200);
        assert_eq!(page.graph_requests(), 0, "a list costs Graph nothing");
    }
}

#[tokio::test]
async fn own_writes_are_seen_at_once_and_stay() {
    for database in Database::all().await {
        let app = start(database).await;
        let live = app.live_twin().await;
        let made = app
            .post(
                "/Users",
                &json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                    "userName": "new.one@contoso.onmicrosoft.com", "displayName": "New One"}),
            )
            .await
            .expect_status(201);
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/Users/{id}");
        let read = app.get(&path).await.expect_status(200);
        assert_eq!(read.graph_requests(), 0);
        for (name, told) in made.body.as_object().unwrap() {
            // What Graph makes of the object beside may have come meanwhile.
            if !name.starts_with("urn:") && name != "schemas" && name != "meta" {
                assert_eq!(
                    read.body[name], *told,
                    "a 201 tells what the next GET tells"
                );
            }
        }
        let patched = app
            .patch(
                &path,
                &patch_op(json!([{"op": "replace", "path": "title", "value": "Chief"}])),
            )
            .await
            .expect_status(200);
        let read = app.get(&path).await.expect_status(200);
        assert_eq!(patched.body["title"], "Chief");
        assert_eq!(read.body["title"], "Chief");
        assert_ne!(read.body["meta"]["version"], made.body["meta"]["version"]);
        let found = app
            .list("/Users", &[("filter", "displayName eq \"new one\"")])
            .await
            .expect_status(200);
        assert_eq!(found.ids(), std::slice::from_ref(&id));
        let group = app
            .post(
                "/Groups",
                &json!({"displayName": "A new group", "members": []}),
            )
            .await
            .expect_status(201);
        let group = group.body["id"].as_str().unwrap().to_owned();
        let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
        app.patch(&format!("/Groups/{group}"), &patch_op(add))
            .await
            .expect_status(204);
        let filter = format!("members.value eq \"{id}\"");
        let found = app
            .list("/Groups", &[("filter", &filter)])
            .await
            .expect_status(200);
        assert!(found.ids().contains(&group));
        let user = app.get(&path).await.expect_status(200);
        assert!(
            user.body["groups"].to_string().contains(&group),
            "{}",
            user.text
        );
        app.caught_up().await;
        expect_equal(&app, &live).await;
        app.delete(&path).await.expect_status(204);
        app.get(&path).await.expect_status(404);
        let found = app
            .list("/Groups", &[("filter", &filter)])
            .await
            .expect_status(200);
        assert_eq!(found.body["totalResults"], 0);
        app.caught_up().await;
        expect_equal(&app, &live).await;
    }
}

#[tokio::test]
async fn adding_members_again_costs_little() {
    let app = start(Database::memory()).await;
    let group = app
        .post("/Groups", &json!({"displayName": "Again"}))
        .await
        .expect_status(201);
    let path = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    let users = app.sim_user_ids().await;
    let members: Vec<_> = users[..60].iter().map(|id| json!({"value": id})).collect();
    let add = patch_op(json!([{"op": "add", "path": "members", "value": members}]));
    app.patch(&path, &add).await.expect_status(204);
    app.reset_counters().await;
    let again = app.patch(&path, &add).await.expect_status(204);
    assert!(again.graph_requests() <= 2, "{}", again.graph_requests());
    assert_eq!(app.counters().await["writes"], 0);
    // One that somebody took out meanwhile is added all the same.
    let taken = &users[7];
    let change = json!({"op": "remove_member", "group": path.trim_start_matches("/Groups/"), "member": taken});
    app.control_post("/changes", &json!({ "changes": [change] }))
        .await;
    app.patch(&path, &add).await.expect_status(204);
    let members = app.sim_members(path.trim_start_matches("/Groups/")).await;
    assert!(members.contains(taken));
    assert_eq!(members.len(), 60);
}

#[tokio::test]
async fn what_a_write_costs() {
    let app = start(Database::memory()).await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "Chief"}]));
    let patched = app.patch(&path, &title).await.expect_status(200);
    assert_eq!(patched.graph_requests(), 2, "one read, one write");
    let put = app.put(&path, &patched.body).await.expect_status(200);
    assert_eq!(put.graph_requests(), 1, "nothing to write");
    assert_eq!(put.body, patched.body);
    let version = put.body["meta"]["version"].as_str().unwrap().to_owned();
    let stale = [("if-match", "W/\"0\"")];
    app.request("PATCH", &path, Some(&title), &stale)
        .await
        .expect_status(412);
    let fresh = [("if-match", version.as_str())];
    app.request("PATCH", &path, Some(&title), &fresh)
        .await
        .expect_status(200);
    let unchanged = app
        .request("GET", &path, None, &[("if-none-match", version.as_str())])
        .await;
    assert_eq!(unchanged.status, 304);
}
