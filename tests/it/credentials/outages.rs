//! A running server while its sign-in service is in trouble: the last good token serves until its
//! true end, then 503, and nothing needs a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entra_scim::{base::clock::SystemClock, simulator::control::OffsetClock};
use serde_json::{Value, json};

use crate::support::app::{Answer, App, Options, patch_op, quoted};

/// Gateway and simulator on clocks that move ahead together.
struct Pair {
    app: App,
    clock: Arc<OffsetClock>,
}

/// Life of the tokens that a simulator gives out at first.
const LIFE: i64 = 3599;

impl Pair {
    async fn start(deadline_secs: u64) -> Self {
        let clock = Arc::new(OffsetClock::new(Arc::new(SystemClock)));
        let app = App::with(Options {
            users: 30,
            groups: 3,
            deadline_secs,
            clock: clock.clone(),
            ..Options::default()
        })
        .await;
        let pair = Self { app, clock };
        pair.app.get("/Users?count=1").await.expect_status(200);
        assert_eq!(pair.tokens().await, 1);
        // The library reckons by the machine's clock: later tokens must outlive what is skipped.
        pair.lifetime(86_400).await;
        pair
    }

    async fn lifetime(&self, seconds: i64) {
        let body = json!({ "seconds": seconds });
        self.app.control_post("/tokens/lifetime", &body).await;
    }

    async fn advance(&self, seconds: i64) {
        self.clock
            .advance(time::Duration::seconds(seconds))
            .unwrap();
        let body = json!({ "seconds": seconds });
        self.app.control_post("/clock/advance", &body).await;
    }

    /// Requests to the token endpoint so far.
    async fn tokens(&self) -> u64 {
        self.app.counters().await["token_requests"]
            .as_u64()
            .unwrap()
    }

    async fn break_sign_in(&self, fault: Value) {
        let rule = json!({"on": "token", "fault": fault});
        self.app.set_faults(json!([rule])).await;
    }

    /// Whether `condition` comes true within a time.
    async fn until(&self, condition: impl AsyncFn(&Self) -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(15);
        while Instant::now() < end {
            if condition(self).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

/// One request of each sort; the user is there.
async fn everything(app: &App, user: &str, new_upn: &str) -> Vec<(&'static str, Answer)> {
    let path = format!("/Users/{user}");
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "Changed"}]));
    let create = json!({ "userName": new_upn });
    let filter = format!("userName eq {}", quoted(new_upn));
    let query = [("filter", &*filter)];
    let (list, filtered, get, post, patch, delete) = tokio::join!(
        app.get("/Users?count=5"),
        app.list("/Users", &query),
        app.get(&path),
        app.post("/Users", &create),
        app.patch(&path, &title),
        app.delete(&path),
    );
    vec![
        ("list", list),
        ("filter", filtered),
        ("get", get),
        ("post", post),
        ("patch", patch),
        ("delete", delete),
    ]
}

/// Seconds before the token's end at which the stories ask again.
const EARLY: i64 = 200;

