//! Odd answers under a status of success, for every kind of operation.

use super::*;
use crate::{
    graph::{BatchItem, Error, Expect, Reply},
    odata::request::Request,
};

const ID: &str = "87d349ed-44d7-43e1-9a83-5f2406dee5bd";
const OTHER: &str = "a3f6c606-38ec-42d7-8c0e-d4ecaf0d9d61";

/// `.` an answer, `P` a protocol error, `U` an unknown outcome.
fn letter<T: std::fmt::Debug>(result: &Result<T, Error>) -> char {
    match result {
        Ok(_) => '.',
        Err(Error::Protocol { .. }) => 'P',
        Err(Error::OutcomeUnknown { last, .. }) if matches!(**last, Error::Protocol { .. }) => 'U',
        Err(other) => panic!("{other:?}"),
    }
}

fn operations() -> Vec<Request> {
    let user = format!("/users/{ID}");
    vec![
        Request::get(&user),
        Request::get(&user).select(["displayName"]),
        Request::get("/users"),
        Request::post("/directoryObjects/getByIds", json!({"ids":[ID]})),
        Request::post("/users", json!({})),
        Request::post(format!("/groups/{OTHER}/members/$ref"), json!({})),
        Request::patch(&user, json!({})),
        Request::delete(&user),
    ]
}

/// Rows: the answer. Columns: read by id, read without the id, list, look up, create, add, change,
/// delete. Each once alone and once in a batch.
#[tokio::test]
async fn what_is_no_answer_is_told() {
    let error = json!({"error":{"code":"Request_BadRequest","message":"m"}});
    for (status, body, expected) in [
        (200, Some(json!({"id": ID})), "..PP...."),
        (200, Some(json!({"id": OTHER})), "P.PP...."),
        (200, Some(json!({"value":[{"id": ID}]})), "P...U..."),
        (200, Some(json!({"value":["text"]})), "P.PPU..."),
        (200, Some(json!({"value":{}})), "P.PPU..."),
        (200, Some(json!({})), "P.PPU..."),
        (200, Some(json!([])), "P.PPU..."),
        (200, Some(json!("text")), "P.PPU..."),
        (200, Some(error), "PPPPUPPP"),
        (200, None, "PPPPU..."),
        (204, None, "PPPPU..."),
    ] {
        for in_batch in [false, true] {
            let mut found = String::new();
            for request in operations() {
                let body = body.clone();
                let server = Server::start(move |_, _| {
                    if in_batch {
                        let part = json!({"id":"1","status":status,"body":body});
                        return ok(json!({"responses":[part]}));
                    }
                    body.clone()
                        .map_or(Answer::new(status, ""), |body| Answer::json(status, body))
                })
                .await;
                let client = client(&server);
                let result = if in_batch {
                    let mut all = client
                        .batch(&call(), vec![BatchItem::new(request)])
                        .await
                        .unwrap();
                    all.remove(0)
                } else {
                    client.send(&call(), &request).await
                };
                assert_eq!(server.count(), 1, "an odd answer is not asked for again");
                found.push(letter(&result));
            }
            assert_eq!(found, expected, "{status} {body:?}, in a batch: {in_batch}");
        }
    }
}

#[tokio::test]
async fn the_caller_can_say_what_it_expects() {
    let sku = format!("{OTHER}_{ID}");
    let request = || Request::get(format!("/subscribedSkus/{sku}"));
    for (body, expect, expected) in [
        (json!({"skuId": ID}), Expect::keyed("skuId", ID), '.'),
        (json!({"skuId": OTHER}), Expect::keyed("skuId", ID), 'P'),
        (json!({"id": sku}), Expect::keyed("skuId", ID), 'P'),
        (json!({"id": OTHER}), Expect::object(sku.clone()), 'P'),
        (json!({"value": []}), Expect::List, '.'),
        (json!({}), Expect::Any, '.'),
    ] {
        let given = body.clone();
        let server = Server::start(move |_, seen| {
            if seen.target.ends_with("$batch") {
                return ok(json!({"responses":[{"id":"1","status":200,"body":given}]}));
            }
            ok(given.clone())
        })
        .await;
        let client = client(&server);
        let alone = client.object(&call(), &request(), &expect).await;
        let item = BatchItem::new(request()).expect(expect.clone());
        let all: Vec<Result<Reply, Error>> = client.batch(&call(), vec![item]).await.unwrap();
        assert_eq!(letter(&alone), expected, "{body} {expect:?}");
        assert_eq!(letter(&all[0]), expected, "{body} {expect:?} in a batch");
    }
}

#[tokio::test]
async fn a_create_without_an_id_keeps_the_cause() {
    let server = Server::start(|_, _| ok(json!({"displayName":"Anna"}))).await;
    let error = client(&server)
        .send(&call(), &Request::post("/users", json!({})))
        .await
        .unwrap_err();
    assert_eq!(error.operation(), "POST /users");
    assert_eq!(error.request_id(), Some("r-ok"));
    let text = crate::base::chain::Chain(&error).to_string();
    assert!(text.contains("an object without `id`"), "{text}");
}

/// Rows: what the first page says; columns: without `$top`, with it, with `$skip`.
#[tokio::test]
async fn a_count_agrees_with_what_is_listed() {
    let one = json!([{"id": "1"}]);
    for (count, items, expected) in [
        (json!(1), one.clone(), "..."),
        (json!(5), one.clone(), "..."),
        (json!(0), one.clone(), "PPP"),
        (json!(0), json!([]), "..."),
        (json!(3), json!([]), "PP."),
        (Value::Null, one, "..."),
    ] {
        let mut found = String::new();
        for request in [
            Request::get("/users").advanced(),
            Request::get("/users").top(5).advanced(),
            Request::get("/users").option("$skip", "5").advanced(),
        ] {
            let body = json!({"@odata.count": count, "value": items});
            let server = Server::start(move |_, _| ok(body.clone())).await;
            found.push(letter(&client(&server).page(&call(), &request).await));
        }
        assert_eq!(found, expected, "{count} {items}");
    }
}

#[tokio::test]
async fn photos_are_no_json() {
    let server = Server::start(|_, _| ok(json!({"error":{"code":"x"}}))).await;
    let request = Request::get(format!("/users/{ID}/photo/$value"));
    let result = client(&server).bytes(&call(), &request).await;
    assert_eq!(letter(&result), 'P');
}
