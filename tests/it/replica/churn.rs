//! Changes behind the gateway's back, with lost change queries, throttling and broken answers: when
//! all is quiet the replica is what Graph is.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::equal::{differences, expect_equal};
use crate::support::{
    app::{App, Options},
    databases::Database,
};

/// Waits until the replica and Graph show the same.
async fn until_equal(app: &App, live: &App) {
    for _ in 0..20 {
        app.caught_up().await;
        if differences(app, live).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    expect_equal(app, live).await;
}

/// What has been in the bin for a while.
fn oldest(bin: &mut Vec<(String, tokio::time::Instant)>) -> Option<String> {
    let (_, at) = bin.first()?;
    (at.elapsed() > Duration::from_secs(1)).then(|| bin.remove(0).0)
}

/// Changes that no churn of the simulator makes: objects come, go, come back, and change hands.
async fn change(
    app: &App,
    rng: &mut ChaCha8Rng,
    number: usize,
    bin: &mut Vec<(String, tokio::time::Instant)>,
) {
    // By the replica, which Graph's troubles do not touch.
    let users = app
        .list("/Users", &[("attributes", "id"), ("count", "999")])
        .await
        .ids();
    let filter =
        "not (urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group:groupTypes pr)";
    let query = [("attributes", "id"), ("count", "999"), ("filter", filter)];
    let groups = app.list("/Groups", &query).await.expect_status(200).ids();
    let user = users.choose(rng).unwrap().clone();
    let other = users.choose(rng).unwrap().clone();
    let group = groups.choose(rng).unwrap().clone();
    let change = match rng.random_range(0..9) {
        0 => json!({"op": "create", "kind": "user", "properties": {
            "userPrincipalName": format!("behind{number}@contoso.onmicrosoft.com"),
            "displayName": format!("Behind {number}"), "mailNickname": format!("behind{number}"),
            "accountEnabled": true}}),
        1 if users.len() > 60 => {
            bin.push((user.clone(), tokio::time::Instant::now()));
            json!({"op": "delete", "id": user})
        }
        2 => match oldest(bin) {
            Some(id) => json!({"op": "restore", "id": id}),
            None => return,
        },
        3 => match oldest(bin) {
            Some(id) => json!({"op": "purge", "id": id}),
            None => return,
        },
        4 => {
            json!({"op": "set_manager", "id": user, "manager": if user == other { None } else { Some(other) }})
        }
        5 => json!({"op": "add_owner", "group": group, "owner": user}),
        6 => {
            json!({"op": "patch", "id": user, "properties": {"displayName": format!("Renamed {number}")}})
        }
        7 => {
            json!({"op": "patch", "id": group, "properties": {"displayName": format!("Group {number}")}})
        }
        _ => json!({"op": "create", "kind": "group", "properties": {
            "displayName": format!("Behind {number}"), "mailNickname": format!("behindg{number}"),
            "mailEnabled": false, "securityEnabled": true}}),
    };
    let url = format!("{}/changes", app.simulator().control);
    let sent = app
        .client
        .post(url)
        .json(&json!({ "changes": [change] }))
        .send()
        .await
        .unwrap();
    // A link that is there already is refused, as by Graph.
    drop(sent);
}

fn seconds() -> u64 {
    let wanted = std::env::var("REPLICA_SECONDS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(6)
}

async fn story(database: Database) {
    let app = App::with(Options {
        replica: true,
        database: Some(database),
        users: 100,
        groups: 12,
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    let live = app.live_twin().await;
    app.control_post(
        "/churn",
        &json!({"changes_per_second": 200, "seconds": seconds()}),
    )
    .await;
    app.set_faults(json!([
        {"on": "graph", "probability": 0.03, "fault": {"kind": "status", "status": 429, "retry_after": 0.2}},
        {"on": "graph", "probability": 0.03, "fault": {"kind": "status", "status": 503}},
        {"on": "request", "probability": 0.02, "fault": {"kind": "cut_body"}},
    ]))
    .await;
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut bin = Vec::new();
    let start = tokio::time::Instant::now();
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(seconds()) {
        change(&app, &mut rng, number, &mut bin).await;
        number += 1;
        if number % 25 == 12 {
            app.control_post("/delta/forget", &json!({})).await;
        }
    }
    assert!(number > 20, "{number}");
    app.set_faults(json!([])).await;
    until_equal(&app, &live).await;
    let tenant = app.tenant();
    let resyncs = tenant
        .replica
        .counters
        .resyncs
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(resyncs > 1, "nothing was read again: {resyncs}");
    let metrics = app.client.get(format!(
        "{}/metrics",
        app.gateway_url().trim_end_matches("/scim/v2")
    ));
    let metrics = metrics
        .bearer_auth(app.token())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains("entra_scim_replica_lag_seconds{tenant=\"default\"}"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_elsewhere_arrive_whatever_goes_wrong() {
    let mut tasks = tokio::task::JoinSet::new();
    for database in Database::lasting().await {
        tasks.spawn(story(database));
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
