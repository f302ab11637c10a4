//! Graph answers 200, and something else is in it: the answer is right, or an honest error; never
//! a resource without an id, a list that is short, or a write to another object.

use serde_json::{Value, json};

use crate::support::app::{Answer, App, Options, patch_op};

fn odd(other: &str) -> Vec<(&'static str, Value)> {
    let answer =
        |status: u16, body: Value| json!({"kind": "status", "status": status, "body": body});
    vec![
        ("{}", answer(200, json!({}))),
        ("[]", answer(200, json!([]))),
        ("a string", answer(200, json!("text"))),
        ("a number", answer(200, json!(5))),
        (
            "an error object",
            answer(
                200,
                json!({"error": {"code": "Request_BadRequest", "message": "no"}}),
            ),
        ),
        (
            "another object",
            answer(200, json!({"id": other, "displayName": "Other"})),
        ),
        (
            "an object without id",
            answer(200, json!({"displayName": "None"})),
        ),
        (
            "a list of strings",
            answer(200, json!({"value": ["a", "b"]})),
        ),
        (
            "items without id",
            answer(200, json!({"value": [{"displayName": "x"}]})),
        ),
        (
            "a count over nothing",
            answer(200, json!({"@odata.count": 60, "value": []})),
        ),
        ("nothing", json!({"kind": "empty"})),
        (
            "404 of the tenant",
            json!({"kind": "status", "status": 404, "code": "Directory_ObjectNotFound",
            "message": "Unable to read the company information from the directory."}),
        ),
        (
            "404 of nobody",
            json!({"kind": "status", "status": 404, "code": "UnknownError", "message": ""}),
        ),
    ]
}

fn is_honest(answer: &Answer) -> bool {
    matches!(answer.status, 502 | 503)
}

