//! One request: headers, retries, deadlines, unknown outcomes.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::{
    graph::{Class, Error},
    odata::request::Request,
};

fn create() -> Request {
    Request::post("/users", json!({"displayName":"Anna"}))
}

#[tokio::test]
async fn a_request_carries_what_graph_wants() {
    let body = json!({"id":"1","value":[]});
    let answer = ok(body.clone()).header("Location", "https://graph/v2/x");
    let server = Server::start(move |_, _| answer.clone()).await;
    let client = client(&server);
    let mut call = call();
    let request = Request::get("/users").select(["id"]).advanced();
    let reply = client.send(&call, &request).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, body);
    assert_eq!(reply.request_id.as_deref(), Some("r-ok"));
    assert_eq!(reply.location.as_deref(), Some("https://graph/v2/x"));
    call.lane = Lane::Background;
    client.send(&call, &create()).await.unwrap();
    client
        .send(&call, &Request::get("/users/$count"))
        .await
        .unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].method, "GET");
    assert_eq!(seen[0].target, "/v1.0/users?$select=id&$count=true");
    assert_eq!(seen[0].headers["authorization"], "Bearer token-1");
    assert_eq!(seen[0].headers["consistencylevel"], "eventual");
    assert_eq!(seen[0].headers["accept"], "application/json");
    assert_eq!(seen[0].headers["client-request-id"].len(), 36);
    assert!(!seen[0].headers.contains_key("x-ms-throttle-priority"));
    assert_eq!(seen[1].headers["content-type"], "application/json");
    assert_eq!(seen[1].headers["x-ms-throttle-priority"], "Low");
    assert_eq!(seen[1].json(), json!({"displayName":"Anna"}));
    assert!(!seen[1].headers.contains_key("consistencylevel"));
    assert!(seen[2].headers["accept"].starts_with("text/plain"));
    assert_ne!(
        seen[0].headers["client-request-id"],
        seen[1].headers["client-request-id"]
    );
    assert_eq!(call.stats.http_requests(), 3);
    assert_eq!(call.stats.resource_units(), 6);
    assert_eq!(call.stats.request_ids(), ["r-ok"; 3]);
}

