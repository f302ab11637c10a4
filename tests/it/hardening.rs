//! Small things that an attacker looks for first.

use serde_json::json;

use crate::support::{
    app::{App, Options, patch_op},
    program::Program,
};

async fn small() -> App {
    App::with(Options {
        users: 40,
        groups: 4,
        ..Options::default()
    })
    .await
}

/// What is no id of an object is asked of nobody.
#[tokio::test(flavor = "multi_thread")]
async fn odd_ids_never_reach_graph() {
    let app = small().await;
    let user = app.any_user().await;
    let upn = app.get(&format!("/Users/{user}")).await.body["userName"].clone();
    let upn = upn.as_str().unwrap();
    app.reset_counters().await;
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "x"}]));
    let members =
        |id: &str| patch_op(json!([{"op": "add", "path": "members", "value": [{"value": id}]}]));
    let long = "a".repeat(5000);
    for id in [
        upn,
        "me",
        "x'%20or%20'1'%20eq%20'1",
        "..%2fgroups",
        "%252e%252e",
        "$count",
        "delta",
        &long,
        "%00",
    ] {
        for kind in ["Users", "Groups", "Roles"] {
            let path = format!("/{kind}/{id}");
            for (method, body) in [
                ("GET", None),
                (
                    "PUT",
                    Some(json!({"userName": "a@b.c", "displayName": "x", "permissions": ["x"]})),
                ),
                ("PATCH", Some(title.clone())),
                ("DELETE", None),
            ] {
                let answer = app.request(method, &path, body.as_ref(), &[]).await;
                assert!([400, 404].contains(&answer.status), "{}", answer.shown());
            }
        }
        let answer = app.get(&format!("/Users/{id}/photo")).await;
        assert!([400, 404].contains(&answer.status), "{}", answer.shown());
        let decoded = percent_encoding::percent_decode_str(id)
            .decode_utf8()
            .unwrap();
        let body = json!({"displayName": "x", "members": [{"value": decoded}]});
        app.post("/Groups", &body).await.expect_status(400);
        app.patch(&format!("/Groups/{user}"), &members(&decoded))
            .await
            .expect_status(400);
    }
    let counters = app.counters().await;
    assert_eq!(counters["http_requests"], 0, "{counters}");
}

/// An object that is not there costs one request; one that is there, no round trip more than it
/// must, once it has been seen.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_asked_for_alone() {
    let app = small().await;
    let user = app.any_user().await;
    let missing = "/Users/11111111-2222-3333-4444-555555555555";
    let answer = app.get(missing).await.expect_status(404);
    assert_eq!(answer.graph_requests(), 1);
    for _ in 0..2 {
        let answer = app.get(&format!("/Users/{user}")).await.expect_status(200);
        assert_eq!(answer.graph_requests(), 2);
    }
}

/// A DELETE of what never was is a 404, also when its first try met with a fault; of what was, a
/// success.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_what_never_was() {
    for after in [false, true] {
        let app = small().await;
        let user = app.any_user().await;
        let fault = json!({"kind": "status", "status": 500, "after": after});
        for (id, status) in [("11111111-2222-3333-4444-555555555555", 404), (&*user, 204)] {
            app.set_faults(json!([{"method": "DELETE", "count": 1, "fault": fault}]))
                .await;
            app.delete(&format!("/Users/{id}"))
                .await
                .expect_status(status);
        }
        assert!(!app.sim_exists(&user).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_case_are_one() {
    let app = small().await;
    let user = app.any_user().await;
    let domain = app.domain().await;
    for (name, value) in [
        ("name", json!({"givenName": "A", "GIVENNAME": "B"})),
        ("emails", json!([{"value": "a@b.c", "Value": "d@e.f"}])),
    ] {
        let body = json!({"userName": format!("x@{domain}"), name: value});
        app.post("/Users", &body).await.expect_status(400);
        let patch = patch_op(json!([{"op": "add", "path": name, "value": value}]));
        app.patch(&format!("/Users/{user}"), &patch)
            .await
            .expect_status(400);
    }
}

/// The database is nobody else's; a token's name is something to read.
#[tokio::test(flavor = "multi_thread")]
async fn files_and_names() {
    use std::os::unix::fs::PermissionsExt as _;
    let app = small().await;
    let ready = app.simulator().clone();
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/store.db");
        let program = Program::new(&ready, &[("KIND", "managed-identity")]).set(
            "ENTRA_SCIM__STORE__URL",
            &format!("sqlite://{}", file.display()),
        );
        program.token();
        for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        }
        for (name, code) in [("  ok  ", 0), ("", 1), ("a\nb", 1), (&*"x".repeat(101), 1)] {
            let ran = program.run(&["token", "create", "--name", name]);
            assert_eq!(ran.code, Some(code), "{name:?}: {}", ran.text);
        }
        let listed = program.run(&["token", "list", "--json"]);
        assert!(listed.text.contains("\"name\":\"ok\""), "{}", listed.text);
    })
    .await
    .unwrap();
}
