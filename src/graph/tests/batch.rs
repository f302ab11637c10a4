//! Batches: sizes, order, repeats, chains.

use std::{collections::HashMap, sync::Mutex};

use super::*;
use crate::{
    credential::tests::script::Seen,
    graph::{BatchItem, Error},
    odata::request::Request,
};

/// Answers each part by `judge(url, how often it was asked before)`, last part first, and the
/// parts behind a failure in a chain with 424, as Graph does.
fn graph(
    judge: impl Fn(&str, usize) -> Value + Send + 'static,
) -> impl FnMut(usize, &Seen) -> Answer + Send + 'static {
    let asked: Mutex<HashMap<String, usize>> = Mutex::default();
    move |_, seen| {
        assert_eq!(seen.target, "/v1.0/$batch");
        let body = seen.json();
        let parts = body["requests"].as_array().unwrap();
        assert!(parts.len() <= 20, "Graph takes no more");
        let mut failed: Vec<Value> = Vec::new();
        let mut responses: Vec<Value> = Vec::new();
        for part in parts {
            let blocked = part["dependsOn"]
                .as_array()
                .is_some_and(|d| d.iter().any(|id| failed.contains(id)));
            let mut response = if blocked {
                json!({"status":424,"body":{"error":{"code":"FailedDependency"}}})
            } else {
                let url = part["url"].as_str().unwrap();
                let mut asked = asked.lock().unwrap();
                let count = asked.entry(url.to_owned()).or_default();
                *count += 1;
                judge(url, *count - 1)
            };
            if response["status"].as_u64().unwrap_or(0) >= 400 {
                failed.push(part["id"].clone());
            }
            response["id"] = part["id"].clone();
            responses.insert(0, response);
        }
        ok(json!({ "responses": responses }))
    }
}

fn part(status: u16, code: &str) -> Value {
    if status < 300 {
        json!({"status":status,"headers":{"request-id":"p","x-ms-resource-unit":"3"},"body":{"id":"p"}})
    } else {
        json!({"status":status,"body":{"error":{"code":code}}})
    }
}

fn gets(count: usize) -> Vec<BatchItem> {
    (0..count)
        .map(|n| BatchItem::new(Request::get(format!("/users/{n}"))))
        .collect()
}

/// `200 403 unknown …`: how each item ended.
fn endings(results: &[Result<super::super::Reply, Error>]) -> String {
    let words: Vec<String> = results
        .iter()
        .map(|result| match result {
            Ok(reply) => reply.status.to_string(),
            Err(Error::Graph { status, .. }) => status.to_string(),
            Err(Error::OutcomeUnknown { .. }) => "unknown".into(),
            Err(Error::Blocked { .. }) => "blocked".into(),
            Err(Error::Protocol { .. }) => "protocol".into(),
            Err(Error::Deadline { .. }) => "deadline".into(),
            Err(other) => format!("{other:?}"),
        })
        .collect();
    words.join(" ")
}

#[tokio::test]
async fn any_number_in_input_order() {
    for (count, requests) in [(0, 0), (1, 1), (19, 1), (20, 1), (21, 2), (101, 6)] {
        let server = Server::start(graph(|url, _| json!({"status":200,"body":{"url":url}}))).await;
        let client = client(&server);
        let call = call();
        let results = client.batch(&call, gets(count)).await.unwrap();
        assert_eq!(results.len(), count);
        for (n, result) in results.iter().enumerate() {
            assert_eq!(result.as_ref().unwrap().body["url"], format!("/users/{n}"));
        }
        assert_eq!(server.count(), requests);
        assert_eq!(call.stats.http_requests(), u64::try_from(requests).unwrap());
        assert_eq!(call.stats.batch_items(), u64::try_from(count).unwrap());
    }
}

