//! Lists: whole, or an error.

use super::*;
use crate::{
    credential::tests::script::Seen,
    graph::{Error, NextLink},
    odata::request::Request,
};

/// A page of users `from..to`, with a link to `next` on this server.
fn users(seen: &Seen, ids: std::ops::Range<u32>, next: Option<&str>) -> Answer {
    let items: Vec<Value> = ids.map(|n| json!({"id": n.to_string()})).collect();
    let mut body = json!({ "value": items });
    if let Some(next) = next {
        body["@odata.nextLink"] = format!("http://{}/v1.0{next}", seen.headers["host"]).into();
    }
    ok(body)
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().filter_map(|i| i["id"].as_str()).collect()
}

#[tokio::test]
async fn collects_every_page_and_resends_the_header() {
    let server = Server::start(|n, seen| match n {
        0 => users(seen, 0..2, Some("/users?$skiptoken=A%2B%2F")),
        1 => users(seen, 0..0, Some("/users?$skiptoken=B")),
        2 => refuse(503, ""),
        _ => users(seen, 2..3, None),
    })
    .await;
    let request = Request::get("/users").advanced();
    let client = client(&server);
    let items = client.collect(&call(), &request, 3).await.unwrap();
    assert_eq!(ids(&items), ["0", "1", "2"]);
    let seen = server.seen();
    assert_eq!(seen[1].target, "/v1.0/users?$skiptoken=A%2B%2F", "as it is");
    assert!(
        seen.iter()
            .all(|s| s.headers["consistencylevel"] == "eventual")
    );
    assert_eq!(seen[2].target, seen[3].target, "the same page again");
}

#[tokio::test]
async fn a_list_above_the_limit_is_an_error() {
    let server = Server::start(|n, seen| {
        let n = u32::try_from(n).unwrap();
        users(seen, n * 2..n * 2 + 2, Some(&format!("/users?p={n}")))
    })
    .await;
    let error = client(&server)
        .collect(&call(), &Request::get("/users"), 5)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::TooMany { limit: 5, .. }),
        "{error:?}"
    );
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_failing_page_fails_the_list() {
    let server = Server::start(|n, seen| match n {
        0 => users(seen, 0..2, Some("/users?p=1")),
        _ => refuse(403, "Authorization_RequestDenied"),
    })
    .await;
    let error = client(&server)
        .collect(&call(), &Request::get("/users"), 10)
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(403));
}

#[tokio::test]
async fn the_bearer_stays_at_home() {
    let thief = Server::start(|_, _| ok(json!({"value":[]}))).await;
    let at = thief.address;
    let port = at.port();
    for link in [
        format!("http://{at}/v1.0/users?p=1"),
        format!("http://localhost:{port}/v1.0/users"),
        "https://graph.microsoft.com/v1.0/users".to_owned(),
        "/v1.0/users?p=1".to_owned(),
        "not a link".to_owned(),
        "HOME-HTTPS".to_owned(),
        "HOME-USER".to_owned(),
    ] {
        let given = link.clone();
        let server = Server::start(move |_, seen| {
            let host = &seen.headers["host"];
            let link = match given.as_str() {
                "HOME-HTTPS" => format!("https://{host}/v1.0/users"),
                "HOME-USER" => format!("http://user@{host}/v1.0/users"),
                other => other.to_owned(),
            };
            ok(json!({"value":[{"id":"1"}],"@odata.nextLink":link}))
        })
        .await;
        let client = client(&server);
        let request = Request::get("/users");
        let page = client.page(&call(), &request).await;
        assert!(matches!(page, Err(Error::Protocol { .. })), "{link}");
        let list = client.collect(&call(), &request, 9).await;
        assert!(matches!(list, Err(Error::Protocol { .. })), "{link}");
        if !link.starts_with("HOME") {
            let stored = NextLink::from_stored(link.clone());
            let page = client.next_page(&call(), &stored, false).await;
            assert!(matches!(page, Err(Error::Protocol { .. })), "{link}");
        }
        assert_eq!(server.count(), 2);
    }
    assert_eq!(thief.count(), 0, "no request ever reached the other origin");
}

