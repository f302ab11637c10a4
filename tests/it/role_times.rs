//! Roles for a time and roles that may be activated, from both ends, each step seen in the tenant.

use serde_json::{Value, json};

use crate::support::app::{Answer, App, Options, patch_op, quoted};

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";

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

#[tokio::test(flavor = "multi_thread")]
async fn they_are_found_by_how_and_until_when() {
    let app = app(true).await;
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

/// Whoever manages users, groups or units alone makes nobody an administrator, in no way.
#[tokio::test(flavor = "multi_thread")]
async fn no_lesser_token_makes_an_administrator() {
    let app = app(true).await;
    let user = app.any_user().await;
    let urn = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
    let (user_path, role) = (format!("/Users/{user}"), GLOBAL_ADMINISTRATOR);
    let role_path = format!("/Roles/{role}");
    let groups = app
        .graph_list("/groups?$select=id,isAssignableToRole")
        .await;
    let group = groups
        .iter()
        .find(|g| g["isAssignableToRole"] == true)
        .unwrap();
    let group = group["id"].as_str().unwrap();
    let group_path = format!("/Groups/{group}");
    let eligible = json!([{"value": role, "assignment": "eligible"}]);
    let timed = json!([{"value": role, "end": "2030-01-01T00:00:00Z"}]);
    let holder = json!([{"value": user, "assignment": "eligible"}]);
    let add =
        |path: &str, value: &Value| patch_op(json!([{"op": "add", "path": path, "value": value}]));
    let own_roles = format!("{urn}:roles");
    let new_user = json!({"userName": format!("evil@{}", app.domain().await), "displayName": "e",
        "roles": eligible});
    let put = json!({"displayName": "x", urn: {"roles": timed}});
    let custom = json!({"displayName": "mine",
        "permissions": ["microsoft.directory/users/password/update"]});
    let bulk = json!({"Operations": [{"method": "PATCH", "path": user_path,
        "data": add("roles", &eligible)}]});
    let attempts: [(&str, &str, &str, &Value); 10] = [
        (
            "eligible, at the user",
            "PATCH",
            &user_path,
            &add("roles", &eligible),
        ),
        (
            "for a time, at the user",
            "PATCH",
            &user_path,
            &add("roles", &timed),
        ),
        (
            "eligible, at the role",
            "PATCH",
            &role_path,
            &add("members", &holder),
        ),
        ("a new user who is eligible", "POST", "/Users", &new_user),
        (
            "eligible, at the group",
            "PATCH",
            &group_path,
            &add(&own_roles, &eligible),
        ),
        ("for a time, by PUT of the group", "PUT", &group_path, &put),
        (
            "into a group that holds roles",
            "PATCH",
            &group_path,
            &add("members", &json!([{"value": user}])),
        ),
        (
            "an owner of such a group",
            "PATCH",
            &group_path,
            &add(&format!("{urn}:owners"), &json!([{"value": user}])),
        ),
        ("a role of one's own", "POST", "/Roles", &custom),
        ("in bulk", "POST", "/Bulk", &bulk),
    ];
    for scopes in [
        "read:*,write:Users",
        "read:*,write:Groups",
        "read:*,write:Users,write:Groups,write:Licenses,write:AdministrativeUnits",
        "read:*",
    ] {
        let token = app.issue_token(scopes, None).await;
        let lesser = app.with_token(Some(&token));
        app.reset_counters().await;
        for (attempt, method, path, body) in attempts {
            let answer = lesser.request(method, path, Some(body), &[]).await;
            let bulk = &answer.body["Operations"][0]["status"];
            let status = if bulk.is_string() {
                bulk.as_str().unwrap().parse().unwrap()
            } else {
                answer.status
            };
            assert_eq!(status, 403, "{scopes}: {attempt}: {}", answer.shown());
        }
        assert_eq!(writes(&app).await, 0, "{scopes}");
    }
    assert!(app.sim_roles(&user).await.is_empty());
    for set in ["roleEligibilitySchedules", "roleAssignmentSchedules"] {
        assert!(schedules(&app, set, &user).await.is_empty());
    }
}

/// The commands of `docs/roles.md`, as they stand there.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_works() {
    let app = app(true).await;
    let page = include_str!("../../docs/roles.md");
    let (_, rest) = page.split_once("```sh\n").unwrap();
    let (commands, _) = rest.split_once("```").unwrap();
    let script = commands
        .replace("http://127.0.0.1:8080/scim/v2", &app.scim)
        .replace("Bearer secret", &format!("Bearer {}", app.token()))
        .replace("curl -s ", "curl -sS --fail-with-body ");
    let run = move || {
        std::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    for wanted in ["Global Reader", "2029-12-31", "2030-12-31", "Tag keeper"] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
}

/// A role of one's own from its making to its end, each step seen in the tenant.
#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_role() {
    let app = app(true).await;
    let user = app.any_user().await;
    let made = json!({"displayName": "Walked", "description": "d",
        "permissions": ["microsoft.directory/applications/tag/update"]});
    let made = app.post("/Roles", &made).await.expect_status(201);
    let role = made.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Roles/{role}");
    let unit = json!({"displayName": "Walked in"});
    let unit = app
        .post("/AdministrativeUnits", &unit)
        .await
        .expect_status(201);
    let unit = format!("/administrativeUnits/{}", unit.body["id"].as_str().unwrap());
    let patch = async |operation: Value| {
        let body = patch_op(json!([operation]));
        app.patch(&path, &body).await.expect_status(200)
    };
    let add = |more: Value| {
        let mut element = json!({"value": user});
        element
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"op": "add", "path": "members", "value": [element]})
    };
    let days = |days: i64| {
        let end = time::OffsetDateTime::now_utc() + time::Duration::days(days);
        let end = end.replace_nanosecond(0).unwrap();
        end.format(&time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    // For good, everywhere.
    patch(add(json!({}))).await;
    assert_eq!(app.sim_roles(&user).await, std::slice::from_ref(&role));
    // Eligible for 30 days in a unit; then for 60.
    let (month, two) = (days(30), days(60));
    patch(add(
        json!({"assignment": "eligible", "scope": unit, "end": month}),
    ))
    .await;
    let eligible = schedules(&app, "roleEligibilitySchedules", &user).await;
    assert_eq!(
        eligible[0]["scheduleInfo"]["expiration"]["endDateTime"],
        month
    );
    let one = format!(
        "members[value eq {} and assignment eq \"eligible\"]",
        quoted(&user)
    );
    patch(json!({"op": "replace", "path": format!("{one}.end"), "value": two})).await;
    let eligible = schedules(&app, "roleEligibilitySchedules", &user).await;
    assert_eq!(eligible.len(), 1, "{eligible:?}");
    assert_eq!(
        eligible[0]["scheduleInfo"]["expiration"]["endDateTime"],
        two
    );
    // Activated by its holder, and over after half an hour.
    let change =
        json!({"op": "activate", "principal": user, "role": role, "scope": unit, "minutes": 30});
    app.control_post("/changes", &json!({"changes": [change]}))
        .await;
    app.caught_up().await;
    let seen = app.get(&path).await;
    let held = of(&seen, "members", &user);
    assert!(
        held.iter().any(|e| e["activatedFrom"].is_string()),
        "{held:?}"
    );
    assert_eq!(held.len(), 3, "{held:?}");
    app.control_post("/clock/advance", &json!({"seconds": 1900}))
        .await;
    let mut left = 3;
    for _ in 0..12 {
        app.caught_up().await;
        left = of(&app.get(&path).await, "members", &user).len();
        if left == 2 {
            break;
        }
    }
    assert_eq!(left, 2, "the activation is over");
    // Its end, and that of the role.
    patch(json!({"op": "remove", "path": one})).await;
    assert!(
        schedules(&app, "roleEligibilitySchedules", &user)
            .await
            .is_empty()
    );
    patch(json!({"op": "remove", "path": "members"})).await;
    assert!(app.sim_roles(&user).await.is_empty());
    app.delete(&path).await.expect_status(204);
    app.get(&path).await.expect_status(404);
}
