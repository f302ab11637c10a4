//! Bodies, headers, batches.

use serde_json::{Value, json};

use super::user;
use crate::odata::request::Method::{Delete, Get, Post};
use crate::simulator::core::Options;
use crate::simulator::request::SimRequest;
use crate::simulator::testing::{ORIGIN, get, graph, graph_with, outcome, send};

#[test]
fn bodies_and_headers() {
    let graph = graph();
    let no_type = SimRequest {
        body: bytes::Bytes::from_static(b"{}"),
        ..SimRequest::new(Post, "/users", ORIGIN)
    };
    assert_eq!(graph.handle(&no_type).status, 400);
    let broken = SimRequest {
        body: bytes::Bytes::from_static(b"{"),
        ..no_type
            .clone()
            .header_set("content-type", "application/json")
    };
    assert_eq!(
        outcome(&graph.handle(&broken)),
        (400, "BadRequest".to_owned())
    );
    let request = SimRequest::new(Get, "/users/x", ORIGIN).header_set("client-request-id", "abc");
    let response = graph.handle(&request);
    assert_eq!(response.header("client-request-id"), Some("abc"));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(
        response.body_json()["error"]["innerError"]["client-request-id"],
        "abc"
    );
    assert_eq!(
        response.body_json()["error"]["innerError"]["date"],
        "2027-01-15T08:00:00"
    );
    let deleted = send(&graph, Delete, &user(1), &Value::Null);
    for (name, value) in [
        ("x-ms-resource-unit", Some("1")),
        ("content-type", None),
        ("odata-version", None),
    ] {
        assert_eq!(deleted.header(name), value, "{name}");
    }
    assert_eq!(
        get(&graph, "/users").header("x-ms-resource-unit"),
        Some("2")
    );
    assert_eq!(get(&graph, "/users").header("odata-version"), Some("4.0"));
}

#[test]
fn batches() {
    let graph = graph();
    let run = |requests: Value| send(&graph, Post, "/$batch", &json!({"requests": requests}));
    let by_id = |response: &crate::simulator::request::SimResponse, id: &str| {
        let all = response.body_json()["responses"].as_array().unwrap();
        all.iter().find(|r| r["id"] == id).unwrap().clone()
    };
    let patch = |id: &str, n: usize, after: Value| json!({"id": id, "method": "PATCH", "url": user(n), "headers": {"Content-Type": "application/json"}, "body": {"jobTitle": id}, "dependsOn": after});
    let response = run(json!([
        {"id": "a", "method": "GET", "url": "/users?$top=1&$select=id"},
        {"id": "b", "method": "GET", "url": "users/nobody"},
        {"id": "c", "method": "GET", "url": user(1), "dependsOn": ["b"]},
        patch("d", 1, Value::Null),
        patch("e", 1, Value::Null),
        patch("f", 1, json!(["d"])),
        {"id": "g", "method": "GET", "url": "/users/$count", "headers": {"ConsistencyLevel": "eventual"}},
        {"id": "h", "method": "GET", "url": "/$batch"},
    ]));
    assert_eq!(response.status, 200);
    let statuses: Vec<Value> = "abcdefgh"
        .chars()
        .map(|c| by_id(&response, &c.to_string())["status"].clone())
        .collect();
    assert_eq!(
        Value::from(statuses),
        json!([200, 404, 424, 204, 409, 204, 200, 405])
    );
    assert_eq!(by_id(&response, "a")["headers"]["x-ms-resource-unit"], "1");
    assert!(
        by_id(&response, "a")["body"]["@odata.nextLink"]
            .as_str()
            .unwrap()
            .starts_with(ORIGIN)
    );
    assert_eq!(
        by_id(&response, "e")["body"]["error"]["code"],
        "Directory_ConcurrencyViolation"
    );
    assert_eq!(by_id(&response, "g")["body"], 119);
    let twenty: Vec<Value> = (0..20)
        .map(|n| json!({"id": n.to_string(), "method": "GET", "url": "/users/x"}))
        .collect();
    let mut more = twenty.clone();
    more.push(json!({"id": "x", "method": "GET", "url": "/users"}));
    for (requests, status) in [
        (Value::from(twenty), 200),
        (Value::from(more), 400),
        (
            json!([{"id": "1", "method": "GET", "url": "/users"}, {"id": "1", "method": "GET", "url": "/users"}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}, {"id": "2", "method": "GET", "url": "/users", "dependsOn": ["1"]}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "GET", "url": "https://graph.microsoft.com/v1.0/users"}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "POST", "url": "/users", "body": {}}]),
            400,
        ),
        (json!("x"), 400),
    ] {
        assert_eq!(run(requests.clone()).status, status, "{requests}");
    }
    let (calm, _) = graph_with(Options {
        concurrency_violations: false,
        ..Options::default()
    });
    let both = send(
        &calm,
        Post,
        "/$batch",
        &json!({"requests": [patch("d", 1, Value::Null), patch("e", 1, Value::Null)]}),
    );
    assert_eq!(by_id(&both, "e")["status"], 204);
}
