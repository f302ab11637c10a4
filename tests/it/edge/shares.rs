//! No client takes all: connections, places, requests a second, descriptors.

use std::time::Duration;

use futures_util::future::join_all;

use super::limited;
use super::raw::{connect, first_bytes, sent, until_closed};
use crate::support::{
    app::{App, Options},
    program::Program,
};

const SOON: Duration = Duration::from_secs(5);
const ASKS: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_peer() {
    use tokio::io::AsyncWriteExt as _;
    let app = limited(
        0,
        &[("max_connections_per_peer", "3"), ("max_connections", "5")],
    )
    .await;
    let mut held = Vec::new();
    for (from, served) in [
        ("127.0.0.2", true),
        ("127.0.0.2", true),
        ("127.0.0.2", true),
        ("127.0.0.2", false),
        ("127.0.0.3", true),
        ("127.0.0.3", true),
        ("127.0.0.4", false),
    ] {
        let mut socket = connect(from, app.address()).await.unwrap();
        // A closed connection may refuse to be written to.
        let written = socket.write_all(ASKS.as_bytes()).await;
        let answer = first_bytes(&mut socket, SOON).await;
        assert_eq!(
            answer.contains("200 OK"),
            served,
            "{from}: {written:?} {answer}"
        );
        if served {
            held.push(socket);
        }
    }
    held.clear();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut socket = sent(app.address(), ASKS).await;
    assert!(first_bytes(&mut socket, SOON).await.contains("200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_one_token() {
    let app = limited(
        300,
        &[
            ("max_concurrent_requests", "6"),
            ("max_concurrent_requests_per_tenant", "5"),
            ("max_concurrent_requests_per_token", "3"),
        ],
    )
    .await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    let other = app.with_token(Some(&app.issue_token("read:Users", None).await));
    let third = app.with_token(Some(&app.issue_token("read:Users", None).await));
    let statuses = async |client: &App, count: usize| {
        let answers = join_all((0..count).map(|_| client.get(&path))).await;
        for answer in answers.iter().filter(|a| a.status != 200) {
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(answer.body["status"], answer.status.to_string());
        }
        let mut statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(statuses(&app, 5).await, [200, 200, 200, 429, 429]);
    let later = async |client: &App, count: usize, after: u64| {
        tokio::time::sleep(Duration::from_millis(after)).await;
        statuses(client, count).await
    };
    let (first, second, third) = tokio::join!(
        statuses(&app, 4),
        later(&other, 2, 60),
        later(&third, 1, 120)
    );
    assert_eq!(first, [200, 200, 200, 429], "all of its own");
    assert_eq!(second, [200, 200], "others have theirs");
    assert_eq!(third, [503], "the tenant has no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_a_second() {
    let app = limited(0, &[("requests_per_sec_per_token", "5")]).await;
    let other = app.with_token(Some(&app.issue_token("read:Users", None).await));
    let mut refused = 0;
    for _ in 0..20 {
        let answer = app.get("/Users?count=1&attributes=id").await;
        if answer.status != 200 {
            refused += 1;
            assert_eq!(answer.status, 429, "{}", answer.shown());
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    assert!(refused > 0);
    other
        .get("/Users?count=1&attributes=id")
        .await
        .expect_status(200);
}

/// When no descriptor is left, the server says so and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn no_descriptors_left() {
    let tenant = App::with(Options {
        users: 40,
        groups: 4,
        ..Options::default()
    })
    .await;
    let ready = tenant.simulator().clone();
    let serving = tokio::task::spawn_blocking(move || {
        Program::with_secret(&ready).with_descriptors(60).serve()
    })
    .await
    .unwrap();
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(sent(serving.address(), "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ").await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(held);
    let mut socket = sent(
        serving.address(),
        &ASKS.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    )
    .await;
    let answer = until_closed(&mut socket, SOON * 3).await.unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
    let log = tokio::task::spawn_blocking(|| serving.stop())
        .await
        .unwrap();
    let lines = log.matches("no connection can be accepted").count();
    assert!((1..5).contains(&lines), "{lines} lines: {log}");
}
