//! More than can be done in time: honest, at once, and kind to the others.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{elements, group, sorted};
use crate::support::app::{App, Options, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_quota_does_not_allow_is_not_begun() {
    let app = App::with(Options {
        users: 6_100,
        deadline_secs: 20,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let id = group(&app, &users[..6_000], &[]).await;
    let path = format!("/Groups/{id}");
    let replace = patch_op(
        json!([{"op": "replace", "path": "members", "value": elements(&users[6_000..6_010])}]),
    );
    let start = Instant::now();
    let answer = app.patch(&path, &replace).await;
    assert!(
        start.elapsed() < Duration::from_secs(22),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(answer.status, 413, "{}", answer.shown());
    assert!(answer.text.len() < 4096);
    assert_eq!(app.sim_members(&id).await.len(), 6_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_time_does_not_allow_is_taken_back() {
    let app = App::with(Options {
        users: 2_200,
        deadline_secs: 4,
        latency_ms: 100,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let id = group(&app, &users[..20], &[]).await;
    let path = format!("/Groups/{id}");
    // A Graph client of its own fills the group: the gateway's quota stays full.
    for chunk in users[20..1_500].chunks(400) {
        let add = patch_op(json!([{"op": "add", "path": "members", "value": elements(chunk)}]));
        app.patch(&path, &add).await.expect_status(204);
    }
    let before = sorted(app.sim_members(&id).await);
    let replace = patch_op(
        json!([{"op": "replace", "path": "members", "value": elements(&users[2_000..2_010])}]),
    );
    let watch = {
        let app = app.clone();
        tokio::spawn(async move {
            let mut worst = Duration::ZERO;
            for _ in 0..20 {
                let start = Instant::now();
                let url = format!("{}/healthz", app.gateway_url());
                let health = reqwest::get(url).await.unwrap();
                assert_eq!(health.status(), 200);
                worst = worst.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            worst
        })
    };
    let start = Instant::now();
    let answer = app.patch(&path, &replace).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(answer.text.len() < 4096, "{}", answer.text.len());
    assert!(matches!(answer.status, 204 | 503), "{}", answer.shown());
    let after = sorted(app.sim_members(&id).await);
    if answer.status == 503
        && !answer.detail().contains("not taken back")
        && !answer.detail().contains("not known")
    {
        assert_eq!(before, after, "{}", answer.shown());
    }
    let worst = watch.await.unwrap();
    assert!(
        worst < Duration::from_millis(500),
        "/healthz took {worst:?}"
    );
}
