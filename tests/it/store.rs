//! The store's contract: the same on every backend. Every statement of the store runs here.

use entra_scim::store::{Actor, AuditEntry, AuditQuery, Error, NewToken, Outcome, Store};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::support::databases::Database;

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05.678901 UTC);

fn token(tenant: &str, id: &str, hash: u8) -> NewToken {
    NewToken {
        tenant: tenant.to_owned(),
        id: id.to_owned(),
        name: format!("token {id} 🎉 O'Brien"),
        hash: [hash; 32],
        scopes: "read:* write:Groups".to_owned(),
        created: NOW,
        expires: None,
    }
}

fn entry(tenant: &str, id: &str, at: OffsetDateTime, resource_id: Option<&str>) -> AuditEntry {
    AuditEntry {
        id: id.to_owned(),
        tenant: tenant.to_owned(),
        at,
        actor: Actor {
            token: Some("t1".to_owned()),
            name: "iga".to_owned(),
        },
        operation: "patch".to_owned(),
        resource_type: "Users".to_owned(),
        resource_id: resource_id.map(str::to_owned),
        outcome: Outcome::Done,
        status: 204,
        reason: Some("because".to_owned()),
        request_id: Some("q1".to_owned()),
        before: Some("00ff".to_owned()),
        after: None,
        graph_requests: vec!["r1".to_owned(), "r\"2".to_owned()],
    }
}

fn query(tenant: &str) -> AuditQuery {
    AuditQuery {
        tenant: tenant.to_owned(),
        resource: None,
        before: None,
        limit: 100,
    }
}

