//! The audit trail has no gaps: each way in which a write can end leaves one row.

use std::time::Duration;

use entra_scim::store::{AuditEntry, AuditQuery, Outcome};
use serde_json::json;

use crate::support::{
    app::{App, Options, patch_op},
    databases::Database,
    program::Program,
};

async fn rows(app: &App) -> Vec<AuditEntry> {
    let query = AuditQuery {
        tenant: "default".to_owned(),
        resource: None,
        before: None,
        limit: 1000,
    };
    let mut rows = app.store().list_audit(&query).await.unwrap();
    rows.retain(|row| row.resource_type != "Token");
    rows.reverse();
    rows
}

/// The one row that `act` leaves.
async fn row_of(app: &App, act: impl Future<Output = u16>) -> (u16, AuditEntry) {
    let before: Vec<String> = rows(app).await.into_iter().map(|row| row.id).collect();
    let status = act.await;
    let mut new = rows(app).await;
    new.retain(|row| !before.contains(&row.id));
    assert_eq!(new.len(), 1, "{new:?}");
    (status, new.remove(0))
}

async fn every_ending(database: Database) {
    let app = App::with(Options {
        users: 40,
        groups: 4,
        database: Some(database),
        ..Options::default()
    })
    .await;
    let user = app.any_user().await;
    let other = app.another_user(&user).await;
    let path = format!("/Users/{user}");
    let taken = app.get(&format!("/Users/{other}")).await.body["userName"].clone();
    let title = |text: &str| patch_op(json!([{"op": "replace", "path": "title", "value": text}]));
    let reader = app.with_token(Some(&app.issue_token("read:*", None).await));
    let users = app.with_token(Some(&app.issue_token("write:Users", None).await));
    let role = patch_op(json!([{"op": "add", "path": "roles", "value": [{"value": user}]}]));
    let body = json!({"userName": format!("new@{}", app.domain().await)});
    let (dry, stale) = ([("prefer", "dry-run")], [("if-match", "W/\"old\"")]);
    let graph_down = json!([{"method": "PATCH", "fault": {"kind": "status", "status": 400}}]);
    // What is asked, as whom; the status, the outcome, digests before and after, the reason.
    for (client, method, at, body, headers, status, outcome, digests, reason) in [
        (
            &app,
            "POST",
            "/Users",
            Some(&body),
            &[][..],
            201,
            Outcome::Done,
            (false, true),
            None,
        ),
        (
            &app,
            "PATCH",
            &*path,
            Some(&title("a")),
            &[],
            200,
            Outcome::Done,
            (true, true),
            None,
        ),
        (
            &app,
            "PATCH",
            &path,
            Some(&title("b")),
            &dry,
            200,
            Outcome::Planned,
            (false, false),
            None,
        ),
        (
            &app,
            "PATCH",
            &path,
            Some(&title("b")),
            &stale,
            412,
            Outcome::Refused,
            (false, false),
            Some("PreconditionFailed"),
        ),
        (
            &app,
            "PATCH",
            &path,
            Some(&json!({})),
            &[],
            400,
            Outcome::Refused,
            (false, false),
            Some("invalidSyntax"),
        ),
        (
            &app,
            "POST",
            "/Users",
            Some(&json!({"userName": taken})),
            &[],
            409,
            Outcome::Refused,
            (false, false),
            Some("uniqueness"),
        ),
        (
            &app,
            "DELETE",
            "/Users/11111111-2222-3333-4444-555555555555",
            None,
            &[],
            404,
            Outcome::Refused,
            (false, false),
            Some("NotFound"),
        ),
        (
            &reader,
            "PATCH",
            &path,
            Some(&title("c")),
            &[],
            403,
            Outcome::Refused,
            (false, false),
            Some("write:Users"),
        ),
        (
            &reader,
            "DELETE",
            &path,
            None,
            &[],
            403,
            Outcome::Refused,
            (false, false),
            Some("write:Users"),
        ),
        (
            &users,
            "PATCH",
            &path,
            Some(&role),
            &[],
            403,
            Outcome::Refused,
            (false, false),
            Some("write:Roles"),
        ),
        (
            &app,
            "DELETE",
            &format!("/Users/{other}"),
            None,
            &[],
            204,
            Outcome::Done,
            (true, false),
            None,
        ),
    ] {
        let (got, row) = row_of(&app, async {
            client.request(method, at, body, headers).await.status
        })
        .await;
        let what = format!("{method} {at}: {row:?}");
        assert_eq!(got, status, "{what}");
        let row_status = if outcome == Outcome::Planned {
            200
        } else {
            status
        };
        assert_eq!((row.status, row.outcome), (row_status, outcome), "{what}");
        assert_eq!(
            (row.before.is_some(), row.after.is_some()),
            digests,
            "{what}"
        );
        assert_eq!(
            (row.actor.name.as_str(), row.actor.token.is_some()),
            ("test", true)
        );
        assert!(row.request_id.is_some(), "{what}");
        match reason {
            Some(part) => assert!(
                row.reason.as_deref().unwrap_or_default().contains(part),
                "{what}"
            ),
            None => assert_eq!(row.reason, None, "{what}"),
        }
    }
    let raw = async {
        app.raw("PATCH", &path, "application/json", b"{".to_vec())
            .await
            .status
    };
    let (got, row) = row_of(&app, raw).await;
    assert_eq!((got, row.outcome), (400, Outcome::Refused));
    app.set_faults(graph_down).await;
    let failing = async { app.patch(&path, &title("d")).await.status };
    let (got, row) = row_of(&app, failing).await;
    assert!(got >= 400 && row.status == got, "{row:?}");
    assert_ne!(row.outcome, Outcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ending_has_a_row() {
    every_ending(Database::memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ending_has_a_row_on_postgresql() {
    if let Some(database) = Database::postgres().await {
        every_ending(database).await;
    }
}

/// Nothing is done unseen: when the row of a write cannot be stored, Graph is not called.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_trail_nothing_is_written() {
    for (setting, status, written) in [("required", 503, false), ("best-effort", 200, true)] {
        let app = App::with(Options {
            users: 40,
            groups: 4,
            environment: vec![("ENTRA_SCIM__STORE__AUDIT".to_owned(), setting.to_owned())],
            ..Options::default()
        })
        .await;
        let user = app.any_user().await;
        let path = format!("/Users/{user}");
        // The token is remembered from here on.
        for _ in 0..2 {
            app.get(&path).await.expect_status(200);
        }
        app.store().close().await;
        let before = app.counters().await["writes"].clone();
        let body = patch_op(json!([{"op": "replace", "path": "title", "value": "unseen"}]));
        let answer = app.patch(&path, &body).await.expect_status(status);
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        assert_eq!(
            app.counters().await["writes"] != before,
            written,
            "{setting}"
        );
        let object = app.sim_object(&user).await.to_string();
        assert_eq!(object.contains("unseen"), written, "{object}");
    }
}

/// A process that dies in between leaves a row that says so, and the next one tells of it. Tokens,
/// sign-ins and the start have rows as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_cut_short_is_seen() {
    let tenant = App::with(Options {
        users: 40,
        groups: 4,
        latency_ms: 700,
        ..Options::default()
    })
    .await;
    let user = tenant.any_user().await;
    let ready = tenant.simulator().clone();
    let (program, serving, token) = tokio::task::spawn_blocking(move || {
        let program =
            Program::with_secret(&ready).set("ENTRA_SCIM__SERVER__REQUEST_DEADLINE_SECS", "1");
        let token = program.token();
        let serving = program.serve();
        (program, serving, token)
    })
    .await
    .unwrap();
    let url = format!("{}/Users/{user}", serving.scim);
    let body = patch_op(json!([{"op": "replace", "path": "title", "value": "cut"}]));
    let request = tenant
        .client
        .patch(url)
        .bearer_auth(&token)
        .json(&body)
        .send();
    let asked = tokio::spawn(request);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (program, first) = tokio::task::spawn_blocking(move || {
        serving.stop();
        // Older than two deadlines: nobody is at it any more.
        std::thread::park_timeout(Duration::from_millis(2_500));
        let serving = program.serve();
        let log = serving.stop();
        (program, log)
    })
    .await
    .unwrap();
    assert!(asked.await.unwrap().is_err());
    assert!(first.contains("what became of them"), "{first}");
    let listed = tokio::task::spawn_blocking(move || program.run(&["audit", "list", "--json"]))
        .await
        .unwrap();
    assert_eq!(listed.code, Some(0), "{}", listed.text);
    let said = |operation: &str, outcome: &str| {
        listed.text.lines().any(|line| {
            line.contains(&format!("\"operation\":\"{operation}\""))
                && line.contains(&format!("\"outcome\":\"{outcome}\""))
        })
    };
    for (operation, outcome) in [
        ("patch", "begun"),
        ("create", "done"),
        ("sign-in", "done"),
        ("configure", "done"),
    ] {
        assert!(
            said(operation, outcome),
            "{operation} {outcome}: {}",
            listed.text
        );
    }
    assert!(listed.text.contains("cli:"), "{}", listed.text);
    assert!(!listed.text.contains(&token));
}
