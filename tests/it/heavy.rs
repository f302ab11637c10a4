//! No request costs more than its size deserves: caps, and others are served while heavy bodies are
//! worked on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::{App, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused() {
    let app = App::start().await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    let many = |n: usize| -> Value { (0..n).map(|i| json!(format!("x{i}"))).collect() };
    let names = |n: usize| {
        many(n)
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(",")
    };
    let search = |key: &str, n: usize| {
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "count": 1, key: many(n)})
    };
    for (key, n, status) in [
        ("attributes", 1_000, 200),
        ("attributes", 1_001, 400),
        ("excludedAttributes", 1_000, 200),
        ("excludedAttributes", 400_000, 400),
    ] {
        let answer = app.post("/Users/.search", &search(key, n)).await;
        let answer = answer.expect_status(status);
        if status == 400 {
            assert_eq!(answer.body["scimType"], "invalidValue");
            assert!(answer.detail().contains("1000"), "{}", answer.detail());
        }
    }
    app.get(&format!("{path}?excludedAttributes={}", names(1_001)))
        .await
        .expect_status(400);
    // Operations, values of one attribute, and what operations go through.
    let one = json!({"op": "replace", "path": "title", "value": "x"});
    let elements: Value = (0..100_001).map(|_| json!({"value": "x"})).collect();
    let mails: Value = (0..2_100)
        .map(|i| json!({"type": "other", "value": format!("{i}@example.com")}))
        .collect();
    let mut through = vec![json!({"op": "add", "path": "emails", "value": mails})];
    through.extend((1..1_000).map(|i| {
        let path = format!("emails[type eq \"other\" and value sw \"{i}@\"].type");
        json!({"op": "replace", "path": path, "value": "other"})
    }));
    for (operations, what) in [
        (vec![one; 1_001], "1000 operations"),
        (
            vec![json!({"op": "add", "path": "emails", "value": elements})],
            "100000",
        ),
        (through, "in parts"),
    ] {
        let answer = app
            .patch(&path, &patch_op(json!(operations)))
            .await
            .expect_status(413);
        assert!(answer.detail().contains(what), "{}", answer.detail());
    }
}

/// Four bodies of some hundred kilobytes, over and over: the health of the server is told at once,
/// and another client is served.
#[tokio::test(flavor = "multi_thread")]
async fn others_are_served_while_heavy_bodies_are_worked_on() {
    let app = App::start().await;
    let user = app.any_user().await;
    let addresses: Value = (0..16_000)
        .map(|i| json!({"streetAddress": format!("{i}")}))
        .collect();
    let body = patch_op(json!([{"op": "add", "path": "addresses", "value": addresses}]));
    let heavy = async || {
        for _ in 0..3 {
            let path = format!("/Users/{user}");
            app.request("PATCH", &path, Some(&body), &[("prefer", "dry-run")])
                .await;
        }
    };
    let done = tokio_util::sync::CancellationToken::new();
    let watch = async {
        let health = format!("{}/healthz", app.gateway_url());
        let mut times = Vec::new();
        while !done.is_cancelled() {
            let start = Instant::now();
            let answer = app.client.get(&health).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            times.push(start.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        times.sort_unstable();
        times
    };
    let (times, ()) = tokio::join!(watch, async {
        tokio::join!(heavy(), heavy(), heavy(), heavy());
        done.cancel();
    });
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{} answers, median {median:?}, slowest {slowest:?}",
        times.len()
    );
    assert!(
        times.len() > 5 && median < Duration::from_millis(200),
        "{times:?}"
    );
}
