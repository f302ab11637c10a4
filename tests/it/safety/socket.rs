//! A write does not end with its connection.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{FLOW_FREE, elements, role_ids, user};
use crate::support::app::{App, Options, patch_op};

/// Sends a request over a socket of its own, and closes it after a while, whatever has come.
async fn hang_up(app: &App, method: &str, path: &str, body: &Value, after: Duration) {
    let url = url::Url::parse(app.gateway_url()).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let head = format!(
        "{method} /scim/v2{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n",
        app.token(),
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    tokio::time::sleep(after).await;
    drop(socket);
}

/// Statuses of the audit rows of creates and others, oldest last.
async fn audited(app: &App) -> Vec<(String, u16, Option<String>)> {
    let query = entra_scim::store::AuditQuery {
        tenant: "default".to_owned(),
        resource: None,
        before: None,
        limit: 10_000,
    };
    let mut rows = app.store().list_audit(&query).await.unwrap();
    // Of writes that have ended.
    rows.retain(|row| {
        row.resource_type != "Token" && row.outcome != entra_scim::store::Outcome::Begun
    });
    rows.into_iter()
        .map(|row| (row.operation, row.status, row.resource_id))
        .collect()
}

async fn wait_for_rows(app: &App, count: usize) -> Vec<(String, u16, Option<String>)> {
    for _ in 0..300 {
        let rows = audited(app).await;
        if rows.len() >= count {
            return rows;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "{} audit rows in place of {count}",
        audited(app).await.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_goes_on_when_its_client_has_gone() {
    let app = App::start().await;
    let domain = app.domain().await;
    let manager = app.any_user().await;
    app.set_faults(json!([{
        "method": "PUT", "path": "/users/*/manager/$ref", "count": 1,
        "fault": {"kind": "silence", "seconds": 2.0}
    }]))
    .await;
    let upn = format!("left.alone@{domain}");
    let body = json!({"userName": upn,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": manager}}});
    hang_up(&app, "POST", "/Users", &body, Duration::from_millis(1200)).await;
    let rows = wait_for_rows(&app, 1).await;
    let made = app.sim_user_by_upn(&upn).await;
    match rows[0].1 {
        201 => {
            let id = made.unwrap();
            assert_eq!(app.sim_manager(&id).await, Some(manager));
            assert_eq!(rows[0].2, Some(id));
        }
        _ => assert_eq!(made, None, "{rows:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_writes_are_done_or_not() {
    const WRITES: usize = 200;
    let app = App::with(Options {
        latency_ms: 3,
        ..Options::default()
    })
    .await;
    let domain = app.domain().await;
    let people = app.sim_user_ids().await;
    let role = role_ids(&app).await[5].clone();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let mut targets = Vec::new();
    for _ in 0..20 {
        targets.push(user(&app, &domain).await);
    }
    let before = audited(&app).await.len();
    let mut created = Vec::new();
    let mut complete = 0;
    for write in 0..WRITES {
        let target = &targets[write % targets.len()];
        let after = Duration::from_micros(rng.random_range(500..40_000));
        let manager = &people[write % 50];
        match write % 5 {
            0 => {
                let upn = format!("hang.up{write}@{domain}");
                let body = json!({"userName": upn, "roles": [{"value": role}],
                    "entitlements": [{"value": FLOW_FREE}],
                    "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User": {"usageLocation": "US"},
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": manager}}});
                hang_up(&app, "POST", "/Users", &body, after).await;
                created.push((upn, manager.clone()));
            }
            1 => {
                let name = format!("Hang up {write}");
                let body = json!({"displayName": name, "members": elements(&people[..45])});
                hang_up(&app, "POST", "/Groups", &body, after).await;
            }
            2 => {
                let body = patch_op(
                    json!([{"op": "replace", "path": "title", "value": format!("T{write}")},
                    {"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
                        "value": manager}]),
                );
                hang_up(&app, "PATCH", &format!("/Users/{target}"), &body, after).await;
            }
            3 => {
                let body = patch_op(
                    json!([{"op": "add", "path": "roles", "value": [{"value": role}]},
                    {"op": "add", "path": "entitlements", "value": [{"value": FLOW_FREE}]}]),
                );
                hang_up(&app, "PATCH", &format!("/Users/{target}"), &body, after).await;
            }
            _ => {
                hang_up(
                    &app,
                    "DELETE",
                    &format!("/Users/{}", people[100 + write / 5]),
                    &Value::Null,
                    after,
                )
                .await;
            }
        }
    }
    // A request whose head had not been read when its socket closed was never begun.
    let mut rows = 0;
    for _ in 0..20 {
        let now = audited(&app).await.len() - before;
        if now == rows && now > 0 {
            break;
        }
        rows = now;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let all = audited(&app).await;
    let rows = &all[..all.len() - before];
    assert!(
        rows.len() > WRITES / 2,
        "{} of {WRITES} were begun",
        rows.len()
    );
    for (upn, manager) in created {
        let Some(id) = app.sim_user_by_upn(&upn).await else {
            continue;
        };
        let row = rows.iter().find(|(_, _, of)| of.as_ref() == Some(&id));
        assert!(
            matches!(row, Some((op, 201, _)) if op == "create"),
            "{upn}: {row:?}"
        );
        assert_eq!(app.sim_manager(&id).await, Some(manager), "{upn}");
        assert_eq!(
            app.sim_roles(&id).await,
            std::slice::from_ref(&role),
            "{upn}"
        );
        assert_eq!(app.sim_licences(&id).await, [FLOW_FREE], "{upn}");
        complete += 1;
    }
    assert!(complete > 5, "{complete}");
    for (operation, status, _) in rows {
        assert!(*status < 300, "{operation} {status}");
    }
    let groups = app
        .list(
            "/Groups",
            &[("filter", "displayName sw \"Hang up\""), ("count", "100")],
        )
        .await
        .expect_status(200);
    for id in groups.ids() {
        assert_eq!(app.sim_members(&id).await.len(), 45);
    }
}
