//! A create whose answer is lost: the truth, never a second object.

use serde_json::{Value, json};

use crate::support::app::{App, Options};

fn lost() -> Vec<(&'static str, Value, bool)> {
    let status =
        |status: u16, after: bool| json!({"kind": "status", "status": status, "after": after});
    vec![
        (
            "cut after",
            json!({"kind": "cut_before", "after": true}),
            true,
        ),
        ("cut before", json!({"kind": "cut_before"}), false),
        ("cut in the body", json!({"kind": "cut_body"}), true),
        ("500 after", status(500, true), true),
        ("500 before", status(500, false), false),
        ("504 after", status(504, true), true),
        ("504 before", status(504, false), false),
        (
            "404 of the tenant, after",
            json!({"kind": "status", "status": 404, "code": "Directory_ObjectNotFound", "after": true,
                "message": "Unable to read the company information from the directory."}),
            true,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_user() {
    let app = App::with(Options {
        deadline_secs: 10,
        ..Options::default()
    })
    .await;
    let domain = app.domain().await;
    for (n, (name, fault, _)) in lost().into_iter().enumerate() {
        app.set_faults(json!([{"method": "POST", "path": "/users", "count": 1, "fault": fault}]))
            .await;
        let upn = format!("outcome{n}@{domain}");
        let answer = app
            .post(
                "/Users",
                &json!({"userName": upn, "displayName": "Outcome", "title": "T"}),
            )
            .await;
        app.set_faults(json!([])).await;
        // Its name can be taken once: the gateway finds out, and makes it where it was not made.
        assert_eq!(answer.status, 201, "{name}: {}", answer.shown());
        let made = app.sim_user_by_upn(&upn).await;
        assert_eq!(made.as_deref(), answer.body["id"].as_str(), "{name}");
        let read = app
            .get(&format!("/Users/{}", made.unwrap()))
            .await
            .expect_status(200);
        assert_eq!(read.body["title"], "T", "{name}");
        // The same again is a duplicate, by whatever way the first was made.
        let again = app.post("/Users", &json!({"userName": upn})).await;
        assert_eq!(again.status, 409, "{name}: {}", again.shown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group() {
    let app = App::with(Options {
        deadline_secs: 10,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    for (n, (name, fault, carried_out)) in lost().into_iter().enumerate() {
        app.set_faults(json!([{"method": "POST", "path": "/groups", "count": 1, "fault": fault}]))
            .await;
        let display = format!("Outcome {n}");
        let answer = app
            .post(
                "/Groups",
                &json!({"displayName": display, "members": [{"value": users[0]}]}),
            )
            .await;
        app.set_faults(json!([])).await;
        let filter = format!("displayName eq \"{display}\"");
        let found = app.list("/Groups", &[("filter", &filter)]).await.ids();
        if carried_out {
            assert_eq!(answer.status, 201, "{name}: {}", answer.shown());
            assert_eq!(found, [answer.body["id"].as_str().unwrap()], "{name}");
            assert_eq!(
                app.sim_members(&found[0]).await,
                [users[0].clone()],
                "{name}"
            );
        } else {
            assert_eq!(answer.status, 503, "{name}: {}", answer.shown());
            assert_eq!(answer.header("retry-after"), None, "{name}");
            assert!(found.is_empty(), "{name}");
        }
    }
}
