//! Members of groups: complete at every size, changed with the fewest calls.

use serde_json::{Value, json};

use crate::support::app::{App, Options, patch_op, quoted};

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";

fn elements(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

async fn big() -> (App, Vec<String>) {
    let app = App::with(Options {
        users: 1500,
        groups: 120,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    assert!(users.len() >= 1500, "{}", users.len());
    (app, users)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_1001_read_grown_shrunk_and_replaced() {
    let (app, users) = big().await;
    let group = app
        .post(
            "/Groups",
            &json!({"displayName": "Big", "members": elements(&users[..1001])}),
        )
        .await
        .expect_status(201);
    let id = group.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Groups/{id}");
    assert_eq!(app.sim_members(&id).await.len(), 1001);
    let read = app.get(&path).await.expect_status(200);
    assert_eq!(sorted(read.member_ids()), sorted(users[..1001].to_vec()));

    app.reset_counters().await;
    let more = &users[1001..1401];
    let added = app
        .patch(
            &path,
            &patch_op(json!([{"op": "add", "path": "members", "value": elements(more)}])),
        )
        .await
        .expect_status(204);
    assert!(
        added.graph_requests() <= 4,
        "{} Graph requests",
        added.graph_requests()
    );
    assert_eq!(app.sim_members(&id).await.len(), 1401);

    let leavers: Vec<Value> = users[..300].iter().map(|id| json!({"value": id})).collect();
    app.patch(
        &path,
        &patch_op(json!([{"op": "Remove", "path": "members", "value": leavers}])),
    )
    .await
    .expect_status(204);
    let left = sorted(app.sim_members(&id).await);
    assert_eq!(left, sorted(users[300..1401].to_vec()));

    let few = &users[1380..1401];
    app.patch(
        &path,
        &patch_op(json!([{"op": "replace", "path": "members", "value": elements(few)}])),
    )
    .await
    .expect_status(204);
    assert_eq!(sorted(app.sim_members(&id).await), sorted(few.to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_boundary_size_is_read_whole() {
    let (app, users) = big().await;
    for size in [0, 1, 20, 21, 99, 100, 101, 999, 1000, 1001] {
        let members = &users[..size];
        let group = app
            .post(
                "/Groups",
                &json!({"displayName": format!("Exactly {size}"), "members": elements(members)}),
            )
            .await
            .expect_status(201);
        let id = group.body["id"].as_str().unwrap().to_owned();
        assert_eq!(app.sim_members(&id).await.len(), size, "size {size}");
        let read = app.get(&format!("/Groups/{id}")).await.expect_status(200);
        assert_eq!(
            sorted(read.member_ids()),
            sorted(members.to_vec()),
            "size {size}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_user_in_101_groups_has_101_groups() {
    let app = App::start().await;
    let user = app.any_user().await;
    let before = app.get(&format!("/Users/{user}")).await.expect_status(200);
    let before = before.body["groups"].as_array().map_or(0, Vec::len);
    for i in 0..101 {
        app.post(
            "/Groups",
            &json!({"displayName": format!("One of many {i}"), "members": [{"value": user}]}),
        )
        .await
        .expect_status(201);
    }
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    assert_eq!(read.body["groups"].as_array().unwrap().len(), before + 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_some_who_are_there_already_adds_the_others() {
    let app = App::start().await;
    let users = app.sim_user_ids().await;
    let group = app
        .post(
            "/Groups",
            &json!({"displayName": "Overlap", "members": elements(&users[..30])}),
        )
        .await
        .expect_status(201);
    let id = group.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Groups/{id}");
    app.patch(
        &path,
        &patch_op(json!([{"op": "add", "path": "members", "value": elements(&users[10..75])}])),
    )
    .await
    .expect_status(204);
    assert_eq!(
        sorted(app.sim_members(&id).await),
        sorted(users[..75].to_vec())
    );
    // The same again, and a removal of some who are not there: nothing changes, nothing fails.
    app.patch(
        &path,
        &patch_op(json!([{"op": "add", "path": "members", "value": elements(&users[..75])}])),
    )
    .await
    .expect_status(204);
    app.patch(
        &path,
        &patch_op(json!([{"op": "remove", "path": "members", "value": elements(&users[80..83])}])),
    )
    .await
    .expect_status(204);
    assert_eq!(app.sim_members(&id).await.len(), 75);
}

#[tokio::test(flavor = "multi_thread")]
async fn add_and_remove_in_one_patch_and_removal_by_filter() {
    let app = App::start().await;
    let users = app.sim_user_ids().await;
    let group = app
        .post(
            "/Groups",
            &json!({"displayName": "Swap", "members": elements(&users[..3])}),
        )
        .await
        .expect_status(201);
    let id = group.body["id"].as_str().unwrap().to_owned();
    let remove = format!("members[value eq {}]", quoted(&users[0]));
    app.patch(
        &format!("/Groups/{id}"),
        &patch_op(json!([
            {"op": "remove", "path": remove},
            {"op": "add", "path": "members", "value": [{"value": users[5], "display": "x"}]},
        ])),
    )
    .await
    .expect_status(204);
    let expected = vec![users[1].clone(), users[2].clone(), users[5].clone()];
    assert_eq!(sorted(app.sim_members(&id).await), sorted(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_groups_and_members() {
    let app = App::start().await;
    let users = app.sim_user_ids().await;
    let nobody = "11111111-2222-3333-4444-555555555555";
    let unknown = format!("/Groups/{nobody}");
    for op in [
        json!({"op": "add", "path": "members", "value": [{"value": users[0]}]}),
        json!({"op": "remove", "path": "members", "value": [{"value": users[0]}]}),
        json!({"op": "remove", "path": format!("members[value eq {}]", quoted(&users[0]))}),
        json!({"op": "replace", "path": "members", "value": []}),
    ] {
        app.patch(&unknown, &patch_op(json!([op])))
            .await
            .expect_status(404);
    }
    let group = app
        .post("/Groups", &json!({"displayName": "Strict"}))
        .await
        .expect_status(201);
    let path = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    for value in [nobody, "not-an-id"] {
        let refused = app
            .patch(
                &path,
                &patch_op(json!([{"op": "add", "path": "members", "value": [{"value": value}]}])),
            )
            .await
            .expect_status(400);
        assert_eq!(refused.body["scimType"], "invalidValue", "{}", refused.body);
        assert!(refused.detail().contains(value), "{}", refused.detail());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamic_groups_are_read_only_and_say_why() {
    let app = App::start().await;
    let user = app.any_user().await;
    let group = app
        .post(
            "/Groups",
            &json!({
                "displayName": "By rule",
                "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group": {"groupTypes": ["DynamicMembership"]},
                "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group": {"membershipRule": "user.department -eq \"Sales\""},
            }),
        )
        .await
        .expect_status(201);
    let id = group.body["id"].as_str().unwrap().to_owned();
    let refused = app
        .patch(
            &format!("/Groups/{id}"),
            &patch_op(json!([{"op": "add", "path": "members", "value": [{"value": user}]}])),
        )
        .await
        .expect_status(400);
    assert_eq!(refused.body["scimType"], "mutability", "{}", refused.body);
    assert!(refused.detail().contains("dynamic"), "{}", refused.detail());
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_nesting_and_microsoft_365_groups() {
    let app = App::start().await;
    let users = app.sim_user_ids().await;
    let inner = app
        .post(
            "/Groups",
            &json!({"displayName": "Inner", "members": [{"value": users[0]}]}),
        )
        .await
        .expect_status(201);
    let inner_id = inner.body["id"].as_str().unwrap().to_owned();
    let outer = app
        .post(
            "/Groups",
            &json!({"displayName": "Outer", "members": [{"value": inner_id, "type": "Group"}], "owners": elements(&users[1..3])}),
        )
        .await
        .expect_status(201);
    let outer_id = outer.body["id"].as_str().unwrap().to_owned();
    let read = app
        .get(&format!("/Groups/{outer_id}"))
        .await
        .expect_status(200);
    assert_eq!(read.body["members"][0]["type"], "Group");
    assert_eq!(
        read.body[EXTENSION]["owners"].as_array().unwrap().len(),
        2,
        "{}",
        read.body
    );
    // Seen from the user: one direct, one through nesting.
    let user = app
        .get(&format!("/Users/{}", users[0]))
        .await
        .expect_status(200);
    let kind_of = |id: &str| {
        let groups = user.body["groups"].as_array().unwrap();
        groups
            .iter()
            .find(|g| g["value"] == id)
            .map(|g| g["type"].clone())
    };
    assert_eq!(kind_of(&inner_id), Some(json!("direct")));
    assert_eq!(kind_of(&outer_id), Some(json!("indirect")));
    app.patch(
        &format!("/Groups/{outer_id}"),
        &patch_op(json!([
            {"op": "add", "path": "owners", "value": [{"value": users[5]}]},
            {"op": "remove", "path": format!("owners[value eq {}]", quoted(&users[1]))},
        ])),
    )
    .await
    .expect_status(204);
    let read = app
        .get(&format!("/Groups/{outer_id}"))
        .await
        .expect_status(200);
    let owners: Vec<&str> = read.body[EXTENSION]["owners"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|o| o["value"].as_str())
        .collect();
    assert_eq!(
        sorted(owners.iter().map(|s| (*s).to_owned()).collect()),
        sorted(vec![users[2].clone(), users[5].clone()])
    );

    let team = app
        .post(
            "/Groups",
            &json!({
                "displayName": "M365",
                "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:Group": {"groupTypes": ["Unified"], "mailNickname": "m365walk"},
            }),
        )
        .await
        .expect_status(201);
    let seen = app.sim_object(team.body["id"].as_str().unwrap()).await;
    assert_eq!(
        (&seen["mailEnabled"], &seen["groupTypes"]),
        (&json!(true), &json!(["Unified"]))
    );
    app.delete(&format!("/Groups/{outer_id}"))
        .await
        .expect_status(204);
    app.get(&format!("/Groups/{outer_id}"))
        .await
        .expect_status(404);
}
