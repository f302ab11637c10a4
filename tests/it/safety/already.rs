//! What is so already is done, at a price that does not grow with the object.

use serde_json::json;

use super::{E3, FLOW_FREE, elements, group, role_ids, sorted, user};
use crate::support::app::{App, Options, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_members_once_and_again() {
    let app = App::with(Options {
        users: 900,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let id = group(&app, &users[..300], &[]).await;
    let path = format!("/Groups/{id}");
    let add =
        patch_op(json!([{"op": "add", "path": "members", "value": elements(&users[300..700])}]));
    let first = app.patch(&path, &add).await.expect_status(204);
    assert_eq!(first.graph_requests(), 1);
    let again = app.patch(&path, &add).await.expect_status(204);
    assert!(again.graph_requests() <= 21, "{}", again.graph_requests());
    let counters = app.counters().await.to_string();
    assert!(!counters.contains("GET /groups/{id}/members"), "{counters}");
    // Some there, some not.
    let mixed =
        patch_op(json!([{"op": "add", "path": "members", "value": elements(&users[690..730])}]));
    app.patch(&path, &mixed).await.expect_status(204);
    assert_eq!(
        sorted(app.sim_members(&id).await),
        sorted(users[..730].to_vec())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_and_what_is_held() {
    let app = App::start().await;
    let users = app.sim_user_ids().await;
    let domain = app.domain().await;
    let id = group(&app, &users[..5], &[]).await;
    let path = format!("/Groups/{id}");
    let remove =
        patch_op(json!([{"op": "remove", "path": "members", "value": elements(&users[3..30])}]));
    app.patch(&path, &remove).await.expect_status(204);
    app.patch(&path, &remove).await.expect_status(204);
    assert_eq!(
        sorted(app.sim_members(&id).await),
        sorted(users[..3].to_vec())
    );

    let role = role_ids(&app).await[3].clone();
    let who = user(&app, &domain).await;
    let path = format!("/Users/{who}");
    let hold = patch_op(json!([{"op": "add", "path": "roles", "value": [{"value": role}]}]));
    app.patch(&path, &hold).await.expect_status(200);
    app.patch(&path, &hold).await.expect_status(200);
    let members = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": who}]}]));
    let from_role = app.patch(&format!("/Roles/{role}"), &members).await;
    assert!(
        matches!(from_role.status, 200 | 204),
        "{}",
        from_role.shown()
    );
    assert_eq!(app.sim_roles(&who).await, std::slice::from_ref(&role));

    // The role is assigned behind the gateway's back, between its reading and its writing.
    app.set_faults(json!([{
        "method": "POST", "path": "/roleManagement/directory/roleAssignments", "count": 1,
        "fault": {"kind": "status", "status": 400, "code": "Request_BadRequest",
            "message": "A conflicting object with one or more of the specified property values is present in the directory."}
    }]))
    .await;
    let other = role_ids(&app).await[4].clone();
    app.patch(
        &path,
        &patch_op(json!([{"op": "add", "path": "roles", "value": [{"value": other}]}])),
    )
    .await
    .expect_status(200);

    let sku = patch_op(
        json!([{"op": "add", "path": "entitlements", "value": [{"value": FLOW_FREE}, {"value": E3}]}]),
    );
    app.patch(&path, &sku).await.expect_status(200);
    app.set_faults(json!([{
        "method": "POST", "path": "/users/*/assignLicense", "count": 1,
        "fault": {"kind": "status", "status": 400, "code": "Request_BadRequest",
            "message": "User does not have a corresponding license."}
    }]))
    .await;
    app.patch(
        &path,
        &patch_op(json!([{"op": "remove", "path": format!("entitlements[value eq \"{E3}\"]")}])),
    )
    .await
    .expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collision_of_names_is_one_by_whatever_words() {
    let app = App::start().await;
    let domain = app.domain().await;
    for status in [400, 404] {
        app.set_faults(json!([{
            "method": "POST", "path": "/users", "count": 1,
            "fault": {"kind": "status", "status": status, "code": "Request_BadRequest",
                "message": "Property netId is invalid."}
        }]))
        .await;
        let answer = app
            .post(
                "/Users",
                &json!({"userName": format!("net.id{status}@{domain}")}),
            )
            .await
            .expect_status(409);
        assert_eq!(answer.body["scimType"], "uniqueness");
    }
}
