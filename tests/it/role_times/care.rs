//! What is refused, what comes out otherwise, and reads that are behind.

use serde_json::json;

use super::{GROUPS_ADMINISTRATOR, app, of, schedules, told};
use crate::support::app::patch_op;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_refuse_is_told_by_name() {
    let app = app(false).await;
    let user = app.any_user().await;
    let path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
    let end = "2030-01-01T00:00:00Z";
    let eligible = json!({"assignment": "eligible"});
    let active = json!({"end": end});
    for (rules, element, status, says) in [
        (
            json!({"eligible_days": 30}),
            &eligible,
            400,
            "ExpirationRule",
        ),
        (json!({"active_days": 30}), &active, 400, "ExpirationRule"),
        (json!({"ticket": true}), &eligible, 400, "'ticket'"),
        (json!({"mfa": true}), &active, 400, "MfaRule"),
        (json!({"licensed": false}), &eligible, 403, "licence"),
        (json!({"licensed": false}), &active, 403, "licence"),
        (json!({}), &json!({"assignment": "active"}), 400, "'end'"),
        (
            json!({}),
            &json!({"assignment": "permanent", "end": end}),
            400,
            "'end'",
        ),
        (
            json!({}),
            &json!({"assignment": "eligible", "end": "2020-01-01T00:00:00Z"}),
            400,
            "past",
        ),
        (
            json!({}),
            &json!({"assignment": "eligible", "end": "soon"}),
            400,
            "end",
        ),
        (
            json!({}),
            &json!({"assignment": "forever"}),
            400,
            "eligible",
        ),
        (
            json!({}),
            &json!({"start": end, "end": "2029-01-01T00:00:00Z"}),
            400,
            "after",
        ),
    ] {
        app.control_post("/roles", &rules).await;
        let mut element = element.clone();
        element["value"] = json!(user);
        let add = json!([{"op": "add", "path": "members", "value": [element]}]);
        let answer = app.patch(&path, &patch_op(add)).await;
        assert_eq!(answer.status, status, "{rules} {}", answer.shown());
        assert!(answer.detail().contains(says), "{rules} {}", answer.shown());
    }
    // A tenant without the licence is read all the same, and roles for good are given and taken.
    app.control_post("/roles", &json!({"licensed": false}))
        .await;
    let add = json!([{"op": "add", "path": "members", "value": [{"value": user}]}]);
    app.patch(&path, &patch_op(add)).await.expect_status(200);
    let read = app.get(&format!("/Users/{user}")).await.expect_status(200);
    assert_eq!(
        told(&of(&read, "roles", GROUPS_ADMINISTRATOR)),
        ["permanent / -"]
    );
    let remove = json!([{"op": "remove", "path": "members", "value": [{"value": user}]}]);
    app.patch(&path, &patch_op(remove)).await.expect_status(200);
    assert!(app.sim_roles(&user).await.is_empty());
}

/// Graph takes a request and does something else: that is no success, and nothing of it stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_otherwise_is_taken_back() {
    let app = app(true).await;
    let user = app.any_user().await;
    let path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
    let units = app.graph_list("/directory/administrativeUnits").await;
    let unit = format!("/administrativeUnits/{}", units[0]["id"].as_str().unwrap());
    for (rules, how, says) in [
        (
            json!({"scope_lost": true}),
            json!({"assignment": "eligible"}),
            "given at /",
        ),
        (
            json!({"scope_lost": true}),
            json!({"end": "2030-01-01T00:00:00Z"}),
            "given at /",
        ),
        (
            json!({"fails": true}),
            json!({"assignment": "eligible"}),
            "Failed",
        ),
    ] {
        app.control_post("/roles", &rules).await;
        let mut element = how.clone();
        element["value"] = json!(user);
        element["scope"] = json!(unit);
        let add = json!([{"op": "add", "path": "members", "value": [element]}]);
        let answer = app.patch(&path, &patch_op(add)).await;
        assert_eq!(answer.status, 502, "{rules} {}", answer.shown());
        assert!(answer.detail().contains(says), "{}", answer.shown());
        for set in ["roleEligibilitySchedules", "roleAssignmentSchedules"] {
            let left = schedules(&app, set, &user).await;
            assert!(left.is_empty(), "{rules}: {left:?}");
        }
        let role = app.get(&path).await.expect_status(200);
        assert!(of(&role, "members", &user).is_empty(), "{rules}");
    }
}

