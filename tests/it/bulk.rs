//! A bulk request that comes again: nothing is done twice, whatever happened to the first.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    app::{Answer, App, Options, patch_op},
    databases::Database,
    program::{Program, Serving},
};

const KEY: &str = "7c1f2b6e-aa0e-4a38-9f0f-2d1f6c1f3b55";

fn bulk(operations: Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

async fn send(app: &App, key: &str, body: &Value) -> Answer {
    let headers = [("idempotency-key", key)];
    app.request("POST", "/Bulk", Some(body), &headers).await
}

fn told<'a>(body: &'a Value, name: &str) -> Vec<&'a str> {
    let operations = body["Operations"].as_array().into_iter().flatten();
    operations
        .map(|one| one[name].as_str().unwrap_or_default())
        .collect()
}

/// How many groups of that name there are, users of that prefix.
async fn made(app: &App, prefix: &str) -> (usize, usize) {
    let named =
        |path: &str, by: &str| format!("{path}?$filter=startswith({by},'{prefix}')&$top=999");
    let groups = app.graph_list(&named("/groups", "displayName")).await;
    let users = app.graph_list(&named("/users", "userPrincipalName")).await;
    (groups.len(), users.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_answered_from_its_row() {
    for database in Database::all().await {
        let app = App::with(Options {
            users: 20,
            groups: 4,
            database: Some(database),
            ..Options::default()
        })
        .await;
        let domain = app.domain().await;
        let user = app.any_user().await;
        let path = format!("/Users/{user}");
        let title = patch_op(json!([{"op": "replace", "path": "title", "value": "Once"}]));
        let body = bulk(json!([
            post("/Users", "u", json!({"userName": format!("once@{domain}"), "displayName": "Once"})),
            post("/Groups", "g", json!({"displayName": "once", "members": [{"value": "bulkId:u"}]})),
            post("/Users", "bad", json!({"displayName": "nobody"})),
            {"method": "PATCH", "path": path, "data": title},
        ]));
        let first = send(&app, KEY, &body).await.expect_status(200);
        assert_eq!(told(&first.body, "status"), ["201", "201", "400", "200"]);
        app.patch(
            &path,
            &patch_op(json!([{"op": "replace", "path": "title", "value": "Twice"}])),
        )
        .await
        .expect_status(200);
        let before = app.counters().await;
        // Another instance knows as well; what failed is tried again.
        let other = app.second_instance().await;
        let second = send(&other, KEY, &body).await.expect_status(200);
        assert_eq!(second.body["Operations"].as_array().unwrap().len(), 4);
        for name in ["status", "bulkId", "version"] {
            assert_eq!(told(&second.body, name), told(&first.body, name), "{name}");
        }
        assert_eq!(second.graph_requests(), 0, "{before}");
        let read = app.get(&path).await;
        assert_eq!(read.body["title"], "Twice", "it was not done again");
        assert_eq!(made(&app, "once").await, (1, 1));
        // The key is of this request, and of this token.
        let another = bulk(json!([post(
            "/Groups",
            "g",
            json!({"displayName": "another"})
        )]));
        let refused = send(&app, KEY, &another).await.expect_status(400);
        assert_eq!(refused.body["scimType"], "invalidValue");
        assert!(refused.detail().contains("Idempotency-Key"));
        let token = app.issue_token("write:*", None).await;
        let somebody = app.with_token(Some(&token));
        send(&somebody, KEY, &another).await.expect_status(200);
        for wrong in ["", "é", &"x".repeat(256)] {
            let headers = [("idempotency-key", wrong)];
            let answer = app.request("POST", "/Bulk", Some(&body), &headers).await;
            assert_eq!(answer.status, 400, "{wrong}");
        }
    }
}

/// While one is at work on it, another that gets the same request waits, and answers the same.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_it_once() {
    let app = App::with(Options {
        users: 20,
        groups: 4,
        latency_ms: 40,
        ..Options::default()
    })
    .await;
    let other = app.second_instance().await;
    let operations: Vec<Value> = (0..30)
        .map(|i| {
            post(
                "/Groups",
                &i.to_string(),
                json!({"displayName": format!("twin {i}")}),
            )
        })
        .collect();
    let body = bulk(json!(operations));
    let (one, two) = tokio::join!(send(&app, KEY, &body), send(&other, KEY, &body));
    assert_eq!(
        told(&one.body, "status"),
        vec!["201"; 30],
        "{}",
        one.shown()
    );
    assert_eq!(told(&one.body, "version"), told(&two.body, "version"));
    assert_eq!(made(&app, "twin ").await.0, 30);
}

async fn served(program: &Program) -> Serving {
    let program = program.clone();
    tokio::task::spawn_blocking(move || program.serve())
        .await
        .unwrap()
}

/// The program is killed in the middle, more than once; the client sends the same request until it
/// is answered. Everything is there once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_and_sent_again() {
    let databases = Database::lasting().await.into_iter().enumerate();
    let stories: Vec<_> = databases
        .map(|(turn, one)| tokio::spawn(killed(turn, one)))
        .collect();
    for story in stories {
        story.await.unwrap();
    }
}

async fn killed(turn: usize, database: Database) {
    let app = App::with(Options {
        users: 20,
        groups: 4,
        latency_ms: 30,
        ..Options::default()
    })
    .await;
    let domain = app.domain().await;
    let program =
        Program::with_secret(app.simulator()).set("ENTRA_SCIM__STORE__URL", &database.url);
    let token = program.token();
    let operations: Vec<Value> = (0..120)
        .map(|i| {
            let name = format!("killed{i}");
            if i % 2 == 0 {
                let user = json!({"userName": format!("{name}@{domain}"), "displayName": name});
                post("/Users", &name, user)
            } else {
                let member = format!("bulkId:killed{}", i - 1);
                let group = json!({"displayName": name, "members": [{"value": member}]});
                post("/Groups", &name, group)
            }
        })
        .collect();
    let body = bulk(json!(operations));
    let mut begun = Vec::new();
    for moment in [4 + turn, 25] {
        let mut serving = served(&program).await;
        let client = app.at(&serving.scim).with_token(Some(&token));
        let body = body.clone();
        let sending = tokio::spawn(async move {
            let headers = [("idempotency-key", KEY)];
            client.try_request("POST", "/Bulk", &body, &headers).await
        });
        while made(&app, "killed").await.1 < moment {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        serving.kill();
        assert!(sending.await.unwrap().is_none(), "it was not in the middle");
        begun.push(made(&app, "killed").await);
    }
    assert!(begun[1].1 < 60, "{begun:?}");
    let serving = served(&program).await;
    let client = app.at(&serving.scim).with_token(Some(&token));
    let answer = send(&client, KEY, &body).await.expect_status(200);
    assert_eq!(
        told(&answer.body, "status"),
        vec!["201"; 120],
        "{}",
        answer.shown()
    );
    assert_eq!(made(&app, "killed").await, (60, 60), "{begun:?}");
    for one in answer.body["Operations"].as_array().unwrap() {
        let id = one["location"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        assert!(app.sim_exists(id).await, "{one}");
        if one["location"].as_str().unwrap().contains("Groups") {
            assert_eq!(app.sim_members(id).await.len(), 1, "{one}");
        }
    }
}
