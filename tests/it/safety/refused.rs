//! A refused change leaves everything as it was.

use serde_json::{Value, json};

use super::{E3, FLOW_FREE, NOBODY, elements, group, role_ids, state, user};
use crate::support::app::{Answer, App, Options, patch_op};

async fn start() -> (App, Vec<String>, String) {
    let app = App::with(Options {
        users: 520,
        ..Options::default()
    })
    .await;
    let users = app.sim_user_ids().await;
    let domain = app.domain().await;
    (app, users, domain)
}

/// The ids with an unknown one at a place.
fn spoiled(ids: &[String], place: &str) -> Vec<String> {
    let at = match place {
        "first" => 0,
        "middle" => ids.len() / 2,
        _ => ids.len(),
    };
    let mut all = ids.to_vec();
    all.insert(at, NOBODY.to_owned());
    all
}

fn is_refusal(answer: &Answer) -> bool {
    answer.status == 400
        && answer.body["scimType"] == "invalidValue"
        && answer.text.len() < 4096
        && !answer.detail().contains("not taken back")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group() {
    let (app, users, _) = start().await;
    let mut wrong = Vec::new();
    for size in [1, 2, 20, 45, 401] {
        let new = &users[10..9 + size];
        for place in ["first", "middle", "last"] {
            // Taking hundreds back takes its part of the quota of writes: once is enough.
            if size > 45 && place != "last" {
                continue;
            }
            let bad = elements(&spoiled(new, place));
            let rename = json!({"op": "replace", "path": "displayName", "value": "Lost"});
            let remove =
                json!({"op": "remove", "path": format!("members[value eq \"{}\"]", users[0])});
            let step = |op: &str, path: &str, value: &Value| json!({"op": op, "path": path, "value": value});
            let mut cases = vec![
                vec![step("add", "members", &bad)],
                vec![step("replace", "members", &bad)],
                vec![remove.clone(), step("add", "members", &bad)],
                vec![rename.clone(), step("add", "members", &bad)],
            ];
            if size <= 45 {
                cases.push(vec![step("add", "owners", &bad)]);
                cases.push(vec![rename, step("replace", "owners", &bad)]);
            } else {
                cases.truncate(2);
            }
            for operations in cases {
                let id = group(&app, &users[..3], &users[3..5]).await;
                let before = state(&app, "Groups", &id).await;
                let path = format!("/Groups/{id}");
                let shown: String = json!(operations).to_string().chars().take(160).collect();
                let answer = app.patch(&path, &patch_op(json!(operations))).await;
                let after = state(&app, "Groups", &id).await;
                if !is_refusal(&answer) || before != after {
                    wrong.push(format!(
                        "{size} {place} {shown}: kept: {}, {}",
                        before == after,
                        answer.shown()
                    ));
                }
            }
            let id = group(&app, &users[..3], &[]).await;
            let before = state(&app, "Groups", &id).await;
            let put = app
                .put(
                    &format!("/Groups/{id}"),
                    &json!({"displayName": "Lost", "members": bad}),
                )
                .await;
            let after = state(&app, "Groups", &id).await;
            if !is_refusal(&put) || before != after {
                wrong.push(format!("PUT {size} {place}: {}", put.shown()));
            }
            let name = format!("Never {size} {place}");
            let post = app
                .post("/Groups", &json!({"displayName": name, "members": bad}))
                .await;
            let found = app
                .list(
                    "/Groups",
                    &[("filter", &format!("displayName eq \"{name}\""))],
                )
                .await;
            if !is_refusal(&post) || found.body["totalResults"] != 0 {
                wrong.push(format!("POST {size} {place}: {}", post.shown()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_user() {
    let (app, users, domain) = start().await;
    let roles = role_ids(&app).await;
    let (held, new) = (&roles[0], &roles[1]);
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    let cases: Vec<(&str, Value)> = vec![
        (
            "manager",
            json!([{"op": "replace", "path": urn, "value": NOBODY}]),
        ),
        (
            "manager and title",
            json!([{"op": "replace", "path": "title", "value": "After"},
                {"op": "replace", "path": urn, "value": {"value": NOBODY}}]),
        ),
        (
            "add role",
            json!([{"op": "add", "path": "roles", "value": [{"value": NOBODY}]}]),
        ),
        (
            "replace roles, last",
            json!([{"op": "replace", "path": "roles", "value": [{"value": new}, {"value": NOBODY}]}]),
        ),
        (
            "replace roles, first",
            json!([{"op": "replace", "path": "roles", "value": [{"value": NOBODY}, {"value": new}]}]),
        ),
        (
            "role, title and password",
            json!([{"op": "replace", "path": "title", "value": "After"},
                {"op": "replace", "path": "password", "value": "Xq7!aaaaBBBB9"},
                {"op": "remove", "path": format!("roles[value eq \"{held}\"]")},
                {"op": "add", "path": "roles", "value": [{"value": NOBODY}]}]),
        ),
        (
            "licence",
            json!([{"op": "add", "path": "entitlements", "value": [{"value": NOBODY}]}]),
        ),
        (
            "replace licences",
            json!([{"op": "replace", "path": "title", "value": "After"},
                {"op": "replace", "path": "entitlements", "value": [{"value": E3}, {"value": NOBODY}]}]),
        ),
        (
            "licence and role",
            json!([{"op": "add", "path": "entitlements", "value": [{"value": E3}]},
                {"op": "add", "path": "roles", "value": [{"value": NOBODY}]}]),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, operations) in cases {
        let id = user(&app, &domain).await;
        let path = format!("/Users/{id}");
        app.patch(
            &path,
            &patch_op(json!([
                {"op": "add", "path": "roles", "value": [{"value": held}]},
                {"op": "add", "path": "entitlements", "value": [{"value": FLOW_FREE}]},
                {"op": "add", "path": urn, "value": users[0]},
            ])),
        )
        .await
        .expect_status(200);
        let before = state(&app, "Users", &id).await;
        let answer = app.patch(&path, &patch_op(operations)).await;
        let after = state(&app, "Users", &id).await;
        if !is_refusal(&answer) || before != after {
            wrong.push(format!("{name}: {}\n{before}\n{after}", answer.shown()));
        }
    }
    for (name, more) in [
        (
            "manager",
            json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": NOBODY}}}),
        ),
        (
            "roles",
            json!({"roles": [{"value": new}, {"value": NOBODY}]}),
        ),
        (
            "entitlements",
            json!({"entitlements": [{"value": NOBODY}],
            "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User": {"usageLocation": "US"}}),
        ),
    ] {
        let upn = format!("never.{name}@{domain}");
        let mut body = json!({"userName": upn, "displayName": name});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let post = app.post("/Users", &body).await;
        if !is_refusal(&post) || app.sim_user_by_upn(&upn).await.is_some() {
            wrong.push(format!("POST with {name}: {}", post.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_role_and_of_a_licence() {
    let (app, _, domain) = start().await;
    let role = role_ids(&app).await[2].clone();
    let (a, b) = (user(&app, &domain).await, user(&app, &domain).await);
    let mut wrong = Vec::new();
    for path in [format!("/Roles/{role}"), format!("/Licenses/{FLOW_FREE}")] {
        app.patch(
            &path,
            &patch_op(json!([{"op": "add", "path": "members", "value": [{"value": a}]}])),
        )
        .await;
        for operations in [
            json!([{"op": "add", "path": "members", "value": [{"value": b}, {"value": NOBODY}]}]),
            json!([{"op": "add", "path": "members", "value": [{"value": NOBODY}, {"value": b}]}]),
            json!([{"op": "remove", "path": format!("members[value eq \"{a}\"]")},
                {"op": "add", "path": "members", "value": [{"value": NOBODY}]}]),
        ] {
            let before = (
                state(&app, "Users", &a).await,
                state(&app, "Users", &b).await,
            );
            let shown = operations.to_string();
            let answer = app.patch(&path, &patch_op(operations)).await;
            let after = (
                state(&app, "Users", &a).await,
                state(&app, "Users", &b).await,
            );
            if !is_refusal(&answer) || before != after {
                wrong.push(format!(
                    "{shown}: kept: {}: {}",
                    before == after,
                    answer.shown()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
