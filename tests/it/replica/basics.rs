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
        assert_eq!(read.body, made.body, "a 201 tells what the next GET tells");
        let patched = app
            .patch(
                &path,
                &patch_op(json!([{"op": "replace", "path": "title", "value": "Chief"}])),
            )
            .await
            .expect_status(200);
        let read = app.get(&path).await.expect_status(200);
        assert_eq!(read.body, patched.body);
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