/// What a request ends as: the status, or a word for the error.
fn ending(result: Result<super::super::Reply, Error>) -> String {
    match result {
        Ok(reply) => reply.status.to_string(),
        Err(Error::Graph { status, .. }) => format!("error {status}"),
        Err(Error::OutcomeUnknown { .. }) => "unknown".into(),
        Err(Error::Deadline { .. }) => "deadline".into(),
        Err(Error::Transport { .. }) => "transport".into(),
        Err(Error::Protocol { .. }) => "protocol".into(),
        Err(other) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn the_retry_matrix() {
    let body = || ok(json!({"id":"1"}));
    let add = || Request::post("/groups/1/members/$ref", json!({}));
    let get = || Request::get("/users/1");
    let patch = || Request::patch("/users/1", json!({}));
    let delete = || Request::delete("/users/1");
    let silent = || body().after(Duration::from_millis(400));
    let after = |text: &str| refuse(429, "TooManyRequests").header("Retry-After", text);
    let done = || Answer::new(204, "");
    let company = || refuse(404, "Directory_ObjectNotFound");
    for (request, first, then, expected, requests) in [
        // Reads and named states are repeated.
        (get(), refuse(500, "x"), body(), "200", 2),
        (get(), refuse(502, ""), body(), "200", 2),
        (get(), refuse(503, ""), body(), "200", 2),
        (get(), refuse(504, ""), body(), "200", 2),
        (get(), refuse(509, ""), body(), "200", 2),
        (get(), refuse(408, ""), body(), "200", 2),
        (get(), refuse(424, ""), body(), "200", 2),
        (get(), Answer::new(502, "<html>"), body(), "200", 2),
        (get(), Answer::cut(), body(), "200", 2),
        (get(), body().truncated(), body(), "200", 2),
        (get(), silent(), body(), "200", 2),
        (patch(), Answer::cut(), done(), "204", 2),
        (add(), Answer::cut(), done(), "204", 2),
        // Conflicts of timing.
        (
            patch(),
            refuse(409, "Directory_ConcurrencyViolation"),
            done(),
            "204",
            2,
        ),
        (
            create(),
            refuse(400, "Directory_ConcurrencyViolation"),
            body(),
            "200",
            2,
        ),
        // Every form of Retry-After.
        (get(), after("0"), body(), "200", 2),
        (get(), after("0.02"), body(), "200", 2),
        (
            get(),
            after("Thu, 01 Jan 1970 00:00:00 GMT"),
            body(),
            "200",
            2,
        ),
        (get(), after("soon"), body(), "200", 2),
        (
            get(),
            refuse(503, "Request_ThrottledTemporarily"),
            body(),
            "200",
            2,
        ),
        // A create, when Graph surely did nothing.
        (create(), after("0"), body(), "200", 2),
        (create(), refuse(503, ""), body(), "200", 2),
        // A create, when nobody knows.
        (create(), refuse(500, "x"), body(), "unknown", 1),
        (create(), refuse(502, ""), body(), "unknown", 1),
        (create(), refuse(504, ""), body(), "unknown", 1),
        (create(), Answer::cut(), body(), "unknown", 1),
        (create(), body().truncated(), body(), "unknown", 1),
        (create(), silent(), body(), "unknown", 1),
        (create(), Answer::new(201, "<html>"), body(), "unknown", 1),
        (create(), Answer::new(201, ""), body(), "unknown", 1),
        // The directory could not be read: said of nothing in particular.
        (get(), company(), body(), "200", 2),
        (patch(), company(), done(), "204", 2),
        (
            delete(),
            company(),
            refuse(404, "Request_ResourceNotFound"),
            "204",
            2,
        ),
        (create(), company(), body(), "unknown", 1),
        // A 404 of something on the way is no proof that the object is gone.
        (
            delete(),
            Answer::cut(),
            Answer::new(404, "<html>"),
            "error 404",
            2,
        ),
        // Refusals are final.
        (
            get(),
            refuse(400, "Request_BadRequest"),
            body(),
            "error 400",
            1,
        ),
        (
            get(),
            refuse(403, "Authorization_RequestDenied"),
            body(),
            "error 403",
            1,
        ),
        (
            get(),
            refuse(404, "Request_ResourceNotFound"),
            body(),
            "error 404",
            1,
        ),
        (get(), refuse(409, "Request_Other"), body(), "error 409", 1),
        (get(), refuse(501, ""), body(), "error 501", 1),
        (
            get(),
            Answer::new(302, "").header("Location", "/x"),
            body(),
            "error 302",
            1,
        ),
        // A delete whose first try was lost, and which is done.
        (
            delete(),
            Answer::cut(),
            refuse(404, "Request_ResourceNotFound"),
            "204",
            2,
        ),
        (
            delete(),
            refuse(500, ""),
            refuse(404, "Request_ResourceNotFound"),
            "204",
            2,
        ),
        (
            delete(),
            after("0"),
            refuse(404, "Request_ResourceNotFound"),
            "error 404",
            2,
        ),
        (
            delete(),
            refuse(404, "Request_ResourceNotFound"),
            body(),
            "error 404",
            1,
        ),
        // Nothing is not something.
        (get(), Answer::new(200, ""), body(), "protocol", 1),
        (get(), Answer::new(200, "  \r\n"), body(), "protocol", 1),
        (get(), Answer::new(200, "<html>"), body(), "protocol", 1),
        (
            Request::post("/directoryObjects/getByIds", json!({"ids":[]})),
            Answer::new(200, ""),
            body(),
            "protocol",
            1,
        ),
    ] {
        let case = format!("{request:?} {first:?}");
        let server = Server::sequence(vec![first, then]).await;
        let result = client(&server).send(&call(), &request).await;
        assert_eq!(ending(result), expected, "{case}");
        assert_eq!(server.count(), requests, "{case}");
    }
}

#[tokio::test]
async fn a_vouched_create_is_repeated() {
    let server = Server::sequence(vec![Answer::cut(), ok(json!({"id":"1"}))]).await;
    let reply = client(&server).send_repeatable(&call(), &create()).await;
    assert_eq!(reply.unwrap().body["id"], "1");
}

#[tokio::test]
async fn tries_are_counted() {
    let server = Server::start(|_, _| refuse(500, "x")).await;
    let error = client(&server)
        .send(&call(), &Request::get("/users/1"))
        .await
        .unwrap_err();
    assert_eq!(server.count(), 4);
    assert_eq!((error.status(), error.class()), (Some(500), Class::Retry));
    assert_eq!(error.request_id(), Some("in-body"));
    assert_eq!(
        error.to_string(),
        "Graph refused GET /users/{id}: 500 x: scripted (request-id in-body)"
    );
}

#[tokio::test]
async fn no_connection_is_never_an_unknown_outcome() {
    let server = Server::sequence(vec![]).await;
    let mut settings = settings(&server);
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    settings.origin = format!("http://{free}").parse().unwrap();
    let client = client_with(settings, Arc::default());
    let error = client.send(&call(), &create()).await.unwrap_err();
    assert!(
        matches!(error, Error::Transport { sent: false, .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Retry);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_ends_at_once() {
    for (header, at_least) in [("30", 30), ("30.5", 30), ("86400", 86_400)] {
        let server =
            Server::start(move |_, _| refuse(429, "x").header("Retry-After", header)).await;
        let client = client(&server);
        let start = Instant::now();
        let error = client
            .send(&call(), &Request::get("/users"))
            .await
            .unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(matches!(error, Error::Deadline { .. }), "{error:?}");
        assert_eq!(
            (error.status(), error.class()),
            (Some(429), Class::Throttled)
        );
        assert!(error.retry_after().unwrap() >= Duration::from_secs(at_least));
        // The next caller of the lane does not even ask.
        let second = client.send(&call(), &create()).await.unwrap_err();
        assert!(second.retry_after().unwrap() > Duration::from_secs(20));
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn silence_is_bounded_by_the_deadline_too() {
    let slow = || ok(json!({})).after(Duration::from_secs(3));
    for (request, expected) in [(Request::get("/users"), "deadline"), (create(), "unknown")] {
        let server = Server::sequence(vec![slow()]).await;
        let mut settings = settings(&server);
        settings.request_timeout = Duration::from_secs(10);
        let client = client_with(settings, Arc::default());
        let start = Instant::now();
        let short = Call::new(Lane::Interactive, Duration::from_millis(100));
        let result = client.send(&short, &request).await;
        assert_eq!(ending(result), expected);
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn one_429_holds_all_callers_once() {
    let server = Server::start(|n, _| {
        if n == 0 {
            refuse(429, "x").header("Retry-After", "0.3")
        } else {
            ok(json!({"id":"1"}))
        }
    })
    .await;
    let client = Arc::new(client(&server));
    let start = Instant::now();
    let first = client.send(&call(), &Request::get("/users/1")).await;
    let waited = start.elapsed();
    assert!(first.is_ok() && waited >= Duration::from_millis(300));

    let server = Server::start(move |n, _| match n {
        0 => refuse(429, "x").header("Retry-After", "0.3"),
        _ => ok(json!({"id":"1"})),
    })
    .await;
    let client = Arc::new(super::client(&server));
    let throttled = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.send(&call(), &Request::get("/users/1")).await }
    });
    while server.count() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut others = tokio::task::JoinSet::new();
    let start = Instant::now();
    for _ in 0..5 {
        let client = Arc::clone(&client);
        others.spawn(async move { client.send(&call(), &Request::get("/users/1")).await });
    }
    while let Some(result) = others.join_next().await {
        result.unwrap().unwrap();
    }
    throttled.await.unwrap().unwrap();
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(150), "{waited:?}");
    assert!(waited < Duration::from_millis(600), "one wait, not five");
    assert_eq!(server.count(), 7);
}

#[tokio::test]
async fn a_429_holds_who_stands_in_the_queue() {
    let server = Server::start(|n, _| match n {
        0 => refuse(429, "x")
            .header("Retry-After", "0.4")
            .after(Duration::from_millis(50)),
        _ => ok(json!({"id":"1"})),
    })
    .await;
    let mut settings = settings(&server);
    settings.concurrency = 1;
    let client = client_with(settings, Arc::default());
    let (call, request) = (call(), Request::get("/users/1"));
    let look = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        server.count()
    };
    let (first, second, sent_meanwhile) = tokio::join!(
        client.send(&call, &request),
        client.send(&call, &request),
        look
    );
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(sent_meanwhile, 1);
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_background_429_does_not_hold_clients() {
    let server = Server::start(|n, _| match n {
        0 => refuse(429, "x").header("Retry-After", "20"),
        _ => ok(json!({"id":"1"})),
    })
    .await;
    let client = client(&server);
    let background = Call::new(Lane::Background, Duration::from_secs(5));
    let request = Request::get("/users/1");
    assert!(client.send(&background, &request).await.is_err());
    assert!(client.send(&call(), &request).await.is_ok());
    assert!(client.send(&background, &request).await.is_err());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn concurrency_is_bounded_and_cancelling_frees_it() {
    let server =
        Server::start(|_, _| ok(json!({"id":"1"})).after(Duration::from_millis(100))).await;
    let mut settings = settings(&server);
    settings.concurrency = 2;
    let client = client_with(settings, Arc::default());
    let request = Request::get("/users/1");
    let (a, b) = (call(), call());
    let cut = tokio::time::timeout(Duration::from_millis(30), async {
        tokio::join!(client.send(&a, &request), client.send(&b, &request))
    });
    assert!(cut.await.is_err());
    let start = Instant::now();
    let three = tokio::join!(
        client.send(&a, &request),
        client.send(&a, &request),
        client.send(&a, &request),
    );
    assert!(three.0.is_ok() && three.1.is_ok() && three.2.is_ok());
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "two at a time"
    );
}

#[tokio::test]
async fn a_401_costs_one_new_token() {
    for (unauthorized, expected, requests) in [(1, "200", 2), (9, "error 401", 2)] {
        let server = Server::start(move |n, _| {
            if n < unauthorized {
                refuse(401, "InvalidAuthenticationToken")
            } else {
                ok(json!({"id":"1"}))
            }
        })
        .await;
        let tokens = Arc::new(Tokens::default());
        let client = client_with(settings(&server), Arc::clone(&tokens));
        let result = client.send(&call(), &create()).await;
        assert_eq!(ending(result), expected);
        assert_eq!(server.count(), requests);
        let used: Vec<String> = server
            .seen()
            .iter()
            .map(|s| s.headers["authorization"].clone())
            .collect();
        assert_eq!(used, ["Bearer token-1", "Bearer token-2"]);
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    for (kind, asked, class) in [
        (credential::Kind::Denied, 1, Class::Permanent),
        (credential::Kind::Misconfigured, 1, Class::Permanent),
        (credential::Kind::Unavailable, 4, Class::Retry),
    ] {
        let server = Server::sequence(vec![]).await;
        let tokens = Arc::new(Tokens {
            failure: Some(kind),
            ..Tokens::default()
        });
        let client = client_with(settings(&server), Arc::clone(&tokens));
        let error = client.send(&call(), &create()).await.unwrap_err();
        assert!(matches!(error, Error::Token(_)), "{error:?}");
        assert_eq!(error.class(), class);
        assert_eq!(tokens.asked.load(Ordering::SeqCst), asked);
        assert_eq!(server.count(), 0);
    }
}

#[tokio::test]
async fn photos_are_bytes() {
    let server = Server::start(|n, _| match n {
        0 => Answer::new(200, vec![0xff, 0xd8, 0xff]).header("Content-Type", "image/jpeg"),
        1 => refuse(404, "ImageNotFound"),
        _ => Answer::new(200, ""),
    })
    .await;
    let client = client(&server);
    let request = Request::get("/users/1/photo/$value");
    let (kind, bytes) = client.bytes(&call(), &request).await.unwrap();
    assert_eq!(
        (kind.as_str(), &bytes[..]),
        ("image/jpeg", &[0xff, 0xd8, 0xff][..])
    );
    let error = client.bytes(&call(), &request).await.unwrap_err();
    assert_eq!(error.code(), Some("ImageNotFound"));
    let error = client.bytes(&call(), &request).await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }));
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_not_sent() {
    let server = Server::sequence(vec![]).await;
    let client = client(&server);
    for path in [
        "/users/..",
        "/users/%2E%2e/groups",
        "/users/./1",
        "users",
        "//evil.example",
        "/users?$top=1",
        "/users\\..\\groups",
    ] {
        let error = client.send(&call(), &Request::get(path)).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{path}: {error:?}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn settings_are_checked() {
    let server = Server::sequence(vec![]).await;
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(&server);
        change(&mut settings);
        let http = reqwest::Client::builder().build().unwrap();
        let tokens = Arc::new(Tokens::default());
        Client::new(settings, tokens, http, Arc::new(SystemClock)).is_ok()
    };
    assert!(with(|_| ()));
    assert!(with(
        |s| s.origin = "https://graph.microsoft.us".parse().unwrap()
    ));
    assert!(!with(
        |s| s.origin = "http://graph.microsoft.com".parse().unwrap()
    ));
    assert!(!with(
        |s| s.origin = "https://graph.microsoft.com/v1.0".parse().unwrap()
    ));
    assert!(!with(
        |s| s.origin = "https://a@graph.microsoft.com".parse().unwrap()
    ));
    assert!(!with(|s| s.version = "../x".into()));
    assert!(!with(|s| s.max_attempts = 0));
    assert!(!with(|s| s.concurrency = 0));
}

#[test]
fn the_shared_http_client_can_be_built() {
    assert!(super::super::http_client().is_ok());
}

/// What a subscriber would write, kept.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_operations_and_no_people() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("entra_scim=trace")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let server = Server::sequence(vec![
        refuse(503, "").header("request-id", "r-1"),
        ok(json!({"id":"hidden-body"})),
    ])
    .await;
    let request = Request::patch("/users/anna%40contoso.com", json!({"city":"hidden-city"}));
    client(&server).send(&call(), &request).await.unwrap();
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in [
        "graph.operation=PATCH /users/{id}",
        "attempt=1",
        "attempt=2",
        "status=503",
        "status=200",
        "request_id=\"r-1\"",
        "duration_ms=",
    ] {
        assert!(text.contains(part), "{part} missing in {text}");
    }
    for part in ["anna", "token-1", "hidden"] {
        assert!(!text.contains(part), "{part} found in {text}");
    }
}
