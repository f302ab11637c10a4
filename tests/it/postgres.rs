//! The gateway on PostgreSQL: tokens and audit rows live there, so a short walk shows that every
//! path to the store works on it.

use entra_scim::{
    service::tokens,
    store::{AuditEntry, AuditQuery},
};
use serde_json::json;

use crate::support::{
    app::{App, Options, patch_op},
    databases::Database,
};

async fn audit(app: &App, resource: Option<(&str, &str)>) -> Vec<AuditEntry> {
    let query = AuditQuery {
        tenant: "default".to_owned(),
        resource: resource.map(|(kind, id)| (kind.to_owned(), id.to_owned())),
        before: None,
        limit: 100,
    };
    let mut rows = app.store().list_audit(&query).await.unwrap();
    rows.reverse();
    rows
}

/// Operation, status, and whether a digest of the result was kept.
fn told(rows: &[AuditEntry]) -> Vec<(&str, u16, bool)> {
    rows.iter()
        .map(|row| (row.operation.as_str(), row.status, row.after.is_some()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_leaves_its_trace() {
    let Some(database) = Database::postgres().await else {
        return;
    };
    let app = App::with(Options {
        users: 30,
        groups: 3,
        database: Some(database),
        ..Options::default()
    })
    .await;
    let upn = format!("walker@{}", app.domain().await);

    // Tokens: made, used by two instances, narrowed, expired, revoked.
    let token = app.issue_token("write:Users", None).await;
    let row = app.store().find_token_by_hash(&tokens::hash(&token)).await;
    let token_id = row.unwrap().unwrap().id;
    let client = app.with_token(Some(&token));
    let other_instance = app.second_instance().await.with_token(Some(&token));
    other_instance
        .get("/Users?count=1")
        .await
        .expect_status(200);
    let group = json!({"displayName": "Not allowed"});
    client.post("/Groups", &group).await.expect_status(403);
    let past = app.issue_token("read:*", Some(-1)).await;
    let past = app.with_token(Some(&past));
    past.get("/Users?count=1").await.expect_status(401);
    app.with_token(Some("es_made-up"))
        .get("/Users")
        .await
        .expect_status(401);

    // A user's life, with refusals.
    let create = json!({"userName": upn, "displayName": "Walker"});
    let created = client.post("/Users", &create).await.expect_status(201);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Users/{id}");
    client.post("/Users", &create).await.expect_status(409);
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "Walker"}]));
    let patched = client.patch(&path, &title).await.expect_status(200);
    assert_eq!(patched.body["title"], "Walker");
    let mut whole = patched.body.clone();
    whole["title"] = json!("Runner");
    client.put(&path, &whole).await.expect_status(200);
    client.delete(&path).await.expect_status(204);
    client.delete(&path).await.expect_status(404);
    client.get(&path).await.expect_status(404);

    let rows = audit(&app, Some(("User", &id))).await;
    assert_eq!(
        told(&rows),
        [
            ("create", 201, true),
            ("patch", 200, true),
            ("replace", 200, true),
            ("delete", 204, false),
            ("delete", 404, false),
        ]
    );
    assert_ne!(rows[1].after, rows[2].after);
    let all = audit(&app, None).await;
    let refused: Vec<_> = all.iter().filter(|row| row.status == 409).collect();
    assert_eq!(refused.len(), 1, "{all:?}");
    assert_eq!(refused[0].resource_id, None);
    for row in rows.iter().chain(refused) {
        assert_eq!(row.actor.token.as_deref(), Some(&*token_id));
        assert_eq!(row.actor.name, "test");
        assert!(!row.graph_requests.is_empty(), "{row:?}");
        for request in &row.graph_requests {
            assert!(uuid::Uuid::parse_str(request).is_ok(), "{row:?}");
        }
    }

    app.revoke_token(&token).await;
    client.get("/Users?count=1").await.expect_status(401);
    other_instance
        .get("/Users?count=1")
        .await
        .expect_status(401);
}
