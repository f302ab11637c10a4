//! A role from its making to its end, and the page that tells how.

use serde_json::{Value, json};

use super::{GROUPS_ADMINISTRATOR, app, of, schedules, told, writes};
use crate::support::app::{patch_op, quoted};

/// The commands of `docs/roles.md`, as they stand there.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_works() {
    let app = app(true).await;
    let page = include_str!("../../../docs/roles.md");
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
    let now = app.control("/state").await.unwrap()["now"].clone();
    let form = &time::format_description::well_known::Rfc3339;
    let now = time::OffsetDateTime::parse(now.as_str().unwrap(), form).unwrap();
    let started = now.replace_nanosecond(0).unwrap();
    let days = |days: i64| {
        let end = started + time::Duration::days(days);
        end.format(form).unwrap()
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

/// What is created may hold roles of any kind, and a role holders, in the same request.
#[tokio::test(flavor = "multi_thread")]
async fn they_come_with_what_is_created() {
    for replica in [false, true] {
        let app = app(replica).await;
        let domain = app.domain().await;
        let end = "2030-01-01T00:00:00Z";
        let body = json!({"userName": format!("new@{domain}"), "displayName": "new", "roles": [
            {"value": GROUPS_ADMINISTRATOR, "assignment": "eligible", "end": end},
            {"value": GROUPS_ADMINISTRATOR, "end": end}]});
        let made = app.post("/Users", &body).await.expect_status(201);
        let user = made.body["id"].as_str().unwrap().to_owned();
        let expected = [format!("active / {end}"), format!("eligible / {end}")];
        assert_eq!(told(&of(&made, "roles", GROUPS_ADMINISTRATOR)), expected);
        let read = app.get(&format!("/Users/{user}")).await;
        assert_eq!(told(&of(&read, "roles", GROUPS_ADMINISTRATOR)), expected);
        let body = json!({"displayName": "with holders",
            "permissions": ["microsoft.directory/applications/tag/update"],
            "members": [{"value": user, "assignment": "eligible"}]});
        let role = app.post("/Roles", &body).await.expect_status(201);
        assert_eq!(told(&of(&role, "members", &user)), ["eligible / -"]);
        // A PUT of what was read changes nothing; one with a shorter list takes the rest.
        app.reset_counters().await;
        let path = format!("/Users/{user}");
        let mut whole = app.get(&path).await.body;
        app.put(&path, &whole).await.expect_status(200);
        assert_eq!(writes(&app).await, 0);
        let kept = |role: &Value| role["assignment"] == "eligible";
        whole["roles"].as_array_mut().unwrap().retain(kept);
        app.put(&path, &whole).await.expect_status(200);
        let read = app.get(&path).await;
        let left = told(&of(&read, "roles", GROUPS_ADMINISTRATOR));
        assert_eq!(left, [format!("eligible / {end}")]);
    }
}