async fn ids(store: &Store, query: &AuditQuery) -> Vec<String> {
    let rows = store.list_audit(query).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn migrations_run_once_and_by_many_at_once() {
    for database in Database::all().await {
        let store = Store::connect(&database.url).await.unwrap();
        assert!(!store.is_current().await.unwrap(), "{}", database.name);
        let (a, b, c) = tokio::join!(store.migrate(), store.migrate(), store.migrate());
        a.and(b).and(c).unwrap();
        store.migrate().await.unwrap();
        assert!(store.is_current().await.unwrap(), "{}", database.name);
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn tokens_are_found_by_hash_and_listed_by_tenant() {
    for database in Database::all().await {
        let store = database.open().await;
        let mut first = token("a", "1", 1);
        first.expires = Some(NOW + Duration::DAY);
        let mut older = token("a", "2", 2);
        older.created = NOW - Duration::MICROSECOND;
        for new in [&first, &older, &token("b", "1", 3)] {
            store.create_token(new).await.unwrap();
        }
        let found = store.find_token_by_hash(&[1; 32]).await.unwrap().unwrap();
        assert_eq!(found.tenant, "a");
        assert_eq!(found.id, "1");
        assert_eq!(found.name, first.name);
        assert_eq!(found.hash, [1; 32]);
        assert_eq!(found.scopes, first.scopes);
        assert_eq!(found.created, NOW);
        assert_eq!(found.expires, first.expires);
        assert_eq!((found.revoked, found.last_used), (None, None));
        assert_eq!(store.find_token_by_hash(&[9; 32]).await.unwrap(), None);

        let listed = store.list_tokens("a").await.unwrap();
        let listed: Vec<&str> = listed.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(listed, ["2", "1"], "{}", database.name);
        assert!(store.list_tokens("c").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_second_token_of_the_same_hash_or_id_is_a_conflict() {
    for database in Database::all().await {
        let store = database.open().await;
        store.create_token(&token("a", "1", 1)).await.unwrap();
        for (second, expected) in [(token("b", "2", 1), "hash"), (token("a", "1", 2), "id")] {
            match store.create_token(&second).await.unwrap_err() {
                Error::Conflict { table, column } => {
                    assert_eq!(
                        (&*table, &*column),
                        ("tokens", expected),
                        "{}",
                        database.name
                    );
                }
                other => panic!("{}: {other:?}", database.name),
            }
        }
    }
}

#[tokio::test]
async fn tokens_are_revoked_once_and_only_in_their_tenant() {
    for database in Database::all().await {
        let store = database.open().await;
        store.create_token(&token("a", "1", 1)).await.unwrap();
        for (tenant, id) in [("b", "1"), ("a", "2")] {
            let error = store.revoke_token(tenant, id, NOW).await.unwrap_err();
            assert!(matches!(error, Error::Gone { .. }), "{error}");
        }
        for later in [0, 1] {
            let now = NOW + Duration::seconds(later);
            store.revoke_token("a", "1", now).await.unwrap();
            let row = store.find_token_by_hash(&[1; 32]).await.unwrap().unwrap();
            assert_eq!(row.revoked, Some(NOW), "{}", database.name);
        }
    }
}

#[tokio::test]
async fn use_of_a_token_only_moves_forward() {
    for database in Database::all().await {
        let store = database.open().await;
        store.create_token(&token("a", "1", 1)).await.unwrap();
        for (at, expected) in [(0, 0), (60, 60), (30, 60)] {
            let at = NOW + Duration::seconds(at);
            store.touch_token("a", "1", at).await.unwrap();
            let row = store.find_token_by_hash(&[1; 32]).await.unwrap().unwrap();
            assert_eq!(row.last_used, Some(NOW + Duration::seconds(expected)));
        }
    }
}

#[tokio::test]
async fn audit_rows_come_back_as_they_were_newest_first() {
    for database in Database::all().await {
        let store = database.open().await;
        let rows = [
            entry("a", "1", NOW, Some("u1")),
            entry("a", "2", NOW + Duration::MICROSECOND, Some("u2")),
            entry("a", "3", NOW + Duration::DAY, None),
            entry("b", "1", NOW, Some("u1")),
        ];
        for row in &rows {
            store.record_audit(row).await.unwrap();
        }
        let all = store.list_audit(&query("a")).await.unwrap();
        assert_eq!(
            all,
            [rows[2].clone(), rows[1].clone(), rows[0].clone()],
            "{}",
            database.name
        );
        let of = |kind: &str, id: &str| AuditQuery {
            resource: Some((kind.to_owned(), id.to_owned())),
            ..query("a")
        };
        assert_eq!(ids(&store, &of("Users", "u1")).await, ["1"]);
        assert!(ids(&store, &of("Groups", "u1")).await.is_empty());
        let before = AuditQuery {
            before: Some(rows[1].at),
            ..query("a")
        };
        assert_eq!(ids(&store, &before).await, ["1"]);
        let limited = AuditQuery {
            limit: 2,
            ..query("a")
        };
        assert_eq!(ids(&store, &limited).await, ["3", "2"]);

        let error = store.record_audit(&rows[0]).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error:?}");

        assert_eq!(store.forget_audit("a", rows[2].at).await.unwrap(), 2);
        assert_eq!(ids(&store, &query("a")).await, ["3"]);
        assert_eq!(ids(&store, &query("b")).await, ["1"]);
    }
}

#[tokio::test]
async fn a_transaction_is_kept_whole_or_not_at_all() {
    for database in Database::all().await {
        let store = database.open().await;
        let mut tx = store.begin().await.unwrap();
        tx.create_token(&token("a", "1", 1)).await.unwrap();
        tx.record_audit(&entry("a", "1", NOW, None)).await.unwrap();
        drop(tx);
        assert!(store.list_tokens("a").await.unwrap().is_empty());
        assert!(ids(&store, &query("a")).await.is_empty());

        let mut tx = store.begin().await.unwrap();
        tx.create_token(&token("a", "1", 1)).await.unwrap();
        tx.record_audit(&entry("a", "1", NOW, None)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.list_tokens("a").await.unwrap().len(), 1);
        assert_eq!(ids(&store, &query("a")).await, ["1"]);
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart_and_for_another_process() {
    for database in Database::lasting().await {
        let store = database.open().await;
        let other = database.open().await;
        store.create_token(&token("a", "1", 1)).await.unwrap();
        assert!(other.find_token_by_hash(&[1; 32]).await.unwrap().is_some());
        // Both write: the second waits for the first's lock and does not fail.
        let mut tx = store.begin().await.unwrap();
        tx.create_token(&token("a", "2", 2)).await.unwrap();
        let second = token("a", "3", 3);
        let waiting = other.create_token(&second);
        let (first, second) = tokio::join!(tx.commit(), waiting);
        first.and(second).unwrap();
        store.close().await;
        other.close().await;
        let again = database.open().await;
        assert_eq!(
            again.list_tokens("a").await.unwrap().len(),
            3,
            "{}",
            database.name
        );
    }
}

#[tokio::test]
async fn many_writers_and_readers_at_once() {
    for database in Database::all().await {
        let store = database.open().await;
        let mut tasks = tokio::task::JoinSet::new();
        for i in 0..40_u8 {
            let store = store.clone();
            tasks.spawn(async move {
                store
                    .create_token(&token("a", &i.to_string(), i))
                    .await
                    .unwrap();
                assert!(store.find_token_by_hash(&[i; 32]).await.unwrap().is_some());
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(
            store.list_tokens("a").await.unwrap().len(),
            40,
            "{}",
            database.name
        );
    }
}

#[tokio::test]
async fn sqlite_looks_for_memberships_by_both_ends() {
    let database = Database::sqlite();
    let store = database.open().await;
    for end in ["from_id", "to_id"] {
        let sql = format!(
            "SELECT detail FROM replica_edges WHERE tenant = 'a' AND relation = 'member' AND {end} = x'00'"
        );
        let plan = store.explain(&sql).await.unwrap().join(" ");
        assert!(plan.contains(&format!("{end}=?")), "{plan}");
    }
}
