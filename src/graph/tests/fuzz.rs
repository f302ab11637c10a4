//! Answers of Graph that no Graph would give: pages, links, errors and batches, by a mutator over a
//! kept corpus, through the client itself.

use std::time::{Duration, Instant};

use crate::{graph::BatchItem, odata::request::Request};

use super::{Answer, Server, call, client_with, settings};

#[path = "../../../tests/fuzz/mutator.rs"]
mod mutator;

const CORPUS: &[&str] = &[
    r#"{"@odata.count":1,"value":[{"id":"1","displayName":"x"}],"@odata.nextLink":"http://127.0.0.1/v1.0/users?$skiptoken=x"}"#,
    r#"{"id":"1","displayName":"x"}"#,
    r#"{"error":{"code":"Request_ResourceNotFound","message":"Resource '1' does not exist","innerError":{"request-id":"r"}}}"#,
    r#"{"responses":[{"id":"1","status":200,"headers":{"x-ms-resource-unit":"1"},"body":{"value":[]}},{"id":"2","status":404,"body":{"error":{"code":"x","message":"y"}}}]}"#,
    r#"{"odata.error":{"code":"x","message":{"value":"y"}}}"#,
];
const WORDS: &[&str] = &[
    "null",
    "{}",
    "[]",
    "-1",
    "1e400",
    "\"\"",
    "\"value\":",
    "\"@odata.nextLink\":",
    "\"error\":",
    "\"responses\":",
    "\"status\":",
    "\"id\":",
    "\"1\"",
    "\"2\"",
    "\\u0000",
    "true",
];

/// How long: a few seconds, or `ENTRA_SCIM_FUZZ_SECS`.
fn time() -> Duration {
    let told = std::env::var("ENTRA_SCIM_FUZZ_SECS").ok();
    let secs = told.and_then(|text| text.parse().ok());
    Duration::from_secs(secs.unwrap_or(5))
}

/// Whatever comes, there is a result: nothing panics, waits or goes on for ever.
#[tokio::test(flavor = "multi_thread")]
async fn answers_of_any_kind() {
    let mut mutator = mutator::Mutator::new(1, CORPUS, WORDS);
    let statuses = [
        200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503,
    ];
    let server = Server::start(move |at, _| {
        let status = statuses[at % statuses.len()];
        let waits = ["0", "-1", "1e300", "x", "Wed, 21 Oct 9999 07:28:00 GMT"];
        let input = mutator.next();
        if at % 50 == 0 {
            mutator.keep(input.clone());
        }
        Answer::new(status, input)
            .header("Content-Type", "application/json")
            .header("Retry-After", waits[at % waits.len()])
            .header("x-ms-resource-unit", at % 7)
    })
    .await;
    let client = client_with(
        super::Settings {
            max_attempts: 1,
            ..settings(&server)
        },
        std::sync::Arc::default(),
    );
    let list = Request::get("/users").top(2).advanced();
    let one = Request::get("/users/1").select(["id"]);
    let start = Instant::now();
    let mut good = 0_u32;
    while start.elapsed() < time() {
        let call = call();
        good += u32::from(client.page(&call, &list).await.is_ok());
        good += u32::from(client.send(&call, &one).await.is_ok());
        let items = vec![BatchItem::new(one.clone()), BatchItem::new(list.clone())];
        let replies = client.batch(&call, items).await;
        good += u32::from(replies.is_ok_and(|all| all.iter().any(Result::is_ok)));
        let made = Request::post("/users", serde_json::json!({"a": 1}));
        good += u32::from(client.send(&call, &made).await.is_ok());
    }
    assert!(good > 0, "nothing was ever taken");
}
