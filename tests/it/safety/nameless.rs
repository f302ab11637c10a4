//! Elements that name nobody are a mistake of the sender, and a `$ref` of ours names somebody.

use serde_json::{Value, json};

use super::{FLOW_FREE, group, role_ids, state, user};
use crate::support::app::{App, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn elements_that_name_nobody_change_nothing() {
    let app = App::start().await;
    let domain = app.domain().await;
    let users = app.sim_user_ids().await;
    let role = role_ids(&app).await[1].clone();
    let nameless: Vec<Value> = vec![
        json!([{"value": null}]),
        json!([{}]),
        json!([null]),
        json!({}),
        json!([{"display": "x"}]),
        json!([{"display": "x"}, {"value": users[1]}]),
        json!([{"value": ""}]),
    ];
    let mut wrong = Vec::new();
    for value in &nameless {
        for (kind, path) in [
            ("Groups", "members"),
            ("Groups", "owners"),
            ("Users", "roles"),
            ("Users", "entitlements"),
        ] {
            for op in ["add", "replace"] {
                let id = if kind == "Groups" {
                    group(&app, &users[..2], &users[2..3]).await
                } else {
                    let id = user(&app, &domain).await;
                    app.patch(
                        &format!("/Users/{id}"),
                        &patch_op(json!([{"op": "add", "path": "roles", "value": [{"value": role}]},
                            {"op": "add", "path": "entitlements", "value": [{"value": FLOW_FREE}]}])),
                    )
                    .await
                    .expect_status(200);
                    id
                };
                let before = state(&app, kind, &id).await;
                let operation = json!([{"op": op, "path": path, "value": value}]);
                let answer = app
                    .patch(&format!("/{kind}/{id}"), &patch_op(operation.clone()))
                    .await;
                let same = before == state(&app, kind, &id).await;
                if answer.status != 400 || answer.body["scimType"] != "invalidValue" || !same {
                    wrong.push(format!("{operation}: kept: {same}: {}", answer.shown()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_of_ours_names_its_object() {
    let app = App::start().await;
    let users = app.sim_user_ids().await;
    let id = group(&app, &[], &[]).await;
    let path = format!("/Groups/{id}");
    for (i, prefix) in ["https://scim.example.com/scim/v2", "", "/scim/v2"]
        .iter()
        .enumerate()
    {
        let reference = format!("{prefix}/Users/{}", users[i]);
        app.patch(
            &path,
            &patch_op(json!([{"op": "add", "path": "members", "value": [{"$ref": reference}]}])),
        )
        .await
        .expect_status(204);
        assert!(
            app.sim_members(&id).await.contains(&users[i]),
            "{reference}"
        );
    }
    let members = app.sim_members(&id).await.len();
    app.patch(
        &path,
        &patch_op(json!([{"op": "add", "path": "members",
            "value": [{"$ref": "https://elsewhere.example/people/1"}]}])),
    )
    .await
    .expect_status(400);
    assert_eq!(app.sim_members(&id).await.len(), members);
}