#[tokio::test]
async fn links_in_a_circle_are_found() {
    for (links, requests) in [
        (["/users?p=1", "/users?p=1"], 2),
        (["/users?p=1", "/users?p=2"], 3),
    ] {
        let server = Server::start(move |n, seen| {
            let link = match seen.target.as_str() {
                "/v1.0/users?p=2" => "/users?p=1",
                _ => links[n.min(1)],
            };
            users(seen, 0..1, Some(link))
        })
        .await;
        let error = client(&server)
            .collect(&call(), &Request::get("/users"), 100)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
        assert_eq!(server.count(), requests);
    }
}

#[tokio::test]
async fn what_is_no_list_is_no_empty_list() {
    for body in [
        Answer::new(200, ""),
        Answer::new(200, "null"),
        Answer::new(200, "[]"),
        Answer::new(200, "{}"),
        Answer::new(200, r#"{"value":null}"#),
        Answer::new(200, r#"{"value":{}}"#),
        Answer::new(200, r#"{"value":[],"@odata.nextLink":5}"#),
        Answer::new(200, r#"{"value":[],"@odata.deltaLink":{}}"#),
        Answer::new(200, r#"{"value":[]}"#).truncated(),
        Answer::new(204, ""),
    ] {
        let case = format!("{body:?}");
        let server = Server::start(move |_, _| body.clone()).await;
        let error = client(&server)
            .collect(&call(), &Request::get("/users"), 9)
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Protocol { .. } | Error::Transport { .. }),
            "{case}: {error:?}"
        );
    }
}

#[tokio::test]
async fn pages_tell_count_and_delta_link() {
    let server = Server::start(|n, seen| {
        let host = &seen.headers["host"];
        match n {
            0 => ok(json!({"value":[{"id":"1"}],"@odata.count":7,"@odata.deltaLink":format!("http://{host}/v1.0/users/delta?$deltatoken=1")})),
            1 => ok(json!({"value":[],"@odata.deltaLink":format!("http://{host}/v1.0/users/delta?$deltatoken=1")})),
            _ => ok(json!({"value":[],"@odata.deltaLink":"http://evil.example/v1.0/users/delta"})),
        }
    })
    .await;
    let client = client(&server);
    let page = client
        .page(&call(), &Request::get("/users/delta"))
        .await
        .unwrap();
    assert_eq!(page.count, Some(7));
    assert!(page.next.is_none());
    let delta = NextLink::from_stored(page.delta.unwrap().as_str());
    // A quiet round hands the same link out again.
    let again = client.next_page(&call(), &delta, false).await.unwrap();
    assert_eq!(again.delta.as_ref(), Some(&delta));
    let error = client.next_page(&call(), &delta, false).await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }));
}

/// After a page that took two tries, Graph may not know that page's token; the page is asked for
/// again, and its new token works.
#[tokio::test]
async fn a_lost_page_token_is_replaced_from_the_last_good_link() {
    for (moved, with_anchor) in [(false, true), (true, true), (false, false)] {
        let server = Server::start(move |n, seen| {
            let lost = refuse(400, "DirectoryPageTokenNotFoundException");
            match (n, seen.target.as_str()) {
                (0, _) => users(seen, 0..2, Some("/users?p=1")),
                (1, "/v1.0/users?p=1") if with_anchor => refuse(504, ""),
                (_, "/v1.0/users?p=1") if n < 3 => users(seen, 2..4, Some("/users?p=bad")),
                (_, "/v1.0/users?p=bad") => lost,
                (_, "/v1.0/users?p=1") if moved => users(seen, 2..5, Some("/users?p=good")),
                (_, "/v1.0/users?p=1") => users(seen, 2..4, Some("/users?p=good")),
                _ => users(seen, 4..6, None),
            }
        })
        .await;
        let result = client(&server)
            .collect(&call(), &Request::get("/users"), 100)
            .await;
        match (moved, with_anchor) {
            (false, true) => {
                assert_eq!(ids(&result.unwrap()), ["0", "1", "2", "3", "4", "5"]);
            }
            (true, _) => assert!(matches!(result, Err(Error::Protocol { .. })), "{result:?}"),
            (false, false) => assert_eq!(result.unwrap_err().status(), Some(400)),
        }
    }
}

