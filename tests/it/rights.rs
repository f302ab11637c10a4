//! The permission preset of a tenant binds the gateway, whatever its application is granted.

use serde_json::{Value, json};

use crate::support::app::{App, Options, patch_op};

async fn app(preset: &str) -> App {
    let key = "ENTRA_SCIM__TENANTS__DEFAULT__PERMISSIONS".to_owned();
    App::with(Options {
        environment: vec![(key, preset.to_owned())],
        ..Options::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_bind() {
    for (preset, members, title) in [
        ("read-only", 403, 403),
        ("membership-only", 204, 403),
        ("full", 204, 200),
    ] {
        let app = app(preset).await;
        let user = app.any_user().await;
        let group = app
            .graph_list("/groups?$filter=displayName%20eq%20'Exactly%200'&$select=id")
            .await;
        let groups = app.graph_list("/groups?$select=id,groupTypes,mailEnabled,onPremisesSyncEnabled,isAssignableToRole").await;
        let plain = groups.iter().find(|g| {
            g["mailEnabled"] == false
                && g["groupTypes"] == json!([])
                && g["onPremisesSyncEnabled"] != true
                && g["isAssignableToRole"] != true
        });
        let group = group.first().or(plain).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        app.get(&format!("/Users/{user}")).await.expect_status(200);
        let add: Value = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
        app.patch(&format!("/Groups/{group}"), &patch_op(add))
            .await
            .expect_status(members);
        let change = json!([{"op": "replace", "path": "title", "value": "x"}]);
        let answer = app
            .patch(&format!("/Users/{user}"), &patch_op(change))
            .await
            .expect_status(title);
        if title == 403 {
            assert!(answer.detail().contains(preset), "{}", answer.detail());
            app.delete(&format!("/Users/{user}"))
                .await
                .expect_status(403);
            app.post("/Groups", &json!({"displayName": "x"}))
                .await
                .expect_status(403);
        }
    }
}