#[tokio::test]
async fn only_what_failed_is_sent_again() {
    let server = Server::start(graph(|url, before| match (url, before) {
        ("/users/1", 0) => json!({"status":429,"headers":{"retry-after":"0.2"},"body":{}}),
        ("/users/2", 0) => json!({"status":429,"headers":{"Retry-After":0},"body":{}}),
        ("/users/3", 0 | 1) => part(503, ""),
        ("/users/4", _) => part(500, "x"),
        ("/users/5", _) => part(404, "Request_ResourceNotFound"),
        _ => part(200, ""),
    }))
    .await;
    let call = call();
    let start = tokio::time::Instant::now();
    let results = client(&server).batch(&call, gets(6)).await.unwrap();
    assert_eq!(endings(&results), "200 200 200 200 500 404");
    assert!(start.elapsed() >= Duration::from_millis(200), "the largest");
    let sizes: Vec<usize> = server
        .seen()
        .iter()
        .map(|s| s.json()["requests"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [6, 4, 2, 1]);
    assert_eq!(call.stats.resource_units(), 4 * 3);
    let error = results[5].as_ref().unwrap_err();
    assert_eq!(error.code(), Some("Request_ResourceNotFound"));
    assert!(error.to_string().contains("GET /users/{id}"));
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_ends_only_its_item() {
    let server = Server::start(graph(|url, _| match url {
        "/users/1" => json!({"status":429,"headers":{"Retry-After":"60"},"body":{}}),
        _ => part(200, ""),
    }))
    .await;
    let results = client(&server).batch(&call(), gets(3)).await.unwrap();
    assert_eq!(endings(&results), "200 deadline 200");
    let error = results[1].as_ref().unwrap_err();
    assert!(error.retry_after().unwrap() >= Duration::from_mins(1));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_lost_batch_repeats_what_may_be_repeated() {
    let items = || {
        vec![
            BatchItem::new(Request::get("/users/0")),
            BatchItem::new(Request::post("/users", json!({}))),
            BatchItem::new(Request::post("/groups/1/members/$ref", json!({}))),
            BatchItem::new(Request::delete("/users/9")),
        ]
    };
    for (first, expected) in [
        (Answer::cut(), "200 unknown 200 204"),
        (refuse(500, "x"), "200 unknown 200 204"),
        (refuse(504, "x"), "200 unknown 200 204"),
        (refuse(503, "x"), "200 200 200 404"),
        (
            refuse(429, "x").header("Retry-After", "0"),
            "200 200 200 404",
        ),
        (refuse(401, "InvalidAuthenticationToken"), "200 200 200 404"),
        (refuse(400, "BadRequest"), "400 400 400 400"),
        (refuse(403, "Forbidden"), "403 403 403 403"),
        (
            Answer::new(200, "<html>"),
            "protocol unknown protocol protocol",
        ),
        (Answer::new(200, ""), "protocol unknown protocol protocol"),
        (ok(json!({})), "protocol unknown protocol protocol"),
    ] {
        let case = format!("{first:?}");
        let mut next = graph(|url, _| match url {
            "/users/9" => part(404, "Request_ResourceNotFound"),
            _ => part(200, ""),
        });
        let server = Server::start(
            move |n, seen| {
                if n == 0 { first.clone() } else { next(n, seen) }
            },
        )
        .await;
        let results = client(&server).batch(&call(), items()).await.unwrap();
        assert_eq!(endings(&results), expected, "{case}");
    }
}

#[tokio::test]
async fn answers_that_do_not_add_up_are_errors() {
    let server = Server::start(|_, _| {
        ok(json!({"responses":[
            {"id":"1","status":200,"body":{}},
            {"id":"2","status":200,"body":{}}, {"id":"2","status":201,"body":{}},
            {"id":"4"}, {"id":"5","status":200}, {"id":"6","status":204},
            {"id":"77","status":200}
        ]}))
    })
    .await;
    let mut items = gets(6);
    items.push(BatchItem::new(Request::post("/users", json!({}))));
    items[5] = BatchItem::new(Request::delete("/users/5"));
    let results = client(&server).batch(&call(), items).await.unwrap();
    assert_eq!(
        endings(&results),
        "200 protocol protocol protocol protocol 204 unknown"
    );
}

fn patches(after: &[Option<usize>]) -> Vec<BatchItem> {
    after
        .iter()
        .enumerate()
        .map(|(n, after)| BatchItem {
            after: *after,
            benign: |e| e.code() == Some("Already"),
            ..BatchItem::new(Request::patch(format!("/groups/{n}"), json!({})))
        })
        .collect()
}

#[tokio::test]
async fn chains() {
    const CHAIN: [Option<usize>; 3] = [None, Some(0), Some(1)];
    const FAN: [Option<usize>; 3] = [None, Some(0), Some(0)];
    type Judge = fn(&str, usize) -> Value;
    let cases: [(&[Option<usize>], Judge, &str, usize); 8] = [
        (&CHAIN, |_, _| part(204, ""), "204 204 204", 1),
        // The first fails for good: the others are told so, and not sent again.
        (
            &CHAIN,
            |url, _| match url {
                "/groups/0" => part(403, "Denied"),
                _ => part(204, ""),
            },
            "403 blocked blocked",
            1,
        ),
        // The first fails harmlessly: the others are sent again.
        (
            &CHAIN,
            |url, _| match url {
                "/groups/0" => part(400, "Already"),
                _ => part(204, ""),
            },
            "400 204 204",
            2,
        ),
        // The first fails for a while: all are sent again.
        (
            &CHAIN,
            |url, before| match (url, before) {
                ("/groups/0", 0) => part(409, "Directory_ConcurrencyViolation"),
                _ => part(204, ""),
            },
            "204 204 204",
            2,
        ),
        (
            &CHAIN,
            |url, before| match (url, before) {
                ("/groups/1", 0) => part(429, ""),
                _ => part(204, ""),
            },
            "204 204 204",
            2,
        ),
        (
            &CHAIN,
            |url, _| match url {
                "/groups/0" => part(500, ""),
                _ => part(204, ""),
            },
            "500 blocked blocked",
            4,
        ),
        // One of two that follow the same: its failure is not the other's.
        (
            &FAN,
            |url, _| match url {
                "/groups/1" => part(403, "Denied"),
                _ => part(204, ""),
            },
            "204 403 204",
            2,
        ),
        // A 424 that nothing explains is tried as any other failure.
        (
            &CHAIN,
            |url, before| match (url, before) {
                ("/groups/0", 0) => part(424, ""),
                _ => part(204, ""),
            },
            "204 204 204",
            2,
        ),
    ];
    for (n, (after, judge, expected, requests)) in cases.into_iter().enumerate() {
        let server = Server::start(graph(judge)).await;
        let results = client(&server)
            .batch(&call(), patches(after))
            .await
            .unwrap();
        assert_eq!(endings(&results), expected, "case {n}");
        assert_eq!(server.count(), requests, "case {n}");
    }
}

/// Being held up by another is not a failure of one's own, however often it happens.
#[tokio::test]
async fn harmless_failures_do_not_use_up_the_tries_of_others() {
    let after: Vec<Option<usize>> = (0..8_usize).map(|n| n.checked_sub(1)).collect();
    let server = Server::start(graph(|url, _| match url {
        "/groups/7" => part(204, ""),
        _ => part(400, "Already"),
    }))
    .await;
    let results = client(&server)
        .batch(&call(), patches(&after))
        .await
        .unwrap();
    assert_eq!(endings(&results), "400 400 400 400 400 400 400 204");
}

#[tokio::test]
async fn a_dependant_says_what_stopped_it() {
    let server = Server::start(graph(|_, _| part(403, "Denied"))).await;
    let results = client(&server)
        .batch(&call(), patches(&[None, Some(0)]))
        .await
        .unwrap();
    let error = results[1].as_ref().unwrap_err();
    let text = crate::base::chain::Chain(error).to_string();
    assert!(text.contains("403 Denied"), "{text}");
}

#[tokio::test]
async fn a_long_chain_keeps_its_order_over_batches() {
    let after: Vec<Option<usize>> = (0..45_usize).map(|n| n.checked_sub(1)).collect();
    let server = Server::start(graph(|_, _| part(204, ""))).await;
    let results = client(&server)
        .batch(&call(), patches(&after))
        .await
        .unwrap();
    assert!(results.iter().all(Result::is_ok));
    let urls: Vec<String> = server
        .seen()
        .iter()
        .flat_map(|s| s.json()["requests"].as_array().unwrap().clone())
        .map(|p| p["url"].as_str().unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..45).map(|n| format!("/groups/{n}")).collect();
    assert_eq!(urls, expected);
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn items_that_cannot_be_sent_stop_the_batch_before_it_starts() {
    let server = Server::sequence(vec![]).await;
    let client = client(&server);
    for items in [
        patches(&[Some(0)]),
        patches(&[Some(1), None]),
        vec![BatchItem::new(Request::get("/users/.."))],
    ] {
        let error = client.batch(&call(), items).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    assert_eq!(server.count(), 0);
}

/// Removals of 20,000 members, one after the other: what cannot be done in time ends in time.
#[tokio::test]
async fn a_very_long_chain_ends_with_its_deadline() {
    let after: Vec<Option<usize>> = (0..20_000_usize).map(|n| n.checked_sub(1)).collect();
    let server = Server::start(graph(|_, _| part(204, ""))).await;
    let client = client(&server);
    let items = patches(&after);
    let call = Call::new(Lane::Interactive, Duration::from_secs(1));
    let results = client.batch(&call, items).await.unwrap();
    let late = tokio::time::Instant::now() - call.deadline;
    assert!(late < Duration::from_secs(2), "{late:?} too late");
    let done = results.iter().take_while(|r| r.is_ok()).count();
    // What was on its way then has arrived.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sent = server.count();
    assert!(done > 0 && done < 20_000, "{done}");
    assert!(
        done <= sent * 20 && sent * 20 <= done + 20,
        "{done} of {sent}"
    );
    assert!(
        results[done..]
            .iter()
            .skip(20)
            .all(|r| matches!(r, Err(Error::Deadline { .. }))),
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.count(), sent, "nothing is sent after the deadline");
}

/// The first fails: all that follow are told the same thing, at once.
#[tokio::test]
async fn a_very_long_chain_shares_its_cause() {
    let after: Vec<Option<usize>> = (0..20_000_usize).map(|n| n.checked_sub(1)).collect();
    let server = Server::start(graph(|_, _| part(403, "Denied"))).await;
    let results = client(&server)
        .batch(&call(), patches(&after))
        .await
        .unwrap();
    assert_eq!(server.count(), 1);
    let causes: Vec<_> = results[1..]
        .iter()
        .map(|result| match result {
            Err(Error::Blocked { cause, .. }) => cause,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(causes.iter().all(|cause| Arc::ptr_eq(cause, causes[0])));
    assert_eq!(causes[0].code(), Some("Denied"));
}

#[tokio::test]
async fn nothing_is_sent_after_the_deadline() {
    let server = Server::start(graph(|_, _| part(200, ""))).await;
    let tokens = Arc::new(Tokens::default());
    let client = client_with(settings(&server), Arc::clone(&tokens));
    let over = Call::new(Lane::Interactive, Duration::ZERO);
    let results = client.batch(&over, gets(45)).await.unwrap();
    assert!(
        results
            .iter()
            .all(|r| matches!(r, Err(Error::Deadline { .. })))
    );
    let alone = client.send(&over, &Request::get("/users/1")).await;
    assert!(matches!(alone, Err(Error::Deadline { .. })), "{alone:?}");
    let page = client.page(&over, &Request::get("/users")).await;
    assert!(matches!(page, Err(Error::Deadline { .. })), "{page:?}");
    assert_eq!(
        (server.count(), tokens.asked.load(Ordering::SeqCst)),
        (0, 0)
    );
}