#[tokio::test]
async fn many_lists_are_each_whole_or_an_error() {
    let server = Server::start(|_, seen| {
        let host = &seen.headers["host"];
        if seen.target.starts_with("/v1.0/groups/1/members?p=") {
            return users(seen, 1..2, None);
        }
        if seen.target.starts_with("/v1.0/groups/2/members?p=") {
            return refuse(500, "x");
        }
        let next = |g: u32| format!("http://{host}/v1.0/groups/{g}/members?p=1");
        let user = json!({"id":"0"});
        let responses: Vec<Value> = seen.json()["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| {
                let (status, body) = match part["url"].as_str().unwrap() {
                    "/groups/0/members" => (200, json!({"value":[user]})),
                    "/groups/1/members" => (200, json!({"value":[user],"@odata.nextLink":next(1)})),
                    "/groups/2/members" => (200, json!({"value":[user],"@odata.nextLink":next(2)})),
                    "/groups/3/members" => {
                        (404, json!({"error":{"code":"Request_ResourceNotFound"}}))
                    }
                    "/groups/4/members" => (200, json!({})),
                    "/groups/5/members" => (200, Value::Null),
                    _ => (
                        200,
                        json!({"value":[],"@odata.nextLink":"http://evil.example/"}),
                    ),
                };
                json!({"id":part["id"],"status":status,"body":body})
            })
            .collect();
        ok(json!({"responses":responses}))
    })
    .await;
    let requests = (0..7)
        .map(|g| Request::get(format!("/groups/{g}/members")))
        .collect();
    let lists = client(&server)
        .collect_many(&call(), requests)
        .await
        .unwrap();
    assert_eq!(ids(lists[0].as_ref().unwrap()), ["0"]);
    assert_eq!(ids(lists[1].as_ref().unwrap()), ["0", "1"]);
    assert_eq!(lists[2].as_ref().unwrap_err().status(), Some(500));
    assert_eq!(lists[3].as_ref().unwrap_err().status(), Some(404));
    for list in &lists[4..] {
        assert!(matches!(list, Err(Error::Protocol { .. })), "{list:?}");
    }
}

/// Who walks from page to page is told of a circle too, before anything comes twice.
#[tokio::test]
async fn walks_end() {
    // A→B→A
    let server = Server::start(|_, seen| match seen.target.as_str() {
        "/v1.0/users?p=A" => users(seen, 1..2, Some("/users?p=B")),
        "/v1.0/users?p=B" => users(seen, 2..3, Some("/users?p=A")),
        _ => users(seen, 0..1, Some("/users?p=A")),
    })
    .await;
    let client = client(&server);
    let first = client.page(&call(), &Request::get("/users")).await.unwrap();
    let a = first.next.unwrap();
    let second = client.next_page(&call(), &a, false).await.unwrap();
    let third = client
        .next_page(&call(), &second.next.unwrap(), false)
        .await;
    assert!(matches!(third, Err(Error::Protocol { .. })), "{third:?}");
    // The same link again is no circle: a page may be asked for twice.
    assert!(client.next_page(&call(), &a, false).await.is_ok());

    // Empty pages, each with another link.
    let server =
        Server::start(|n, seen| users(seen, 0..0, Some(&format!("/users?p={}", n + 1)))).await;
    let error = super::client(&server)
        .collect(&call(), &Request::get("/users"), 10)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    assert_eq!(server.count(), 200);

    // A page with something in it starts the count anew.
    let server = Server::start(|n, seen| {
        let n = u32::try_from(n).unwrap();
        let some = if n == 150 { 0..1 } else { 0..0 };
        let next = format!("/users?p={}", n + 1);
        users(seen, some, Some(next.as_str()).filter(|_| n < 300))
    })
    .await;
    let items = super::client(&server)
        .collect(&call(), &Request::get("/users"), 10)
        .await
        .unwrap();
    assert_eq!(ids(&items), ["0"]);
}

/// A count that is too large is word enough.
#[tokio::test]
async fn a_list_that_says_that_it_is_too_long_is_not_read() {
    let server = Server::start(|_, seen| {
        let next = format!("http://{}/v1.0/users?p=1", seen.headers["host"]);
        ok(json!({"value":[{"id":"1"}],"@odata.count":6,"@odata.nextLink":next}))
    })
    .await;
    let error = client(&server)
        .collect(&call(), &Request::get("/users").advanced(), 5)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::TooMany { limit: 5, .. }),
        "{error:?}"
    );
    assert_eq!(server.count(), 1);
}
