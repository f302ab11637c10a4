//! Roles for a time and roles that may be activated, from both ends, each step seen in the tenant.

mod care;
mod life;
mod power;

use serde_json::{Value, json};

use crate::support::app::{Answer, App, Options, patch_op, quoted};

const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";

async fn app(replica: bool) -> App {
    with_mapping("standard", replica).await
}

async fn with_mapping(mapping: &'static str, replica: bool) -> App {
    let app = App::with(Options {
        users: 40,
        groups: 12,
        replica,
        mapping,
        ..Options::default()
    })
    .await;
    if replica {
        app.caught_up().await;
    }
    app
}

/// The elements of a list that have that value.
fn of<'a>(answer: &'a Answer, list: &str, value: &str) -> Vec<&'a Value> {
    let all = answer.body[list].as_array();
    all.into_iter()
        .flatten()
        .filter(|e| e["value"] == value)
        .collect()
}

fn told(elements: &[&Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut told: Vec<String> = elements
        .iter()
        .map(|e| {
            format!(
                "{} {} {}",
                text(&e["assignment"]),
                text(&e["scope"]),
                text(&e["end"])
            )
        })
        .collect();
    told.sort_unstable();
    told
}

/// How many requests for schedules and assignments were sent since the counters were reset.
async fn writes(app: &App) -> u64 {
    let counters = app.counters().await;
    let operations = counters["operations"].as_object().unwrap();
    let written = operations.iter().filter(|(name, _)| {
        name.contains("roleManagement") && (name.starts_with("POST") || name.starts_with("DELETE"))
    });
    written.map(|(_, count)| count.as_u64().unwrap()).sum()
}

/// What the tenant holds of schedules: eligible or active, of one principal.
async fn schedules(app: &App, set: &str, principal: &str) -> Vec<Value> {
    let filter = format!("$filter=principalId%20eq%20'{principal}'");
    app.graph_list(&format!("/roleManagement/directory/{set}?{filter}"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_is_given_changed_and_taken_from_both_ends() {
    for replica in [false, true] {
        let app = app(replica).await;
        let user = app.any_user().await;
        let units = app.graph_list("/directory/administrativeUnits").await;
        let unit = format!("/administrativeUnits/{}", units[0]["id"].as_str().unwrap());
        let (role_path, user_path) = (
            format!("/Roles/{GROUPS_ADMINISTRATOR}"),
            format!("/Users/{user}"),
        );
        let both = async |expected: &[String], when: &str| {
            let role = app.get(&role_path).await.expect_status(200);
            assert_eq!(
                told(&of(&role, "members", &user)),
                expected,
                "{when}: at the role"
            );
            let seen = app.get(&user_path).await.expect_status(200);
            let roles = of(&seen, "roles", GROUPS_ADMINISTRATOR);
            assert_eq!(told(&roles), expected, "{when}: at the user");
        };
        let end = "2030-01-01T00:00:00Z";
        let later = "2031-01-01T00:00:00Z";
        let add = |more: Value| {
            let mut element = json!({"value": user});
            element
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            patch_op(json!([{"op": "add", "path": "members", "value": [element]}]))
        };
        // May be activated in a unit, until an end.
        let body = add(json!({"assignment": "eligible", "scope": unit, "end": end}));
        app.patch(&role_path, &body).await.expect_status(200);
        let eligible = format!("eligible {unit} {end}");
        both(std::slice::from_ref(&eligible), "eligible").await;
        let held = schedules(&app, "roleEligibilitySchedules", &user).await;
        assert_eq!(held[0]["directoryScopeId"], unit, "{held:?}");
        app.reset_counters().await;
        app.patch(&role_path, &body).await.expect_status(200);
        assert_eq!(writes(&app).await, 0, "the same again");
        // Extended, from the user's end.
        let longer = json!([{"op": "replace",
            "path": format!("roles[value eq {} and assignment eq \"eligible\"].end", quoted(GROUPS_ADMINISTRATOR)),
            "value": later}]);
        app.patch(&user_path, &patch_op(longer))
            .await
            .expect_status(200);
        let eligible = format!("eligible {unit} {later}");
        both(std::slice::from_ref(&eligible), "extended").await;
        // Beside it held for a time, everywhere.
        app.patch(&role_path, &add(json!({"end": end})))
            .await
            .expect_status(200);
        let active = format!("active / {end}");
        both(&[active.clone(), eligible.clone()], "active").await;
        // Then for good: explicitly. Naming the holder alone does not do it.
        app.patch(&role_path, &add(json!({})))
            .await
            .expect_status(200);
        both(&[active, eligible.clone()], "named again").await;
        app.patch(&role_path, &add(json!({"assignment": "permanent"})))
            .await
            .expect_status(200);
        both(&[eligible.clone(), "permanent / -".to_owned()], "for good").await;
        // One way is taken, the other stays.
        let one = format!(
            "members[value eq {} and assignment eq \"permanent\"]",
            quoted(&user)
        );
        app.patch(
            &role_path,
            &patch_op(json!([{"op": "remove", "path": one}])),
        )
        .await
        .expect_status(200);
        both(&[eligible], "one taken").await;
        assert!(app.sim_roles(&user).await.is_empty());
        let all =
            json!([{"op": "remove", "path": "roles", "value": [{"value": GROUPS_ADMINISTRATOR}]}]);
        app.patch(&user_path, &patch_op(all))
            .await
            .expect_status(200);
        both(&[], "all taken").await;
        assert!(
            schedules(&app, "roleEligibilitySchedules", &user)
                .await
                .is_empty()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_is_seen_and_is_not_lost_by_a_put() {
    for replica in [false, true] {
        let app = app(replica).await;
        let user = app.any_user().await;
        let path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
        let add = json!([{"op": "add", "path": "members", "value": [{"value": user, "assignment": "eligible"}]}]);
        app.patch(&path, &patch_op(add)).await.expect_status(200);
        let change = json!({"changes": [{"op": "activate", "principal": user,
            "role": GROUPS_ADMINISTRATOR, "minutes": 60}]});
        app.control_post("/changes", &change).await;
        if replica {
            app.caught_up().await;
        }
        let role = app.get(&path).await.expect_status(200);
        let held = of(&role, "members", &user);
        assert_eq!(held.len(), 2, "{held:?}");
        let active = held.iter().find(|e| e["assignment"] == "active").unwrap();
        let eligible = held.iter().find(|e| e["assignment"] == "eligible").unwrap();
        assert_eq!(
            active["activatedFrom"], eligible["assignmentId"],
            "{held:?}"
        );
        // What was read is written back: nothing changes.
        let members = json!([{"op": "replace", "path": "members", "value": role.body["members"]}]);
        app.reset_counters().await;
        app.patch(&path, &patch_op(members))
            .await
            .expect_status(200);
        assert_eq!(writes(&app).await, 0, "an echo");
        // A list without it leaves it; the eligibility goes.
        let rest: Vec<&Value> = role.body["members"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|e| e["value"] != *user)
            .collect();
        let members = json!([{"op": "replace", "path": "members", "value": rest}]);
        app.patch(&path, &patch_op(members))
            .await
            .expect_status(200);
        let role = app.get(&path).await;
        let held = of(&role, "members", &user);
        assert_eq!(held.len(), 1, "{held:?}");
        assert_eq!(held[0]["assignment"], "active");
        // It can be ended, and is told by name.
        let remove = json!([{"op": "remove", "path": "members", "value": [{"value": user}]}]);
        app.patch(&path, &patch_op(remove)).await.expect_status(200);
        assert!(app.sim_roles(&user).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_found_by_how_and_until_when() {
    for mapping in ["standard", "iga-flat"] {
        found_by_time(with_mapping(mapping, true).await).await;
    }
}

async fn found_by_time(app: App) {
    let user = app.any_user().await;
    let path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
    let end = "2035-06-01T00:00:00Z";
    let add = json!([{"op": "add", "path": "members", "value": [{"value": user, "assignment": "eligible", "end": end}]}]);
    app.patch(&path, &patch_op(add)).await.expect_status(200);
    let found = async |kind: &str, filter: &str| {
        app.list(kind, &[("filter", filter), ("count", "200")])
            .await
            .expect_status(200)
            .ids()
    };
    let eligible = format!(
        "roles[value eq {} and assignment eq \"eligible\"]",
        quoted(GROUPS_ADMINISTRATOR)
    );
    assert_eq!(
        found("/Users", &eligible).await,
        std::slice::from_ref(&user)
    );
    let permanent = eligible.replace("\"eligible\"", "\"permanent\"");
    assert!(!found("/Users", &permanent).await.contains(&user));
    let soon = found(
        "/Roles",
        "members[end lt \"2035-07-01T00:00:00Z\" and end gt \"2035-05-01T00:00:00Z\"]",
    )
    .await;
    assert_eq!(soon, [GROUPS_ADMINISTRATOR]);
    assert!(
        found("/Roles", "members[end lt \"2020-01-01T00:00:00Z\"]")
            .await
            .is_empty()
    );
}