async fn outage(name: &str, fault: Option<Value>) {
    let pair = Pair::start(2).await;
    let app = &pair.app;
    let user = app.any_user().await;
    let upn = format!("never.made@{}", app.domain().await);
    match &fault {
        Some(fault) => pair.break_sign_in(fault.clone()).await,
        None => {
            let body = json!({"secret": "somebody-changed-it", "replace": true});
            app.control_post("/secrets", &body).await;
        }
    }

    // Refreshes are due and fail; nobody notices.
    pair.advance(LIFE - EARLY).await;
    for _ in 0..4 {
        let start = Instant::now();
        app.get("/Users?count=2").await.expect_status(200);
        let title = patch_op(json!([{"op": "replace", "path": "title", "value": "Busy"}]));
        let patched = app.patch(&format!("/Users/{user}"), &title).await;
        patched.expect_status(200);
        assert!(
            start.elapsed() < Duration::from_millis(1500),
            "{name}: waited"
        );
        pair.advance(32).await;
    }
    assert!(pair.tokens().await >= 2, "{name}: nobody tried");

    // The token's true end.
    pair.advance(EARLY).await;
    let start = Instant::now();
    for (request, answer) in everything(app, &user, &upn).await {
        let case = format!("{name}, {request}: {}", answer.text);
        assert_eq!(answer.status, 503, "{case}");
        let retry: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&retry), "{case}");
        assert_eq!(answer.body["status"], "503", "{case}");
        assert!(answer.body["Resources"].is_null(), "{case}");
    }
    assert!(start.elapsed() < Duration::from_secs(4), "{name}: too long");
    let client = reqwest::Client::builder().build().unwrap();
    let ready = async || {
        let url = format!("{}/readyz", app.gateway_url());
        client.get(url).send().await.unwrap().status().as_u16()
    };
    if !name.starts_with("silence") {
        assert_eq!(ready().await, 503, "{name}");
    }

    // Back again: so is the server, and what it refused has not been done.
    if fault.is_some() {
        app.set_faults(json!([])).await;
    } else {
        let body = json!({ "secret": app.simulator().client_secret });
        app.control_post("/secrets", &body).await;
    }
    pair.advance(32).await;
    let back = async |pair: &Pair| pair.app.get("/Users?count=1").await.status == 200;
    assert!(pair.until(back).await, "{name}: not back");
    assert_eq!(ready().await, 200, "{name}");
    let kept = app.get(&format!("/Users/{user}")).await.expect_status(200);
    assert_eq!(kept.body["title"], "Busy", "{name}");
    assert_eq!(app.sim_user_by_upn(&upn).await, None, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_survived() {
    tokio::join!(
        outage("503", Some(json!({"kind": "status", "status": 503}))),
        outage("429", Some(json!({"kind": "status", "status": 429}))),
        outage("cut", Some(json!({"kind": "cut_before"}))),
        outage(
            "200 {}",
            Some(json!({"kind": "status", "status": 200, "body": {}}))
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_sign_in_service_is_survived() {
    outage("silence", Some(json!({"kind": "silence", "seconds": 60}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_changed_is_survived() {
    outage("changed secret", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refreshed_early_once_and_off_the_request_path() {
    let pair = Pair::start(10).await;
    pair.advance(LIFE - 600).await;
    pair.app.get("/Users?count=1").await.expect_status(200);
    assert_eq!(pair.tokens().await, 1, "ten minutes are no reason");
    pair.break_sign_in(json!({"kind": "silence", "seconds": 2}))
        .await;
    pair.advance(400).await;
    let start = Instant::now();
    for _ in 0..3 {
        let (a, b, c) = tokio::join!(
            pair.app.get("/Users?count=1"),
            pair.app.get("/Groups?count=1"),
            pair.app.get("/Licenses?count=1"),
        );
        for answer in [a, b, c] {
            answer.expect_status(200);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(2), "somebody waited");
    assert_eq!(pair.tokens().await, 2, "one refresh for all");
    // Once the new token is there, the old one's end is no event.
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(start.elapsed())).await;
    pair.break_sign_in(json!({"kind": "status", "status": 503}))
        .await;
    pair.advance(400).await;
    pair.app.get("/Users?count=1").await.expect_status(200);
    assert_eq!(pair.tokens().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn short_lived_tokens_never_show() {
    // By the machine's own clock, nothing moved.
    let app = App::with(Options {
        users: 30,
        groups: 3,
        ..Options::default()
    })
    .await;
    let life = json!({"seconds": 2});
    app.control_post("/tokens/lifetime", &life).await;
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        app.get("/Users?count=2").await.expect_status(200);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let tokens = app.counters().await["token_requests"].as_u64().unwrap();
    assert!((2..=8).contains(&tokens), "{tokens} tokens in 5 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_replaced_once() {
    let pair = Pair::start(10).await;
    let app = &pair.app;
    let user = app.any_user().await;
    let upn = format!("after.revocation@{}", app.domain().await);
    let group = json!({"displayName": "After revocation"});
    let group = app.post("/Groups", &group).await.expect_status(201);
    let group = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    let revoke = async || {
        app.reset_counters().await;
        app.control_post("/tokens/revoke", &json!({})).await;
    };

    // Many at once, all with the revoked token.
    revoke().await;
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "Still here"}]));
    let path = format!("/Users/{user}");
    let (a, b, c, d, e) = tokio::join!(
        app.get("/Users?count=2"),
        app.get(&path),
        app.patch(&path, &title),
        app.get("/Roles?count=1&excludedAttributes=members"),
        app.get("/Licenses?count=1&excludedAttributes=members"),
    );
    for answer in [a, b, c, d, e] {
        answer.expect_status(200);
    }
    assert_eq!(pair.tokens().await, 1, "one new token for all");

    // A create is done once, a batch of members too.
    revoke().await;
    let create = json!({ "userName": upn });
    app.post("/Users", &create).await.expect_status(201);
    assert!(app.sim_user_by_upn(&upn).await.is_some());
    assert_eq!(app.counters().await["operations"]["POST users"], 1);
    revoke().await;
    let add = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
    app.patch(&group, &add).await.expect_status(204);
    assert_eq!(pair.tokens().await, 1);

    // Graph that refuses every token: not the client's fault, and never a 401 to it.
    let rule = json!({"on": "request", "fault": {"kind": "status", "status": 401}});
    app.set_faults(json!([rule])).await;
    app.reset_counters().await;
    for (request, answer) in everything(app, &user, "never.made@contoso.com").await {
        let case = format!("{request}: {}", answer.text);
        assert_eq!(answer.status, 503, "{case}");
        assert!(answer.header("retry-after").is_some(), "{case}");
    }
    assert!(pair.tokens().await <= 6, "one try each");
    app.set_faults(json!([])).await;
    app.get(&path).await.expect_status(200);
    assert_eq!(app.sim_user_by_upn("never.made@contoso.com").await, None);
}