/// Reads that are behind show one's own changes of a time all the same.
#[tokio::test(flavor = "multi_thread")]
async fn own_changes_of_a_time_are_seen_at_once() {
    let app = app(false).await;
    let user = app.any_user().await;
    let path = format!("/Users/{user}");
    app.control_post("/lag", &json!({"all": 5.0})).await;
    for (how, expected) in [
        (
            json!({"end": "2030-01-01T00:00:00Z"}),
            "active / 2030-01-01T00:00:00Z",
        ),
        (
            json!({"end": "2031-01-01T00:00:00Z"}),
            "active / 2031-01-01T00:00:00Z",
        ),
        (json!({"assignment": "permanent"}), "permanent / -"),
        (
            json!({"end": "2029-01-01T00:00:00Z"}),
            "active / 2029-01-01T00:00:00Z",
        ),
    ] {
        let mut element = how.clone();
        element["value"] = json!(GROUPS_ADMINISTRATOR);
        let add = json!([{"op": "add", "path": "roles", "value": [element]}]);
        let answer = app.patch(&path, &patch_op(add)).await.expect_status(200);
        let seen = of(&answer, "roles", GROUPS_ADMINISTRATOR);
        assert_eq!(told(&seen), [expected], "in the answer to {how}");
        let read = app.get(&path).await.expect_status(200);
        let seen = of(&read, "roles", GROUPS_ADMINISTRATOR);
        assert_eq!(told(&seen), [expected], "read after {how}");
    }
}

/// How many are eligible for Global Administrator or Groups Administrator.
async fn eligible(app: &crate::support::app::App) -> usize {
    let mut count = 0;
    for role in [GROUPS_ADMINISTRATOR, "62e90394-69f5-4237-9190-012177145e10"] {
        let role = app.get(&format!("/Roles/{role}")).await.expect_status(200);
        let members = role.body["members"].as_array().cloned();
        let all = members.unwrap_or_default();
        count += all.iter().filter(|e| e["assignment"] == "eligible").count();
    }
    count
}

/// Schedules may not be read any more: that is no reason to believe that there are none.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_is_not_forgotten() {
    for replica in [true, false] {
        let app = app(replica).await;
        let user = app.any_user().await;
        let path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
        let end = "2030-01-01T00:00:00Z";
        let add = json!([{"op": "add", "path": "members", "value": [
            {"value": user, "assignment": "eligible"}, {"value": user, "end": end}]}]);
        app.patch(&path, &patch_op(add)).await.expect_status(200);
        let expected = [format!("active / {end}"), "eligible / -".to_owned()];
        let granted = app.control("/permissions").await.unwrap();
        let kept: Vec<&serde_json::Value> = granted
            .as_array()
            .unwrap()
            .iter()
            .filter(|name| !name.as_str().unwrap().starts_with("Role"))
            .collect();
        let fewer = json!({"permissions": kept, "revoke": true});
        app.control_post("/permissions", &fewer).await;
        if !replica {
            let refused = app.get(&path).await;
            assert_eq!(refused.status, 403, "{}", refused.shown());
            continue;
        }
        // More than one turn of the list. What others gave is guarded by nothing else.
        for _ in 0..9 {
            app.caught_up().await;
        }
        let role = app.get(&path).await.expect_status(200);
        assert_eq!(told(&of(&role, "members", &user)), expected);
        assert_eq!(eligible(&app).await, 2, "those of the seed, and ours");
    }
}
