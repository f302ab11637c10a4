//! Clients that add overlapping members, and reads that are behind: nobody acknowledged is lost.

use serde_json::json;

use super::{elements, group};
use crate::support::app::{App, Options, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn none_acknowledged_is_missing() {
    const ROUNDS: usize = 200;
    let app = App::with(Options {
        users: 300,
        latency_ms: 30,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let mut groups = Vec::new();
    for _ in 0..10 {
        groups.push(group(&app, &users[..1], &[]).await);
    }
    app.control_post("/lag", &json!({"all": 3})).await;
    let mut tasks = tokio::task::JoinSet::new();
    for (g, id) in groups.into_iter().enumerate() {
        let (app, users) = (app.clone(), users.clone());
        tasks.spawn(async move {
            let path = format!("/Groups/{id}");
            let mut acknowledged = Vec::new();
            for round in 0..ROUNDS / 10 {
                let at = 1 + (g * 7 + round * 3) % 250;
                // Both name one who is there already, or whom the other adds.
                let both = users[at - 1].clone();
                let one = [both.clone(), users[at].clone()];
                let two = [both, users[at + 1].clone()];
                let add = |ids: &[String]| {
                    patch_op(json!([{"op": "add", "path": "members", "value": elements(ids)}]))
                };
                let (bodies, app) = ((add(&one), add(&two)), &app);
                let (a, b) = tokio::join!(app.patch(&path, &bodies.0), app.patch(&path, &bodies.1));
                for (answer, ids) in [(a, one), (b, two)] {
                    if answer.status < 300 {
                        acknowledged.extend(ids);
                    } else {
                        assert_eq!(answer.status, 503, "{}", answer.shown());
                    }
                }
            }
            assert!(
                acknowledged.len() >= ROUNDS / 10 * 3,
                "{}",
                acknowledged.len()
            );
            let members = app.sim_members(&id).await;
            let missing: Vec<&String> = acknowledged
                .iter()
                .filter(|id| !members.contains(id))
                .collect();
            assert!(missing.is_empty(), "{missing:?}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
