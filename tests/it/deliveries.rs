//! Changes that are told to a receiver: in their order, until it has each, also across a kill.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{
    app::{App, Options, patch_op},
    databases::Database,
    program::Program,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What came, and what is answered next.
#[derive(Default)]
struct Inbox {
    came: Mutex<Vec<(HeaderMap, String)>>,
    /// Statuses of the next answers; 202 when there are none.
    answers: Mutex<Vec<u16>>,
    /// Bodies that were taken.
    taken: Mutex<Vec<String>>,
}

async fn take(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = String::from_utf8(body.to_vec()).unwrap();
    inbox.came.lock().unwrap().push((headers, body.clone()));
    let next = inbox.answers.lock().unwrap().pop().unwrap_or(202);
    if next < 300 {
        inbox.taken.lock().unwrap().push(body);
    }
    StatusCode::from_u16(next).unwrap()
}

/// A receiver on this machine, and its address.
async fn receiver() -> (Arc<Inbox>, String) {
    let inbox = Arc::new(Inbox::default());
    let router = Router::new()
        .route("/events", post(take))
        .with_state(Arc::clone(&inbox));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (inbox, url)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let over = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < over, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn environment(url: &str, format: &str, secret: &str) -> Vec<(String, String)> {
    let tenant = "ENTRA_SCIM__TENANTS__DEFAULT__";
    vec![
        (
            "ENTRA_SCIM__SERVER__BASE_URL".into(),
            "https://scim.example.com".into(),
        ),
        (format!("{tenant}EVENTS_URL"), url.into()),
        (format!("{tenant}EVENTS_FORMAT"), format.into()),
        (format!("{tenant}EVENTS_SECRET"), secret.into()),
        (format!("{tenant}REPLICA_INTERVAL_SECS"), "1".into()),
    ]
}

fn titled(title: &str) -> Value {
    patch_op(json!([{"op": "replace", "path": "title", "value": title}]))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_pushed_in_order_until_they_are_taken() {
    for database in Database::all().await {
        let (inbox, url) = receiver().await;
        let app = App::with(Options {
            users: 10,
            groups: 2,
            replica: true,
            database: Some(database),
            environment: environment(&url, "push", "pushed-secret"),
            ..Options::default()
        })
        .await;
        app.caught_up().await;
        let other = app.second_instance().await;
        // Its place is there before the first change.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        *inbox.answers.lock().unwrap() = vec![202, 503, 202, 500];
        let path = format!("/Users/{}", app.any_user().await);
        for (at, title) in ["one", "two", "three", "four"].into_iter().enumerate() {
            let by = if at % 2 == 0 { &app } else { &other };
            by.patch(&path, &titled(title)).await.expect_status(200);
        }
        until("four are taken", || inbox.taken.lock().unwrap().len() == 4).await;
        let came = inbox.came.lock().unwrap().clone();
        assert_eq!(came.len(), 6, "two were sent again");
        let mut numbers = Vec::new();
        for (headers, body) in &came {
            assert_eq!(headers["content-type"], "application/secevent+jwt");
            assert_eq!(headers["accept"], "application/json");
            assert_eq!(headers["authorization"], "Bearer pushed-secret");
            let claims = body.split('.').nth(1).unwrap();
            let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(claims)
                .unwrap();
            let claims: Value = serde_json::from_slice(&claims).unwrap();
            assert_eq!(claims["iss"], "https://scim.example.com/scim/v2");
            assert_eq!(claims["aud"], url.trim_end_matches("/events"));
            let number = claims["jti"].as_str().unwrap().rsplit('-').next().unwrap();
            numbers.push(number.parse::<i64>().unwrap());
        }
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(numbers, sorted, "in their order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_signed() {
    let (inbox, url) = receiver().await;
    let app = App::with(Options {
        users: 10,
        groups: 2,
        replica: true,
        environment: environment(&url, "webhook", SECRET),
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let id = app.any_user().await;
    app.patch(&format!("/Users/{id}"), &titled("signed"))
        .await
        .expect_status(200);
    until("it is taken", || inbox.taken.lock().unwrap().len() == 1).await;
    let (headers, body) = inbox.came.lock().unwrap()[0].clone();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let key = STANDARD
        .decode(SECRET.trim_start_matches("whsec_"))
        .unwrap();
    let signed = format!(
        "{}.{}.{body}",
        text("webhook-id"),
        text("webhook-timestamp")
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let signature = text("webhook-signature");
    let tag = STANDARD
        .decode(signature.strip_prefix("v1,").unwrap())
        .unwrap();
    aws_lc_rs::hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["type"], "user.updated");
    assert_eq!(told["data"]["resourceId"], id.as_str());
    assert_eq!(told["data"]["attributes"], json!(["title"]));
    // 410: no more.
    *inbox.answers.lock().unwrap() = vec![410];
    for title in ["gone", "not told"] {
        app.patch(&format!("/Users/{id}"), &titled(title))
            .await
            .expect_status(200);
    }
    until("it says 410", || inbox.came.lock().unwrap().len() == 2).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(inbox.came.lock().unwrap().len(), 2);
}

/// Nothing is lost when the program is killed: what was not taken comes after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_comes_after_a_kill() {
    let (inbox, url) = receiver().await;
    let app = App::with(Options {
        users: 10,
        groups: 2,
        ..Options::default()
    })
    .await;
    let database = Database::sqlite();
    let mut program = Program::with_secret(app.simulator())
        .set("ENTRA_SCIM__TENANTS__DEFAULT__REPLICA", "on")
        .set("ENTRA_SCIM__STORE__URL", &database.url);
    for (name, value) in environment(&url, "push", "s") {
        program = program.set(&name, &value);
    }
    let token = program.token();
    let serve = || {
        let program = program.clone();
        async {
            tokio::task::spawn_blocking(move || program.serve())
                .await
                .unwrap()
        }
    };
    let mut serving = serve().await;
    let client = app.at(&serving.scim).with_token(Some(&token));
    let ready = || async { client.get("/Changes?cursor=latest").await.status == 200 };
    while !ready().await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    *inbox.answers.lock().unwrap() = vec![503; 1000];
    let path = format!("/Users/{}", app.any_user().await);
    for title in ["one", "two", "three"] {
        client.patch(&path, &titled(title)).await.expect_status(200);
    }
    until("one came", || !inbox.came.lock().unwrap().is_empty()).await;
    serving.kill();
    inbox.answers.lock().unwrap().clear();
    let _serving = serve().await;
    // The lease of the killed one ends first.
    let over = Instant::now() + Duration::from_mins(2);
    while inbox.taken.lock().unwrap().len() < 3 {
        assert!(Instant::now() < over, "they never came");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
