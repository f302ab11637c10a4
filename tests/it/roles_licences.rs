//! Directory roles and licences, from both ends.

use serde_json::{Value, json};

use crate::support::app::{App, patch_op, quoted};

const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
const FLOW_FREE: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";
const SPE_E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_assigned_and_removed_from_both_ends() {
    let app = App::start().await;
    let user = app.any_user().await;
    let role_path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
    let user_path = format!("/Users/{user}");
    let role = app.get(&role_path).await.expect_status(200);
    assert_eq!(role.body["displayName"], "Groups Administrator");
    let holds = async |expected: bool, when: &str| {
        let seen = app
            .sim_roles(&user)
            .await
            .contains(&GROUPS_ADMINISTRATOR.to_owned());
        assert_eq!(seen, expected, "{when}: in the tenant");
        let read = app.get(&role_path).await.expect_status(200);
        assert_eq!(
            read.member_ids().contains(&user),
            expected,
            "{when}: at the role"
        );
        let read = app.get(&user_path).await.expect_status(200);
        let roles = read.body["roles"].as_array().cloned().unwrap_or_default();
        assert_eq!(
            roles.iter().any(|r| r["value"] == GROUPS_ADMINISTRATOR),
            expected,
            "{when}: at the user"
        );
    };
    holds(false, "before").await;
    let add = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
    app.patch(&role_path, &add).await.expect_status(200);
    holds(true, "added at the role").await;
    app.patch(&role_path, &add).await.expect_status(200);
    let remove = format!("roles[value eq {}]", quoted(GROUPS_ADMINISTRATOR));
    app.patch(
        &user_path,
        &patch_op(json!([{"op": "remove", "path": remove}])),
    )
    .await
    .expect_status(200);
    holds(false, "removed at the user").await;
    let add = json!([{"op": "add", "path": "roles", "value": [{"value": GROUPS_ADMINISTRATOR}]}]);
    let answer = app
        .patch(&user_path, &patch_op(add))
        .await
        .expect_status(200);
    let given = answer.body["roles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["value"] == GROUPS_ADMINISTRATOR)
        .cloned()
        .unwrap();
    assert_eq!(
        (&given["display"], &given["scope"]),
        (&json!("Groups Administrator"), &json!("/"))
    );
    holds(true, "added at the user").await;
    let found = app
        .list(
            "/Users",
            &[(
                "filter",
                &format!("roles.value eq {}", quoted(GROUPS_ADMINISTRATOR)),
            )],
        )
        .await
        .expect_status(200);
    assert!(found.ids().contains(&user));
    app.patch(
        &role_path,
        &patch_op(json!([{"op": "remove", "path": "members", "value": [{"value": user}]}])),
    )
    .await
    .expect_status(200);
    holds(false, "removed at the role").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_roles_live_and_built_in_ones_stay() {
    let app = App::start().await;
    let body = json!({"displayName": "Read applications", "description": "d",
        "permissions": ["microsoft.directory/applications/basic/update"]});
    let created = app.post("/Roles", &body).await.expect_status(201);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Roles/{id}");
    let read = app.get(&path).await.expect_status(200);
    assert_eq!(
        read.body["permissions"],
        json!(["microsoft.directory/applications/basic/update"])
    );
    app.patch(
        &path,
        &patch_op(json!([{"op": "replace", "path": "displayName", "value": "Renamed"}])),
    )
    .await
    .expect_status(200);
    assert_eq!(app.get(&path).await.body["displayName"], "Renamed");
    let found = app
        .list(
            "/Roles",
            &[("filter", "displayName co \"name\" and isBuiltIn eq false")],
        )
        .await
        .expect_status(200);
    assert!(
        found.ids().contains(&id),
        "a whole list answers every filter: {}",
        found.body
    );
    app.delete(&path).await.expect_status(204);
    app.get(&path).await.expect_status(404);
    let refused = app
        .delete("/Roles/62e90394-69f5-4237-9190-012177145e10")
        .await;
    assert!(matches!(refused.status, 400 | 403), "{}", refused.body);
    app.get("/Roles/62e90394-69f5-4237-9190-012177145e10")
        .await
        .expect_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_roles_and_licences_are_whole_sorted_and_paged() {
    let app = App::start().await;
    for path in ["/Roles", "/Licenses"] {
        let all = app.get(path).await.expect_status(200);
        let total = all.body["totalResults"].as_u64().unwrap();
        assert!(total >= 5, "{path}");
        let mut ids = Vec::new();
        for start in 1..=total {
            let page = app
                .get(&format!(
                    "{path}?sortBy=id&startIndex={start}&count=1&excludedAttributes=members"
                ))
                .await
                .expect_status(200);
            assert_eq!(page.body["totalResults"], total);
            ids.extend(page.ids());
        }
        let mut sorted = all.ids();
        sorted.sort_unstable();
        assert_eq!(ids, sorted, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn licences_are_assigned_at_the_user_and_at_the_licence() {
    let app = App::start().await;
    let user = app.user_with_usage_location(FLOW_FREE).await;
    let licence = format!("/Licenses/{FLOW_FREE}");
    let before = app.get(&licence).await.expect_status(200);
    assert_eq!(before.body["skuPartNumber"], "FLOW_FREE");
    let consumed = |body: &Value| body["consumedUnits"].as_u64().unwrap();
    app.patch(
        &licence,
        &patch_op(json!([{"op": "add", "path": "members", "value": [{"value": user}]}])),
    )
    .await
    .expect_status(204);
    assert!(
        app.sim_licences(&user)
            .await
            .contains(&FLOW_FREE.to_owned())
    );
    let after = app.get(&licence).await.expect_status(200);
    assert_eq!(consumed(&after.body), consumed(&before.body) + 1);
    let held = after.body["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["value"] == user.as_str())
        .unwrap()
        .clone();
    assert_eq!(
        (&held["type"], &held["assignment"]),
        (&json!("User"), &json!("direct"))
    );
    app.patch(
        &licence,
        &patch_op(json!([{"op": "remove", "path": "members", "value": [{"value": user}]}])),
    )
    .await
    .expect_status(204);
    assert!(
        !app.sim_licences(&user)
            .await
            .contains(&FLOW_FREE.to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_plans_are_set_and_changed() {
    let app = App::start().await;
    let user = app.user_with_usage_location(SPE_E3).await;
    // Nothing depends on these two.
    let free = [json!("SWAY"), json!("YAMMER_ENTERPRISE")];
    let plans: Vec<String> = app
        .get(&format!("/Licenses/{SPE_E3}"))
        .await
        .expect_status(200)
        .body["servicePlans"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| free.contains(&p["display"]))
        .filter_map(|p| p["value"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(plans.len(), free.len());
    let one = plans[..1].to_vec();
    let two = plans[..2].to_vec();
    let sku = json!({"value": SPE_E3});
    let with = |plans: &[String]| json!([{"value": SPE_E3, "disabledPlans": plans}]);
    let path = format!(
        "entitlements[value eq {} and type eq \"direct\"].disabledPlans",
        quoted(SPE_E3)
    );
    for (operation, expected) in [
        (
            json!({"op": "add", "path": "entitlements", "value": with(&one)}),
            one.clone(),
        ),
        (
            json!({"op": "add", "path": "entitlements", "value": with(&two)}),
            two.clone(),
        ),
        (
            json!({"op": "add", "path": "entitlements", "value": [sku]}),
            two,
        ),
        (
            json!({"op": "replace", "path": path, "value": one}),
            one.clone(),
        ),
        (
            json!({"op": "replace", "path": path, "value": []}),
            Vec::new(),
        ),
        (
            json!({"op": "add", "path": "entitlements", "value": with(&one)}),
            one,
        ),
        (
            json!({"op": "replace", "path": "entitlements", "value": [sku]}),
            Vec::new(),
        ),
    ] {
        let answer = app
            .patch(&format!("/Users/{user}"), &patch_op(json!([operation])))
            .await
            .expect_status(200);
        let shown = answer.body["entitlements"]
            .as_array()
            .unwrap()
            .iter()
            .find(|e| e["value"] == SPE_E3 && e["type"] == "direct")
            .unwrap()
            .clone();
        let got: Vec<String> =
            serde_json::from_value(shown.get("disabledPlans").cloned().unwrap_or(json!([])))
                .unwrap();
        let (mut got, mut expected) = (got, expected);
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inherited_licences_are_told_apart_and_cannot_be_taken_from_the_user() {
    let app = App::start().await;
    let user = app.user_with_usage_location(FLOW_FREE).await;
    let group = app
        .post(
            "/Groups",
            &json!({"displayName": "Licensed", "members": [{"value": user}]}),
        )
        .await
        .expect_status(201);
    let group_id = group.body["id"].as_str().unwrap().to_owned();
    app.patch(
        &format!("/Groups/{group_id}"),
        &patch_op(json!([{"op": "add", "path": "entitlements", "value": [{"value": FLOW_FREE}]}])),
    )
    .await
    .expect_status(204);
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    let held = read.body["entitlements"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["value"] == FLOW_FREE)
        .unwrap()
        .clone();
    assert_eq!(
        (&held["type"], &held["assignedByGroup"]),
        (&json!("inherited"), &json!(group_id))
    );
    let refused = app
        .patch(&format!("/Users/{user}"), &patch_op(json!([{"op": "remove", "path": format!("entitlements[value eq {}]", quoted(FLOW_FREE))}])))
        .await
        .expect_status(400);
    assert_eq!(refused.body["scimType"], "mutability");
    assert!(refused.detail().contains(&group_id), "{}", refused.detail());
    app.patch(
        &format!("/Groups/{group_id}"),
        &patch_op(json!([{"op": "remove", "path": "entitlements"}])),
    )
    .await
    .expect_status(204);
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    let held = read.body["entitlements"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert!(held.iter().all(|e| e["value"] != FLOW_FREE), "{held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_seats_left_is_said() {
    let app = App::start().await;
    let licences = app.get("/Licenses").await.expect_status(200);
    let full = licences.body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|l| {
            l["consumedUnits"].as_u64() >= l["prepaidUnits"]["enabled"].as_u64()
                && l["capabilityStatus"] == "Enabled"
        })
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let user = app.user_with_usage_location(&full).await;
    let refused = app
        .patch(
            &format!("/Users/{user}"),
            &patch_op(json!([{"op": "add", "path": "entitlements", "value": [{"value": full}]}])),
        )
        .await
        .expect_status(400);
    assert!(
        refused.detail().contains("available licenses"),
        "{}",
        refused.detail()
    );
}
