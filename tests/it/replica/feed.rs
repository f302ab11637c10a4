//! The change feed, change notifications, and what is answered before the replica is complete.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{App, Options, patch_op};

async fn start() -> App {
    let app = App::with(Options {
        replica: true,
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    app
}

fn cursor(page: &Value) -> String {
    page["nextCursor"].as_str().unwrap().to_owned()
}

async fn changes(app: &App, cursor: &str, more: &[(&str, &str)]) -> Value {
    let mut query = vec![("cursor", cursor)];
    query.extend(more);
    app.list("/Changes", &query).await.expect_status(200).body
}

/// What each change says, in short.
fn told(page: &Value) -> Vec<String> {
    let rows = page["Resources"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let names = row["attributes"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            format!(
                "{} {} {} {}",
                row["resourceType"].as_str().unwrap(),
                row["change"].as_str().unwrap(),
                names.join("+"),
                row["cause"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn every_change_is_a_row_deletions_too() {
    let app = start().await;
    let none = changes(&app, "", &[]).await;
    assert_eq!(told(&none), [""; 0], "a first inventory is no news");
    let first = cursor(&none);
    let made = app
        .post(
            "/Users",
            &json!({"userName": "feed@contoso.onmicrosoft.com", "displayName": "Feed"}),
        )
        .await
        .expect_status(201);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let patch = patch_op(json!([{"op": "replace", "path": "title", "value": "Chief"}]));
    app.patch(&format!("/Users/{id}"), &patch)
        .await
        .expect_status(200);
    let page = changes(&app, &first, &[]).await;
    assert_eq!(
        told(&page),
        ["User created  test", "User updated title test"]
    );
    assert_eq!(page["Resources"][0]["resourceId"], id.as_str());
    let second = cursor(&page);
    app.caught_up().await;
    let other = app.another_user(&id).await;
    app.sim_patch(&other, &json!({"jobTitle": "Behind"})).await;
    app.caught_up().await;
    app.caught_up().await;
    let page = changes(
        &app,
        &second,
        &[(
            "filter",
            "cause eq \"directory\" and attributes eq \"title\"",
        )],
    )
    .await;
    assert_eq!(told(&page), ["User updated title directory"]);
    assert_eq!(page["Resources"][0]["resourceId"], other.as_str());
    app.delete(&format!("/Users/{id}")).await.expect_status(204);
    let page = changes(&app, &second, &[("filter", "change eq \"deleted\"")]).await;
    assert_eq!(told(&page), ["User deleted  test"]);
    assert_eq!(page["Resources"][0]["resourceId"], id.as_str());
    assert!(page["Resources"][0].get("resourceRef").is_none());
    let latest = changes(&app, "latest", &[]).await;
    assert_eq!(told(&latest), [""; 0]);
    // Page by page it is the same.
    let mut all = Vec::new();
    let mut at = first;
    loop {
        let page = changes(&app, &at, &[("count", "1")]).await;
        if page["Resources"].as_array().unwrap().is_empty() {
            break;
        }
        at = cursor(&page);
        all.extend(told(&page));
    }
    assert!(all.len() >= 4, "{all:?}");
    assert_eq!(all.last().unwrap(), "User deleted  test");
}

#[tokio::test]
async fn a_feed_says_what_it_cannot_answer() {
    let app = start().await;
    for (query, kind) in [
        (("cursor", "nonsense"), "invalidCursor"),
        (("cursor", "c-5"), "invalidCursor"),
        (("startIndex", "3"), "invalidValue"),
        (("filter", "nothing eq 1"), "invalidFilter"),
    ] {
        let answer = app.list("/Changes", &[query]).await.expect_status(400);
        assert_eq!(answer.body["scimType"], kind, "{query:?}");
    }
    let groups = app.with_token(Some(&app.issue_token("read:Groups", None).await));
    let made = app
        .post(
            "/Users",
            &json!({"userName": "hidden@contoso.onmicrosoft.com", "displayName": "Hidden"}),
        )
        .await
        .expect_status(201);
    let page = changes(&groups, "", &[]).await;
    assert!(!page.to_string().contains(made.body["id"].as_str().unwrap()));
    let schemas = app.get("/Schemas").await.expect_status(200);
    assert!(
        schemas
            .text
            .contains("urn:ietf:params:scim:schemas:entra-scim:2.0:Change")
    );
    let types = app.get("/ResourceTypes/Change").await.expect_status(200);
    assert_eq!(types.body["endpoint"], "/Changes");
    let live = app.live_twin().await;
    live.get("/Changes").await.expect_status(404);
}

#[tokio::test]
async fn what_changed_since_is_found_by_its_time() {
    let app = start().await;
    let all = app
        .list("/Users", &[("count", "0")])
        .await
        .expect_status(200);
    let filter = |at: &str| format!("meta.lastModified gt \"{at}\"");
    let user = app.any_user().await;
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    let known = read.body["meta"]["lastModified"]
        .as_str()
        .unwrap()
        .to_owned();
    let newest = app
        .list(
            "/Users",
            &[
                ("sortBy", "meta.lastModified"),
                ("sortOrder", "descending"),
                ("count", "1"),
            ],
        )
        .await
        .expect_status(200);
    let since = newest.body["Resources"][0]["meta"]["lastModified"]
        .as_str()
        .unwrap()
        .to_owned();
    let none = app
        .list("/Users", &[("filter", filter(&since).as_str())])
        .await
        .expect_status(200);
    assert_eq!(none.body["totalResults"], 0);
    app.sim_patch(&user, &json!({"jobTitle": "Since"})).await;
    app.caught_up().await;
    app.caught_up().await;
    let found = app
        .list("/Users", &[("filter", filter(&since).as_str())])
        .await
        .expect_status(200);
    assert_eq!(found.ids(), std::slice::from_ref(&user));
    // A resynchronisation changes nobody's time.
    app.control_post("/delta/forget", &json!({})).await;
    app.caught_up().await;
    app.caught_up().await;
    let found = app
        .list("/Users", &[("filter", filter(&since).as_str())])
        .await
        .expect_status(200);
    assert_eq!(found.ids(), [user]);
    let before = app
        .list(
            "/Users",
            &[(
                "filter",
                format!("meta.lastModified le \"{since}\"").as_str(),
            )],
        )
        .await;
    let total = all.body["totalResults"].as_u64().unwrap();
    assert_eq!(before.body["totalResults"], total - 1);
    assert!(known <= since);
}

#[tokio::test]
async fn notifications_nudge() {
    let app = App::with(Options {
        replica: true,
        environment: vec![
            (
                "ENTRA_SCIM__TENANTS__DEFAULT__REPLICA_NOTIFICATION_URL".into(),
                "{self}".into(),
            ),
            (
                "ENTRA_SCIM__TENANTS__DEFAULT__REPLICA_INTERVAL_SECS".into(),
                "3600".into(),
            ),
        ],
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    let user = app.any_user().await;
    app.sim_patch(&user, &json!({"jobTitle": "Nudged"})).await;
    let mut seen = false;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
        if read.body["title"] == "Nudged" {
            seen = true;
            break;
        }
    }
    assert!(
        seen,
        "nobody told the gateway within ten seconds, and its pace is an hour"
    );
    let base = app.gateway_url().trim_end_matches("/scim/v2").to_owned();
    let url = format!("{base}/notifications/default");
    let echoed = app
        .client
        .post(format!("{url}?validationToken=a%20%3Cb%3E"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        echoed.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(echoed.text().await.unwrap(), "a <b>");
    let long = "x".repeat(5000);
    let echoed = app
        .client
        .post(format!("{url}?validationToken={long}"))
        .send()
        .await
        .unwrap();
    assert_eq!(echoed.status(), 400);
    let foreign = json!({"value": [{"clientState": "guess", "resource": "Users/1"}]});
    let answer = app.client.post(&url).json(&foreign).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let nowhere = app
        .client
        .post(format!("{base}/notifications/other"))
        .json(&foreign)
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), 404);
}

#[tokio::test]
async fn before_it_is_complete_graph_answers_what_it_can() {
    let app = App::with(Options {
        replica: true,
        users: 400,
        latency_ms: 400,
        ..Options::default()
    })
    .await;
    let user = app.any_user().await;
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    assert!(read.graph_requests() > 0, "by id: live");
    let page = app
        .list("/Users", &[("count", "3"), ("attributes", "userName")])
        .await
        .expect_status(200);
    assert_eq!(page.ids().len(), 3);
    let early = app
        .list(
            "/Users",
            &[("filter", "meta.lastModified gt \"2020-01-01T00:00:00Z\"")],
        )
        .await;
    let early = early.expect_status(503);
    assert!(early.header("retry-after").is_some());
    assert!(
        early.detail().contains("first synchronisation"),
        "{}",
        early.detail()
    );
    app.list("/Changes", &[]).await.expect_status(503);
    let base = app.gateway_url().trim_end_matches("/scim/v2").to_owned();
    let ready = app
        .client
        .get(format!("{base}/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);
    let text = ready.text().await.unwrap();
    assert!(text.starts_with("ready\nreplica 1: Snapshot"), "{text}");
    app.caught_up().await;
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    assert_eq!(read.graph_requests(), 0);
    let live = app
        .request(
            "GET",
            &format!("/Users/{user}"),
            None,
            &[("cache-control", "no-cache")],
        )
        .await
        .expect_status(200);
    assert!(live.graph_requests() > 0, "no-cache: live");
}
