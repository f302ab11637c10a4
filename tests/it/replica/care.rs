//! The care that is taken of a replica: drift, snapshots that cannot be believed, other rules, and
//! who keeps it.

use std::{sync::atomic::Ordering, time::Duration};

use entra_scim::store::replica::Mark;
use serde_json::json;

use super::equal::{differences, expect_equal};
use crate::support::{
    app::{App, Options},
    databases::Database,
};

async fn start(environment: &[(&str, &str)], database: Database) -> App {
    let environment = environment.iter().map(|(name, value)| {
        (
            format!("ENTRA_SCIM__TENANTS__DEFAULT__{name}"),
            (*value).to_owned(),
        )
    });
    let app = App::with(Options {
        replica: true,
        environment: environment.collect(),
        database: Some(database),
        ..Options::default()
    })
    .await;
    app.caught_up().await;
    app
}

#[tokio::test]
async fn drift_is_found_and_healed() {
    for database in Database::lasting().await {
        let app = start(&[("REPLICA_RECONCILE_SECS", "1")], database).await;
        let live = app.live_twin().await;
        // Somebody has put an object out of the replica.
        let user = app.any_user().await;
        let mut tx = app.store().begin().await.unwrap();
        tx.remove_objects("default", "User", std::slice::from_ref(&user), 1, false)
            .await
            .unwrap();
        tx.add_to_mark("default", "count:User", -1, 1)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert!(!differences(&app, &live).await.is_empty());
        let tenant = app.tenant();
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            app.caught_up().await;
            if tenant.replica.counters.drift.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
        assert_eq!(tenant.replica.counters.drift.load(Ordering::Relaxed), 1);
        app.caught_up().await;
        expect_equal(&app, &live).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_shrank_is_not_believed() {
    let app = start(&[("REPLICA_MAX_SHRINK_PERCENT", "20")], Database::memory()).await;
    let total = app.list("/Users", &[("count", "0")]).await.body["totalResults"].clone();
    // Graph shows half of the users only, and its change query must start over.
    let users = app.sim_user_ids().await;
    for half in users[..users.len() / 2].chunks(20) {
        let changes: Vec<_> = half
            .iter()
            .map(|id| json!({"op": "purge", "id": id}))
            .collect();
        app.control_post("/changes", &json!({ "changes": changes }))
            .await;
    }
    app.control_post("/delta/forget", &json!({})).await;
    let tenant = app.tenant();
    let mut told = None;
    for _ in 0..100 {
        tenant.replica.nudge.notify_one();
        tokio::time::sleep(Duration::from_millis(100)).await;
        told = tenant.replica.progress(|progress| progress.error.clone());
        if told.is_some() {
            break;
        }
    }
    let told = told.expect("nothing is reported");
    assert!(told.contains("replica_max_shrink_percent"), "{told}");
    let now = app.list("/Users", &[("count", "0")]).await.body["totalResults"].clone();
    assert_eq!(now, total, "the old data is served");
}

#[tokio::test]
async fn other_rules_are_served_right_from_the_start() {
    for database in Database::lasting().await {
        let url = database.url.clone();
        let app = start(&[], database).await;
        let filter = [
            ("filter", "name.familyName sw \"M\""),
            ("sortBy", "title"),
            ("attributes", "id"),
        ];
        let before = app.list("/Users", &filter).await.expect_status(200).ids();
        assert!(!before.is_empty());
        // What is stored is of other rules: keys may be missing, or others.
        let mut tx = app.store().begin().await.unwrap();
        let ids = app.sim_user_ids().await;
        tx.put_values("default", "User", &ids, &[]).await.unwrap();
        for name in ["rules", "rules:User"] {
            let old = Mark {
                value: "older".to_owned(),
                number: 7,
                at: 0,
            };
            tx.set_mark("default", name, &old).await.unwrap();
        }
        tx.commit().await.unwrap();
        let meanwhile = app.list("/Users", &filter).await.expect_status(200);
        assert_eq!(meanwhile.ids(), before, "{url}");
        app.caught_up().await;
        app.caught_up().await;
        let after = app.list("/Users", &filter).await.expect_status(200);
        assert_eq!(after.ids(), before, "{url}");
        let number = app
            .store()
            .mark("default", "rules:User")
            .await
            .unwrap()
            .unwrap()
            .number;
        assert_ne!(number, 7, "the keys were not put in anew");
    }
}

#[tokio::test]
async fn one_instance_keeps_it_and_another_takes_over() {
    for database in Database::lasting().await {
        let app = start(&[], database).await;
        let store = app.store();
        let now = |seconds: i64| 1_000_000 * seconds;
        let take = async |tenant: &str, holder: &str, at: i64| {
            store
                .take_lease(tenant, holder, now(at), now(at + 15))
                .await
                .unwrap()
        };
        assert!(take("other", "a", 0).await);
        assert!(!take("other", "b", 1).await, "it is a's");
        assert!(take("other", "a", 10).await, "held longer");
        assert!(!take("other", "b", 24).await);
        assert!(take("other", "b", 26).await, "its time was over");
        assert!(!take("other", "a", 27).await);
        store.release_lease("other", "a").await.unwrap();
        assert!(
            !take("other", "a", 28).await,
            "only its holder gives it back"
        );
        store.release_lease("other", "b").await.unwrap();
        assert!(take("other", "a", 28).await);
        // The second instance serves what the first one keeps.
        let second = app.second_instance().await;
        let page = second
            .list("/Users", &[("count", "2")])
            .await
            .expect_status(200);
        assert_eq!(page.graph_requests(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_yields_each_object_once() {
    for database in Database::lasting().await {
        let name = database.name;
        // Enough for places deep in the list, which are found by how many ids begin with what.
        let app = App::with(Options {
            replica: true,
            users: 1_300,
            database: Some(database),
            ..Options::default()
        })
        .await;
        app.caught_up().await;
        let second = app.second_instance().await;
        let mut all = Vec::new();
        for start in ["1", "900"] {
            let query = [
                ("startIndex", start),
                ("count", "899"),
                ("attributes", "id"),
            ];
            all.extend(app.list("/Users", &query).await.ids());
        }
        let mut clients = tokio::task::JoinSet::new();
        for (client, size) in [(0_usize, 37_usize), (1, 130), (2, 299)] {
            let instances = [app.clone(), second.clone()];
            let total = all.len();
            clients.spawn(async move {
                let mut starts: Vec<usize> = (1..=total).step_by(size).collect();
                // In an order that has nothing to do with the pages'.
                starts.sort_by_key(|start| start.wrapping_mul(2_654_435_761 + client) % 1_000_003);
                let mut seen = Vec::new();
                for (i, start) in starts.into_iter().enumerate() {
                    let (start, count) = (start.to_string(), size.to_string());
                    let query = [
                        ("startIndex", start.as_str()),
                        ("count", count.as_str()),
                        ("attributes", "id"),
                    ];
                    let page = instances[i % 2]
                        .list("/Users", &query)
                        .await
                        .expect_status(200);
                    assert_eq!(page.body["totalResults"], total);
                    seen.extend(page.ids());
                }
                seen.sort();
                seen
            });
        }
        let mut sorted = all.clone();
        sorted.sort();
        while let Some(seen) = clients.join_next().await {
            assert_eq!(seen.unwrap(), sorted, "{name}");
        }
    }
}
