//! Administrative units, from all ends, each step seen in the tenant.

use serde_json::{Value, json};

use crate::support::app::{App, Options, patch_op, quoted};

async fn app(replica: bool) -> App {
    let app = App::with(Options {
        users: 40,
        groups: 12,
        replica,
        ..Options::default()
    })
    .await;
    if replica {
        app.caught_up().await;
    }
    app
}

/// Who is in the unit, by Graph.
async fn inside(app: &App, unit: &str) -> Vec<String> {
    let list = app
        .graph_list(&format!("/directory/administrativeUnits/{unit}/members"))
        .await;
    let mut ids: Vec<String> = list
        .iter()
        .map(|m| m["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_lives() {
    for replica in [false, true] {
        let app = app(replica).await;
        let user = app.any_user().await;
        let groups = app.list("/Groups", &[("count", "1")]).await;
        let group = groups.ids()[0].clone();
        let body =
            json!({"displayName": "North", "description": "d", "members": [{"value": user}]});
        let made = app
            .post("/AdministrativeUnits", &body)
            .await
            .expect_status(201);
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/AdministrativeUnits/{id}");
        assert_eq!(made.member_ids(), std::slice::from_ref(&user));
        assert_eq!(inside(&app, &id).await, std::slice::from_ref(&user));
        let add = json!([{"op": "add", "path": "members", "value": [{"value": group}]},
            {"op": "replace", "path": "description", "value": "e"}]);
        let answer = app.patch(&path, &patch_op(add)).await.expect_status(200);
        assert_eq!(answer.body["description"], "e");
        assert_eq!(inside(&app, &id).await, sorted(&[&user, &group]));
        // From the other ends, on request; and found by it.
        for (kind, urn, of) in [("User", "User", &user), ("Group", "Group", &group)] {
            let name = format!(
                "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:{urn}:administrativeUnits"
            );
            let query = format!("/{kind}s/{of}?attributes={name}");
            let seen = app.get(&query).await.expect_status(200);
            let extension = name.rsplit_once(':').unwrap().0;
            let units: Vec<&Value> = seen.body[extension]["administrativeUnits"]
                .as_array()
                .unwrap_or_else(|| panic!("{}", seen.shown()))
                .iter()
                .filter(|unit| unit["value"] == *id)
                .collect();
            assert_eq!(units[0]["display"], "North", "{}", seen.shown());
            let filter = format!("{name}.value eq {}", quoted(&id));
            let found = app
                .list(&format!("/{kind}s"), &[("filter", &filter)])
                .await
                .expect_status(200);
            assert_eq!(found.ids(), std::slice::from_ref(of), "{kind}");
            let own = json!([{"op": "add", "path": name, "value": [{"value": id}]}]);
            let refused = app.patch(&format!("/{kind}s/{of}"), &patch_op(own)).await;
            assert_eq!(
                refused.body["scimType"],
                "mutability",
                "{}",
                refused.shown()
            );
        }
        let filter = format!("members.value eq {}", quoted(&user));
        let found = app
            .list("/AdministrativeUnits", &[("filter", &filter)])
            .await
            .expect_status(200);
        assert!(found.ids().contains(&id), "{}", found.shown());
        let remove =
            json!([{"op": "remove", "path": format!("members[value eq {}]", quoted(&user))}]);
        app.patch(&path, &patch_op(remove)).await.expect_status(200);
        assert_eq!(inside(&app, &id).await, std::slice::from_ref(&group));
        app.delete(&path).await.expect_status(204);
        app.get(&path).await.expect_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_arrives() {
    let app = app(true).await;
    let units = app.get("/AdministrativeUnits").await.expect_status(200);
    let europe = units.body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|unit| unit["displayName"] == "Europe")
        .unwrap();
    assert!(europe["members"].as_array().unwrap().len() > 10);
    let member = europe["members"][0]["value"].as_str().unwrap();
    let id = europe["id"].as_str().unwrap();
    let path = format!("/directory/administrativeUnits/{id}/members/{member}/$ref");
    app.graph_delete(&path).await;
    let mut left = true;
    for _ in 0..12 {
        app.caught_up().await;
        let now = app.get(&format!("/AdministrativeUnits/{id}")).await;
        left = now.member_ids().iter().any(|one| one == member);
        if !left {
            break;
        }
    }
    assert!(!left, "it is still in the unit");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told() {
    let app = app(false).await;
    let domain = app.domain().await;
    let user = json!({"userName": format!("walled@{domain}"), "displayName": "w"});
    let user = app.post("/Users", &user).await.expect_status(201);
    let user = user.body["id"].as_str().unwrap().to_owned();
    // A dynamic unit follows its rule.
    let rule = "(user.country -eq \"Norway\")";
    let body = json!({"displayName": "Norway", "membershipRule": rule});
    let made = app
        .post("/AdministrativeUnits", &body)
        .await
        .expect_status(201);
    assert_eq!(made.body["membershipType"], "Dynamic");
    let path = format!("/AdministrativeUnits/{}", made.body["id"].as_str().unwrap());
    let add = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
    let refused = app.patch(&path, &patch_op(add.clone())).await;
    assert_eq!(refused.status, 400, "{}", refused.shown());
    assert!(refused.detail().contains("rule"), "{}", refused.shown());
    let none = json!({"displayName": "n", "membershipType": "Dynamic"});
    let refused = app.post("/AdministrativeUnits", &none).await;
    assert_eq!(refused.status, 400, "{}", refused.shown());
    // In a restricted unit only its administrators change anything.
    let body = json!({"displayName": "Board", "isMemberManagementRestricted": true});
    let made = app
        .post("/AdministrativeUnits", &body)
        .await
        .expect_status(201);
    let path = format!("/AdministrativeUnits/{}", made.body["id"].as_str().unwrap());
    app.patch(&path, &patch_op(add)).await.expect_status(200);
    let title = json!([{"op": "replace", "path": "title", "value": "x"}]);
    let refused = app.patch(&format!("/Users/{user}"), &patch_op(title)).await;
    assert_eq!(refused.status, 403, "{}", refused.shown());
    assert!(
        refused.detail().contains("administrative unit"),
        "{}",
        refused.shown()
    );
    let open = json!([{"op": "replace", "path": "isMemberManagementRestricted", "value": false}]);
    let refused = app.patch(&path, &patch_op(open)).await;
    assert_eq!(
        refused.body["scimType"],
        "mutability",
        "{}",
        refused.shown()
    );
    // A token for users alone neither sees units nor puts anybody into one.
    let users = app.with_token(Some(&app.issue_token("read:Users,write:Users", None).await));
    users.get("/AdministrativeUnits").await.expect_status(403);
    let name = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:User:administrativeUnits";
    users
        .get(&format!("/Users/{user}?attributes={name}"))
        .await
        .expect_status(403);
}
