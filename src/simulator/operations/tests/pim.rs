//! Scheduled roles: requests, refusals, and what the clock does.

use serde_json::Value;
use time::Duration;

use super::{json, play};
use crate::odata::request::Method;
use crate::simulator::core::{Graph, Options};
use crate::simulator::testing::{get, graph_with, id, outcome, send};

const BASE: &str = "/roleManagement/directory";

fn body(action: &str, user: usize, expiration: Value) -> Value {
    json!({
        "action": action, "principalId": id(1, user).to_string(),
        "roleDefinitionId": id(6, 0).to_string(), "directoryScopeId": "/",
        "justification": "needed", "scheduleInfo": {"expiration": expiration},
    })
}

fn hours(n: usize) -> Value {
    json!({"type": "afterDuration", "duration": format!("PT{n}H")})
}

fn post(graph: &Graph, kind: &str, body: &Value) -> (u16, String) {
    let response = send(
        graph,
        Method::Post,
        &format!("{BASE}/role{kind}ScheduleRequests"),
        body,
    );
    if response.status == 201 {
        let status = response.body_json()["status"].as_str().unwrap().to_owned();
        return (201, status);
    }
    outcome(&response)
}

/// How many there are of a user's.
fn count(graph: &Graph, set: &str, user: usize) -> usize {
    let url = format!("{BASE}/{set}?$filter=principalId eq '{}'", id(1, user));
    let response = get(graph, &url);
    assert_eq!(response.status, 200, "{:?}", response.body_json());
    response.body_json()["value"].as_array().unwrap().len()
}

