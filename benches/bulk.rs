//! A thousand users made by one bulk request, against one by one, at 50 ms for each answer of
//! Graph: `cargo bench --bench bulk`. Both in one run, each in a tenant of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    reason = "a program that prints; it stands on the tests' harness and uses a part of it"
)]

#[path = "../tests/common/aloud.rs"]
mod aloud;
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::time::Instant;

use serde_json::{Value, json};
use support::app::{App, Options};

const USERS: usize = 1_000;

async fn tenant() -> App {
    App::with(Options {
        users: 20,
        groups: 2,
        latency_ms: 50,
        ..Options::default()
    })
    .await
}

fn users(domain: &str) -> Vec<Value> {
    let user = |i| json!({"userName": format!("bulk{i}@{domain}"), "displayName": format!("B {i}"), "title": "T"});
    (0..USERS).map(user).collect()
}

/// The made users, without what is by chance.
async fn state(app: &App) -> Vec<String> {
    let query = "/users?$filter=startswith(userPrincipalName,'bulk')&$top=999&$select=userPrincipalName,displayName,jobTitle,accountEnabled";
    let mut found: Vec<String> = Vec::new();
    for user in app.graph_list(query).await {
        found.push(format!(
            "{} {} {} {}",
            user["userPrincipalName"],
            user["displayName"],
            user["jobTitle"],
            user["accountEnabled"]
        ));
    }
    found.sort_unstable();
    found
}

#[tokio::main]
async fn main() {
    let alone = tenant().await;
    let domain = alone.domain().await;
    let began = Instant::now();
    for user in users(&domain) {
        alone.post("/Users", &user).await.expect_status(201);
    }
    let one_by_one = began.elapsed().as_secs_f64();

    let together = tenant().await;
    let operations: Vec<Value> = users(&domain)
        .into_iter()
        .enumerate()
        .map(|(i, user)| json!({"method": "POST", "path": "/Users", "bulkId": i.to_string(), "data": user}))
        .collect();
    let body = json!({"Operations": operations});
    let began = Instant::now();
    let headers = [("idempotency-key", "bench")];
    let answer = together
        .request("POST", "/Bulk", Some(&body), &headers)
        .await
        .expect_status(200);
    let bulk = began.elapsed().as_secs_f64();
    let answers = answer.body["Operations"].as_array().unwrap();
    assert!(answers.iter().all(|one| one["status"] == "201"));
    let (a, b) = (state(&alone).await, state(&together).await);
    assert_eq!(a.len(), USERS);
    assert_eq!(a, b, "the same end state");
    println!("| users | one by one, s | bulk, s | bulk / one by one |");
    println!("|---|---|---|---|");
    println!(
        "| {USERS} | {one_by_one:.1} | {bulk:.1} | 1/{:.1} |",
        one_by_one / bulk
    );
}