async fn writes(app: &App) -> u64 {
    let counters = app.counters().await;
    counters["writes"]
        .as_u64()
        .unwrap_or_else(|| panic!("{counters}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_right_or_honest_and_no_write_follows() {
    let app = App::with(Options {
        deadline_secs: 3,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let (id, other) = (users[3].clone(), users[4].clone());
    let domain = app.domain().await;
    let group = app
        .post(
            "/Groups",
            &json!({"displayName": "Odd", "members": [{"value": users[0]}]}),
        )
        .await
        .expect_status(201);
    let group = group.body["id"].as_str().unwrap().to_owned();
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "odd"}]));
    let members =
        patch_op(json!([{"op": "replace", "path": "members", "value": [{"value": other}]}]));
    let user = format!("/Users/{id}");
    let mut wrong = Vec::new();
    for (name, fault) in odd(&other) {
        let cases: Vec<(&str, &str, &str, Option<&Value>)> = vec![
            ("/users/*", "GET", &user, None),
            ("/users/*", "PATCH", &user, Some(&title)),
            ("/users", "GET", "/Users?count=5", None),
            ("/users", "GET", "/Users?filter=title+eq+%22x%22", None),
            (
                "/users",
                "GET",
                "/Users?sortBy=title&count=5&attributes=id",
                None,
            ),
            ("/users/*/memberOf/**", "GET", &user, None),
            ("/users/*/memberOf/**", "PATCH", &user, Some(&title)),
        ];
        for (path, method, scim, body) in cases {
            app.reset_counters().await;
            app.set_faults(json!([{"method": "GET", "path": path, "fault": fault}]))
                .await;
            let answer = app.request(method, scim, body, &[]).await;
            app.set_faults(json!([])).await;
            let one = !path.ends_with("users");
            // A name without an id is a list with nothing but names; a list of none is none.
            let right = answer.status == 200
                && !one
                && name == "a count over nothing"
                && answer.body["totalResults"] == 0;
            if !(is_honest(&answer) || right) {
                wrong.push(format!("{name} at {path}: {method} {}", answer.shown()));
            }
            if method != "GET" && writes(&app).await != 0 {
                wrong.push(format!("{name} at {path}: {method} {scim} wrote"));
            }
        }
        app.reset_counters().await;
        app.set_faults(json!([{"method": "GET", "path": "/groups/*/members", "fault": fault}]))
            .await;
        let answer = app.patch(&format!("/Groups/{group}"), &members).await;
        app.set_faults(json!([])).await;
        if !is_honest(&answer) || writes(&app).await != 0 {
            wrong.push(format!("{name} at members: {}", answer.shown()));
        }
        // A create whose answer cannot be used is looked for.
        let upn = format!("odd.{}@{domain}", uuid::Uuid::new_v4().simple());
        app.set_faults(json!([{"method": "POST", "path": "/users", "count": 1, "fault": fault}]))
            .await;
        let answer = app.post("/Users", &json!({"userName": upn})).await;
        app.set_faults(json!([])).await;
        let made = app.sim_user_by_upn(&upn).await;
        let right = answer.status == 201 && made.as_deref() == answer.body["id"].as_str();
        let refused = matches!(answer.status, 400 | 404) || is_honest(&answer);
        if !(right || refused && made.is_none()) {
            wrong.push(format!("{name} at POST: {made:?} {}", answer.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(app.sim_members(&group).await, [users[0].clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_go_round_end() {
    let app = App::start().await;
    let next = |page: &str| format!("{}/users?$skiptoken={page}", app.graph_url());
    for (name, rules) in [
        ("A to A", vec![("a", "a")]),
        ("A to B to A", vec![("a", "b"), ("b", "a")]),
    ] {
        let mut faults: Vec<Value> = rules
            .iter()
            .map(|(from, to)| {
                json!({"method": "GET", "path": "/users", "contains": format!("$skiptoken={from}"),
                    "fault": {"kind": "status", "status": 200,
                        "body": {"value": [], "@odata.nextLink": next(to)}}})
            })
            .collect();
        faults.push(json!({"method": "GET", "path": "/users",
            "fault": {"kind": "status", "status": 200,
                "body": {"@odata.count": 60, "value": [], "@odata.nextLink": next("a")}}}));
        app.set_faults(json!(faults)).await;
        let start = std::time::Instant::now();
        let answer = app.get("/Users?count=50").await;
        app.set_faults(json!([])).await;
        assert_eq!(answer.status, 502, "{name}: {}", answer.shown());
        assert!(
            start.elapsed().as_secs() < 5,
            "{name}: {:?}",
            start.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_graphs_own_word_means_that_there_is_no_mailbox_or_photo() {
    let app = App::with(Options {
        mapping: "iga-flat",
        deadline_secs: 3,
        ..Options::default()
    })
    .await;
    let user = app.any_user().await;
    let with_mailbox = format!("/Users/{user}?attributes=status");
    for (status, code, expected) in [
        (404, "ErrorNonExistentMailbox", 200),
        (404, "ResourceNotFound", 503),
        (404, "UnknownError", 503),
        (403, "ErrorAccessDenied", 403),
    ] {
        app.set_faults(json!([{"method": "GET", "path": "/users/*/mailboxSettings",
            "fault": {"kind": "status", "status": status, "code": code, "message": "m"}}]))
            .await;
        let answer = app.get(&with_mailbox).await;
        app.set_faults(json!([])).await;
        assert_eq!(answer.status, expected, "{code}: {}", answer.shown());
    }
    for (status, code, expected) in [(404, "ImageNotFound", 404), (404, "UnknownError", 503)] {
        app.set_faults(json!([{"method": "GET", "path": "/users/*/photo/$value",
            "fault": {"kind": "status", "status": status, "code": code, "message": "m"}}]))
            .await;
        let answer = app.get(&format!("/Users/{user}/photo")).await;
        app.set_faults(json!([])).await;
        assert_eq!(answer.status, expected, "{code}: {}", answer.shown());
    }
}
