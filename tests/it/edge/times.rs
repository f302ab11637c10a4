//! Who is too slow is let go.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::limited;
use super::raw::{first_bytes, head, sent, until_closed};
use crate::support::{
    app::{App, Options},
    program::Program,
};

const SOON: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn half_heads_and_silence() {
    let app = limited(
        0,
        &[("header_timeout_secs", "1"), ("idle_timeout_secs", "3")],
    )
    .await;
    for (text, least) in [
        ("", 900),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ", 900),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 2_500),
        // A second head that is never whole.
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /he", 900),
    ] {
        let mut socket = sent(app.address(), text).await;
        let start = Instant::now();
        let closed = until_closed(&mut socket, SOON).await;
        let took = start.elapsed();
        assert!(closed.is_some(), "{text:?} was not let go");
        assert!(took.as_millis() >= least, "{text:?} after {took:?}");
    }
    // Bytes that trickle do not help.
    let mut socket = sent(app.address(), "GET /healthz HTTP/1.1\r\n").await;
    let start = Instant::now();
    while start.elapsed() < SOON && socket.write_all(b"X").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(start.elapsed() < SOON);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_bodies() {
    let app = limited(0, &[("body_timeout_secs", "2")]).await;
    let half = head("POST", "/Users", app.token(), 1000) + "{\"userName\":";
    let mut socket = sent(app.address(), &half).await;
    let answer = until_closed(&mut socket, SOON).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"status\":\"408\""), "{answer}");
}

/// A body that is announced too large is refused before a byte of it has come; so is one that the
/// token may not send.
#[tokio::test(flavor = "multi_thread")]
async fn refused_before_the_body() {
    let app = limited(0, &[]).await;
    let reader = app.issue_token("read:*", None).await;
    for (token, length, status) in [
        (app.token(), 100_000_000, "413"),
        (&reader, 1_000, "403"),
        ("es_unknown", 1_000, "401"),
    ] {
        let mut socket = sent(app.address(), &head("POST", "/Users", token, length)).await;
        let answer = first_bytes(&mut socket, SOON).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

/// A reader that takes nothing is let go, and what it held comes back.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_do_not_read() {
    let app = limited(0, &[("write_timeout_secs", "1")]).await;
    let list = format!(
        "GET /scim/v2/Users?count=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        app.token()
    );
    let mut socket = TcpStream::connect(app.address()).await.unwrap();
    let start = Instant::now();
    let mut requests = 0;
    // The server stops reading when its answers are not taken, and then closes.
    while start.elapsed() < SOON * 3 {
        let write = tokio::time::timeout(
            Duration::from_millis(200),
            socket.write_all(list.as_bytes()),
        );
        match write.await {
            Ok(Ok(())) => requests += 1,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
    panic!("{requests} requests, and the connection is still there");
}

/// What is half sent does not hold up a shutdown.
#[tokio::test(flavor = "multi_thread")]
async fn shutdown_waits_for_nothing_half_sent() {
    let tenant = App::with(Options {
        users: 40,
        groups: 4,
        ..Options::default()
    })
    .await;
    let ready = tenant.simulator().clone();
    let (mut serving, token) = tokio::task::spawn_blocking(move || {
        let program = Program::with_secret(&ready);
        let token = program.token();
        (program.serve(), token)
    })
    .await
    .unwrap();
    let address = serving.address();
    let mut held = vec![
        sent(address, "").await,
        sent(
            address,
            "GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-Half: ",
        )
        .await,
        sent(address, &(head("POST", "/Users", &token, 1000) + "{")).await,
    ];
    let mut idle = sent(address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(first_bytes(&mut idle, SOON).await.contains("200 OK"));
    held.push(idle);
    let took = tokio::task::spawn_blocking(move || {
        let took = serving.terminate();
        println!("{}", serving.stop());
        took
    })
    .await
    .unwrap();
    assert!(took < Duration::from_secs(10), "{took:?}");
    drop(held);
}
