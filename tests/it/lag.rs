//! Graph is behind, the answers are not: what was written here is what every read shows, whatever
//! the delay; and what others do is seen when the delay has passed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{App, Options, patch_op};

const SKU: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";

async fn start(mapping: &'static str, lag: u32) -> App {
    let app = App::with(Options {
        mapping,
        deadline_secs: 55,
        ..Options::default()
    })
    .await;
    if lag > 0 {
        app.control_post("/lag", &json!({ "all": lag })).await;
    }
    app
}

/// Each delay with each mapping, side by side.
async fn everywhere<F, R>(story: F)
where
    F: Fn(App, String) -> R + Copy + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    for mapping in ["standard", "iga-flat"] {
        for lag in [0, 2, 30] {
            tasks.spawn(async move {
                let app = start(mapping, lag).await;
                story(app, format!("{mapping}, {lag} s")).await;
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

async fn found(app: &App, kind: &str, filter: &str) -> Vec<String> {
    app.list(kind, &[("filter", filter)])
        .await
        .expect_status(200)
        .ids()
}

async fn make_user(app: &App, name: &str) -> (String, String) {
    let upn = format!("{name}@{}", app.domain().await);
    let made = app
        .post("/Users", &json!({"userName": upn, "displayName": name}))
        .await
        .expect_status(201);
    (made.body["id"].as_str().unwrap().to_owned(), upn)
}

fn values(body: &Value, attribute: &str) -> Vec<String> {
    body[attribute]
        .as_array()
        .map(|list| {
            list.iter()
                .filter_map(|e| e["value"].as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_from_create_to_delete() {
    everywhere(|app, case| async move {
        let (id, upn) = make_user(&app, "own.write").await;
        let path = format!("/Users/{id}");
        let by_name = format!("userName eq \"{upn}\"");
        let read = app.get(&path).await;
        assert_eq!(read.status, 200, "{case}: {}", read.shown());
        assert_eq!(read.body["userName"], upn.as_str(), "{case}");
        assert_eq!(
            found(&app, "/Users", &by_name).await,
            std::slice::from_ref(&id),
            "{case}"
        );
        for display in ["first", "second", "own.write", "third"] {
            let answer = app
                .patch(
                    &path,
                    &patch_op(json!([{"op": "replace", "path": "displayName", "value": display}])),
                )
                .await;
            assert_eq!(answer.status, 200, "{case}: {}", answer.shown());
            let read = app.get(&path).await.expect_status(200);
            assert_eq!(read.body["displayName"], display, "{case}");
            // What Graph itself makes of a new object is not known before Graph shows it.
            if answer.header("etag").is_some() {
                assert_eq!(read.header("etag"), answer.header("etag"), "{case}");
            }
            let by_display = format!("displayName eq \"{display}\"");
            assert_eq!(
                found(&app, "/Users", &by_display).await,
                std::slice::from_ref(&id),
                "{case}"
            );
        }
        assert!(
            found(&app, "/Users", "displayName eq \"first\"")
                .await
                .is_empty(),
            "{case}"
        );
        let tag = app.get(&path).await.header("etag").unwrap().to_owned();
        let put = app
            .request(
                "PUT",
                &path,
                Some(&json!({"userName": upn, "displayName": "put"})),
                &[("if-match", &tag)],
            )
            .await;
        assert_eq!(put.status, 200, "{case}: {}", put.shown());
        assert_eq!(app.get(&path).await.body["displayName"], "put", "{case}");
        app.delete(&path).await.expect_status(204);
        let read = app.get(&path).await;
        assert_eq!(read.status, 404, "{case}: {}", read.shown());
        assert!(found(&app, "/Users", &by_name).await.is_empty(), "{case}");
        let again = app.delete(&path).await;
        assert_eq!(again.status, 404, "{case}: {}", again.shown());
        let (next, _) = make_user(&app, "own.write").await;
        assert_ne!(next, id);
        assert_eq!(found(&app, "/Users", &by_name).await, [next], "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_from_both_ends() {
    everywhere(|app, case| async move {
        let users = app.sim_user_ids().await;
        let (user, _) = make_user(&app, "member").await;
        let made = app
            .post(
                "/Groups",
                &json!({"displayName": "Lagging", "members": [{"value": users[0]}, {"value": user}]}),
            )
            .await;
        assert_eq!(made.status, 201, "{case}: {}", made.shown());
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/Groups/{id}");
        let sorted = |mut list: Vec<String>| {
            list.sort_unstable();
            list
        };
        let shown = async |path: &str| {
            let read = app.get(path).await;
            assert_eq!(read.status, 200, "{case}: {}", read.shown());
            sorted(values(&read.body, "members"))
        };
        let expected = |ids: &[&String]| sorted(ids.iter().map(|id| (*id).clone()).collect());
        assert_eq!(shown(&path).await, expected(&[&users[0], &user]), "{case}");
        assert_eq!(found(&app, "/Groups", "displayName eq \"Lagging\"").await, std::slice::from_ref(&id), "{case}");
        let step = async |operation: Value| {
            let answer = app.patch(&path, &patch_op(json!([operation]))).await;
            assert_eq!(answer.status, 204, "{case}: {}", answer.shown());
        };
        step(json!({"op": "add", "path": "members", "value": [{"value": users[1]}]})).await;
        assert_eq!(shown(&path).await, expected(&[&users[0], &users[1], &user]), "{case}");
        step(json!({"op": "remove", "path": format!("members[value eq \"{}\"]", users[0])})).await;
        assert_eq!(shown(&path).await, expected(&[&users[1], &user]), "{case}");
        step(json!({"op": "add", "path": "members", "value": [{"value": users[0]}]})).await;
        assert_eq!(shown(&path).await, expected(&[&users[0], &users[1], &user]), "{case}");
        let groups = app.get(&format!("/Users/{user}")).await.expect_status(200);
        assert_eq!(values(&groups.body, "groups"), std::slice::from_ref(&id), "{case}: {}", groups.body);
        step(json!({"op": "replace", "path": "members", "value": [{"value": users[2]}]})).await;
        assert_eq!(shown(&path).await, expected(&[&users[2]]), "{case}");
        let mut truth = app.sim_members(&id).await;
        truth.sort_unstable();
        assert_eq!(truth, expected(&[&users[2]]), "{case}");
        let groups = app.get(&format!("/Users/{user}")).await.expect_status(200);
        assert!(values(&groups.body, "groups").is_empty(), "{case}: {}", groups.body);
        app.delete(&path).await.expect_status(204);
        app.get(&path).await.expect_status(404);
        assert!(found(&app, "/Groups", "displayName eq \"Lagging\"").await.is_empty(), "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_roles_and_licences() {
    for lag in [0, 2, 30] {
        let app = start("standard", lag).await;
        let case = format!("{lag} s");
        let users = app.sim_user_ids().await;
        let upn = format!("held@{}", app.domain().await);
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let made = app
            .post(
                "/Users",
                &json!({"userName": upn, "displayName": "held",
                    "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User": {"usageLocation": "US"},
                    extension: {"manager": {"value": users[0]}}}),
            )
            .await
            .expect_status(201);
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/Users/{id}");
        assert_eq!(
            app.get(&path).await.body[extension]["manager"]["value"],
            users[0].as_str(),
            "{case}"
        );
        let role = app
            .get("/Roles?attributes=id")
            .await
            .expect_status(200)
            .ids()[0]
            .clone();
        let answer = app
            .patch(
                &path,
                &patch_op(json!([
                    {"op": "replace", "path": format!("{extension}:manager"), "value": users[1]},
                    {"op": "add", "path": "roles", "value": [{"value": role}]},
                    {"op": "add", "path": "entitlements", "value": [{"value": SKU}]},
                ])),
            )
            .await;
        assert_eq!(answer.status, 200, "{case}: {}", answer.shown());
        for body in [answer.body, app.get(&path).await.expect_status(200).body] {
            assert_eq!(
                body[extension]["manager"]["value"],
                users[1].as_str(),
                "{case}"
            );
            assert_eq!(
                values(&body, "roles"),
                std::slice::from_ref(&role),
                "{case}"
            );
            assert_eq!(values(&body, "entitlements"), [SKU], "{case}");
        }
        let members = app.get(&format!("/Roles/{role}")).await.expect_status(200);
        assert!(values(&members.body, "members").contains(&id), "{case}");
        let holders = app
            .get(&format!("/Licenses/{SKU}"))
            .await
            .expect_status(200);
        assert!(values(&holders.body, "members").contains(&id), "{case}");
        app.patch(
            &path,
            &patch_op(json!([
                {"op": "remove", "path": format!("{extension}:manager")},
                {"op": "remove", "path": "roles"},
                {"op": "remove", "path": "entitlements"},
            ])),
        )
        .await
        .expect_status(200);
        let read = app.get(&path).await.expect_status(200);
        assert!(
            read.body[extension]["manager"].is_null(),
            "{case}: {}",
            read.body
        );
        assert!(
            values(&read.body, "roles").is_empty(),
            "{case}: {}",
            read.body
        );
        assert!(
            values(&read.body, "entitlements").is_empty(),
            "{case}: {}",
            read.body
        );
        assert_eq!(app.sim_manager(&id).await, None, "{case}");
        assert!(app.sim_roles(&id).await.is_empty(), "{case}");
        assert!(app.sim_licences(&id).await.is_empty(), "{case}");
        let members = app.get(&format!("/Roles/{role}")).await.expect_status(200);
        assert!(!values(&members.body, "members").contains(&id), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_do_is_seen() {
    for lag in [0, 2] {
        let app = start("standard", lag).await;
        let (id, _) = make_user(&app, "others").await;
        let path = format!("/Users/{id}");
        let patch = patch_op(json!([{"op": "replace", "path": "title", "value": "ours"}]));
        app.patch(&path, &patch).await.expect_status(200);
        app.sim_patch(&id, &json!({"jobTitle": "theirs"})).await;
        tokio::time::sleep(Duration::from_millis(u64::from(lag) * 1000 + 200)).await;
        let read = app.get(&path).await.expect_status(200);
        assert_eq!(read.body["title"], "theirs", "{lag} s");
        // And theirs is what the next change of ours starts from.
        app.patch(&path, &patch).await.expect_status(200);
        assert_eq!(app.sim_object(&id).await["jobTitle"], "ours", "{lag} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_restored_in_entra_is_there_again() {
    let app = start("standard", 0).await;
    let (id, upn) = make_user(&app, "restored").await;
    let path = format!("/Users/{id}");
    app.delete(&path).await.expect_status(204);
    app.get(&path).await.expect_status(404);
    let url = format!("{}/directory/deletedItems/{id}/restore", app.graph_url());
    let response = app
        .client
        .post(url)
        .bearer_auth(app.graph_token().await)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert!(
        response.status().is_success(),
        "{}",
        response.text().await.unwrap()
    );
    let read = app.get(&path).await;
    assert_eq!(read.status, 200, "{}", read.shown());
    let by_name = format!("userName eq \"{upn}\"");
    assert_eq!(found(&app, "/Users", &by_name).await, [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_type_is_none_of_this_one() {
    for lag in [0, 30] {
        let app = start("standard", lag).await;
        let (user, _) = make_user(&app, "typed").await;
        let group = app
            .post("/Groups", &json!({"displayName": "Typed"}))
            .await
            .expect_status(201);
        let group = group.body["id"].as_str().unwrap().to_owned();
        for path in [format!("/Groups/{user}"), format!("/Users/{group}")] {
            app.get(&path).await.expect_status(404);
            app.delete(&path).await.expect_status(404);
        }
    }
}