#[test]
fn requests_and_refusals() {
    let (graph, _) = graph_with(Options::default());
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let assign = || body("adminAssign", 2, hours(8));
    let ok = |status: &str| (201, status.to_owned());
    let bad = |status: u16, code: &str| (status, code.to_owned());
    let nobody = id(8, 8).to_string();
    let policy = "RoleAssignmentRequestPolicyValidationFailed";
    let plain = "Request_BadRequest";
    for (i, (kind, body, expected)) in [
        (
            "Assignment",
            with(assign(), "justification", json!("")),
            bad(400, policy),
        ),
        (
            "Assignment",
            body("selfActivate", 2, hours(8)),
            bad(400, policy),
        ),
        ("Assignment", body("fly", 2, hours(8)), bad(400, plain)),
        (
            "Assignment",
            with(assign(), "principalId", json!(nobody)),
            bad(404, "SubjectNotFound"),
        ),
        (
            "Assignment",
            with(assign(), "roleDefinitionId", json!(nobody)),
            bad(404, "RoleNotFound"),
        ),
        (
            "Assignment",
            with(assign(), "nonsense", json!(1)),
            bad(400, plain),
        ),
        (
            "Assignment",
            with(assign(), "directoryScopeId", json!("/x/y")),
            bad(400, plain),
        ),
        (
            "Assignment",
            with(assign(), "scheduleInfo", json!(null)),
            bad(400, plain),
        ),
        (
            "Assignment",
            body(
                "adminAssign",
                2,
                json!({"type": "afterDuration", "duration": "PT4M"}),
            ),
            bad(400, "ActiveDurationTooShort"),
        ),
        (
            "Assignment",
            body(
                "adminAssign",
                2,
                json!({"type": "afterDateTime", "endDateTime": "2020-01-01T00:00:00Z"}),
            ),
            bad(400, plain),
        ),
        (
            "Assignment",
            body("adminUpdate", 2, hours(8)),
            bad(400, "RoleAssignmentDoesNotExist"),
        ),
        (
            "Assignment",
            body("adminRemove", 2, hours(8)),
            bad(400, "RoleAssignmentDoesNotExist"),
        ),
        (
            "Assignment",
            body("adminRenew", 2, hours(8)),
            bad(400, "RoleAssignmentDoesNotExist"),
        ),
        // Only looked at.
        (
            "Assignment",
            with(assign(), "isValidationOnly", json!(true)),
            ok("Provisioned"),
        ),
        ("Assignment", assign(), ok("Provisioned")),
        ("Assignment", assign(), bad(400, "RoleAssignmentExists")),
        // A direct assignment counts as well.
        (
            "Assignment",
            body("adminAssign", 1, hours(8)),
            bad(400, "RoleAssignmentExists"),
        ),
        (
            "Assignment",
            body("adminExtend", 2, hours(9)),
            ok("Provisioned"),
        ),
        // Eligibility asks for no justification, and may be short.
        (
            "Eligibility",
            with(assign(), "justification", json!(null)),
            ok("Provisioned"),
        ),
        (
            "Eligibility",
            body("adminRemove", 2, hours(8)),
            ok("Revoked"),
        ),
        (
            "Assignment",
            json!({"action": "adminRemove", "principalId": id(1, 2).to_string(),
            "roleDefinitionId": id(6, 0).to_string(), "directoryScopeId": "/"}),
            ok("Revoked"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(post(&graph, kind, &body), expected, "{i}: {body}");
    }
    for set in [
        "roleAssignments",
        "roleAssignmentSchedules",
        "roleEligibilitySchedules",
    ] {
        assert_eq!(count(&graph, set, 2), 0, "{set}");
    }
    assert_eq!(count(&graph, "roleAssignmentScheduleRequests", 2), 3);
}

#[test]
fn the_clock_begins_and_ends() {
    let (graph, clock) = graph_with(Options::default());
    let now = graph.read().now();
    let later = now + Duration::hours(2);
    let mut wanted = body("adminAssign", 2, hours(3));
    let text = |n: i64| crate::simulator::directory::time_text(n);
    wanted["scheduleInfo"]["startDateTime"] =
        json!(text(crate::simulator::directory::ticks(later)));
    assert_eq!(
        post(&graph, "Assignment", &wanted),
        (201, "Granted".to_owned())
    );
    assert_eq!(
        post(&graph, "Eligibility", &body("adminAssign", 3, hours(4))).0,
        201
    );

    let counts = || {
        [
            ("roleAssignmentSchedules", 2),
            ("roleAssignmentScheduleInstances", 2),
            ("roleAssignments", 2),
            ("roleEligibilitySchedules", 3),
            ("roleEligibilityScheduleInstances", 3),
        ]
        .map(|(set, user)| count(&graph, set, user))
    };
    let role_members = || {
        let url = format!("/directoryRoles(roleTemplateId='{}')/members", id(6, 0));
        get(&graph, &url).body_json()["value"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((counts(), role_members()), ([1, 0, 0, 1, 1], 1));
    clock.advance(Duration::hours(2));
    assert_eq!((counts(), role_members()), ([1, 1, 1, 1, 1], 2));
    let requests = get(
        &graph,
        &format!("{BASE}/roleAssignmentScheduleRequests?$expand=principal"),
    );
    let request = &requests.body_json()["value"][0];
    assert_eq!(request["status"], "Provisioned");
    assert_eq!(request["principal"]["id"], id(1, 2).to_string());
    // The schedule keeps the request's id.
    let schedule = format!(
        "{BASE}/roleAssignmentSchedules/{}",
        request["id"].as_str().unwrap()
    );
    let shown = get(&graph, &schedule);
    assert_eq!(
        shown.body_json()["scheduleInfo"]["expiration"]["type"],
        "afterDuration"
    );
    clock.advance(Duration::hours(2));
    assert_eq!(counts(), [1, 1, 1, 0, 0]);
    clock.advance(Duration::hours(1));
    assert_eq!((counts(), role_members()), ([0, 0, 0, 0, 0], 1));
    assert_eq!(get(&graph, &schedule).status, 404);
    // Expired: it can be renewed, which is no extension.
    assert_eq!(
        post(&graph, "Assignment", &body("adminExtend", 2, hours(1))).0,
        400
    );
    assert_eq!(
        post(&graph, "Assignment", &body("adminRenew", 2, hours(1))).0,
        201
    );
    assert_eq!(counts(), [1, 1, 1, 0, 0]);
    clock.advance(Duration::days(46));
    assert_eq!(count(&graph, "roleAssignmentScheduleRequests", 2), 0);
}

#[test]
fn schedules_follow_assignments() {
    let (graph, _) = graph_with(Options::default());
    // User 1 holds the role from the start.
    assert_eq!(count(&graph, "roleAssignmentScheduleInstances", 1), 1);
    let list = get(
        &graph,
        &format!(
            "{BASE}/roleAssignments?$filter=principalId eq '{}'",
            id(1, 1)
        ),
    );
    let assignment = list.body_json()["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut future = body("adminAssign", 4, hours(1));
    future["scheduleInfo"]["startDateTime"] = json!("2099-01-01T00:00:00Z");
    assert_eq!(post(&graph, "Assignment", &future).1, "Granted");
    let requests = get(&graph, &format!("{BASE}/roleAssignmentScheduleRequests"));
    let request = requests.body_json()["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let cancel = format!("{BASE}/roleAssignmentScheduleRequests/{request}/cancel");
    play(
        &graph,
        vec![
            (
                Method::Delete,
                format!("{BASE}/roleAssignments/{assignment}"),
                json!(null),
                204,
                "",
            ),
            (Method::Post, cancel.clone(), json!(null), 204, ""),
            (Method::Post, cancel, json!(null), 400, "canceled"),
            (
                Method::Patch,
                format!("{BASE}/roleAssignmentSchedules/{request}"),
                json!({}),
                404,
                "",
            ),
            (
                Method::Post,
                format!("{BASE}/roleAssignmentSchedules"),
                json!({}),
                405,
                "",
            ),
        ]
        .into_iter()
        .map(|(m, u, b, s, t)| (m, u, b, s, if s > 404 { "not allowed" } else { t }))
        .collect(),
    );
    assert_eq!(count(&graph, "roleAssignmentScheduleInstances", 1), 0);
    assert_eq!(count(&graph, "roleAssignmentSchedules", 4), 0);
}
