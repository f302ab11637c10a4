//! Licences, and applications.

use serde_json::{Value, json};

use super::{Step, group, play, reference, user, with};
use crate::odata::request::Method::{Delete, Get, Patch, Post};
use crate::simulator::core::Options;
use crate::simulator::testing::{get, graph, graph_with, id, send};

#[test]
fn licences_of_users() {
    let graph = graph();
    let assign =
        |n: usize, add: Value, remove: Value, status: u16, message: &'static str| -> Step {
            let body = json!({"addLicenses": add, "removeLicenses": remove});
            (
                Post,
                format!("{}/assignLicense", user(n)),
                body,
                status,
                message,
            )
        };
    let e5 = |disabled: Value| json!([{"skuId": id(3, 0), "disabledPlans": disabled}]);
    let none = || json!([]);
    let consumed =
        || get(&graph, "/subscribedSkus").body_json()["value"][0]["consumedUnits"].clone();
    assert_eq!(consumed(), 1);
    play(
        &graph,
        vec![
            (
                Post,
                format!("{}/assignLicense", user(2)),
                json!({"addLicenses": []}),
                400,
                "The missing parameters are: removeLicenses.",
            ),
            assign(
                6,
                e5(none()),
                none(),
                400,
                "License assignment cannot be done for user with invalid usage location.",
            ),
            assign(2, e5(json!([id(4, 0)])), none(), 200, ""),
            assign(2, e5(json!([id(4, 1)])), none(), 200, ""),
            assign(2, e5(json!([id(4, 2)])), none(), 400, "invalid"),
            assign(
                2,
                json!([{"skuId": id(3, 9)}]),
                none(),
                400,
                "does not correspond to a valid company License",
            ),
            assign(3, e5(none()), none(), 200, ""),
            assign(
                4,
                e5(none()),
                none(),
                400,
                "Subscription with SKU 00000003-0000-0000-0000-000000000001 does not have any available licenses.",
            ),
            assign(
                4,
                none(),
                json!([id(3, 0)]),
                400,
                "does not have a corresponding license",
            ),
            assign(3, none(), json!([id(3, 0)]), 200, ""),
            assign(4, e5(none()), none(), 200, ""),
        ],
    );
    let shown = get(&graph, &format!("{}?$select=assignedLicenses", user(2)));
    assert_eq!(
        shown.body_json()["assignedLicenses"],
        json!([{"disabledPlans": [id(4, 1)], "skuId": id(3, 0)}])
    );
    let details = get(&graph, &format!("{}/licenseDetails", user(2)));
    assert_eq!(
        details.body_json()["value"][0]["servicePlans"][1]["provisioningStatus"],
        "Disabled"
    );
    // A deleted user frees its seat; restored, it holds it again.
    assert_eq!(consumed(), 3);
    play(&graph, vec![(Delete, user(4), Value::Null, 204, "")]);
    assert_eq!(consumed(), 2);
    play(
        &graph,
        vec![(
            Post,
            format!("/directory/deletedItems/{}/restore", id(1, 4)),
            Value::Null,
            200,
            "",
        )],
    );
    assert_eq!(consumed(), 3);
}

#[test]
fn licences_of_groups() {
    let (graph, clock) = graph_with(Options::default());
    graph.write().licences.group_delay = time::Duration::seconds(60);
    let states = |n: usize| {
        let url = format!(
            "{}?$select=licenseAssignmentStates,assignedLicenses",
            user(n)
        );
        get(&graph, &url).body_json().clone()
    };
    let state = || {
        get(
            &graph,
            &format!("{}?$select=licenseProcessingState", group(6)),
        )
        .body_json()["licenseProcessingState"]["state"]
            .clone()
    };
    let body = json!({"addLicenses": [{"skuId": id(3, 0)}], "removeLicenses": []});
    let accepted = send(&graph, Post, &format!("{}/assignLicense", group(6)), &body);
    assert_eq!(
        (accepted.status, state()),
        (202, json!("QueuedForProcessing"))
    );
    assert_eq!(states(2)["assignedLicenses"], json!([]));
    clock.advance(time::Duration::seconds(61));
    assert_eq!(
        states(2)["licenseAssignmentStates"][0]["assignedByGroup"],
        json!(id(2, 6))
    );
    assert_eq!(
        (
            states(3)["assignedLicenses"].as_array().unwrap().len(),
            state()
        ),
        (1, json!("ProcessingComplete"))
    );

    let assign =
        |n: usize, add: Value, remove: Value, status: u16, message: &'static str| -> Step {
            let body = json!({"addLicenses": add, "removeLicenses": remove});
            (
                Post,
                format!("{}/assignLicense", user(n)),
                body,
                status,
                message,
            )
        };
    play(
        &graph,
        vec![
            assign(
                2,
                json!([]),
                json!([id(3, 0)]),
                400,
                "inherited from a group membership",
            ),
            // Three seats: users 1, 2, 3 hold them. User 4 joins and finds none left, 6 has no location.
            (
                Post,
                format!("{}/members/$ref", group(6)),
                reference(id(1, 4)),
                204,
                "",
            ),
            (
                Post,
                format!("{}/members/$ref", group(6)),
                reference(id(1, 6)),
                204,
                "",
            ),
            (
                Delete,
                format!("{}/members/{}/$ref", group(6), id(1, 3)),
                Value::Null,
                204,
                "",
            ),
        ],
    );
    clock.advance(time::Duration::seconds(61));
    assert_eq!(
        states(4)["licenseAssignmentStates"][0]["error"],
        "CountViolation"
    );
    assert_eq!(
        states(6)["licenseAssignmentStates"][0]["error"],
        "ProhibitedInUsageLocationViolation"
    );
    assert_eq!(states(3)["licenseAssignmentStates"], json!([]));
    let failing = get(
        &graph,
        "/groups?$filter=hasMembersWithLicenseErrors eq true",
    );
    assert_eq!(failing.body_json()["value"].as_array().unwrap().len(), 1);
    let group = failing.body_json()["value"][0]["id"].as_str().unwrap();
    let members = get(
        &graph,
        &format!("/groups/{group}/membersWithLicenseErrors?$select=id"),
    );
    let members = members.body_json()["value"].as_array().unwrap().clone();
    let ids: Vec<&Value> = members.iter().map(|member| &member["id"]).collect();
    assert!(
        ids.contains(&&json!(id(1, 4))) && ids.contains(&&json!(id(1, 6))),
        "{ids:?}"
    );
    assert!(!ids.contains(&&json!(id(1, 3))), "{ids:?}");
    play(
        &graph,
        vec![(
            Post,
            format!("{}/reprocessLicenseAssignment", user(4)),
            Value::Null,
            200,
            "",
        )],
    );
    clock.advance(time::Duration::seconds(61));
    assert_eq!(states(4)["licenseAssignmentStates"][0]["state"], "Active");
}

#[test]
fn applications() {
    let graph = graph();
    let app = send(&graph, Post, "/applications", &json!({"displayName": "X"}));
    assert_eq!(app.status, 201, "{:?}", app.body_json());
    let (object, app_id) = (
        app.body_json()["id"].as_str().unwrap(),
        app.body_json()["appId"].clone(),
    );
    let url = format!("/applications/{object}");
    let secret = send(
        &graph,
        Post,
        &format!("{url}/addPassword"),
        &json!({"passwordCredential": {"displayName": "k"}}),
    );
    assert!(secret.body_json()["secretText"].as_str().unwrap().len() > 30);
    let shown = get(&graph, &url).body_json().clone();
    assert_eq!(shown["passwordCredentials"][0]["secretText"], Value::Null);
    let role = json!({"id": id(8, 1), "displayName": "R", "description": "d", "value": "R", "isEnabled": true, "allowedMemberTypes": ["User"]});
    let key = json!({"keyId": secret.body_json()["keyId"]});
    play(
        &graph,
        vec![
            (
                Post,
                "/servicePrincipals".into(),
                json!({"appId": app_id}),
                201,
                "",
            ),
            (
                Post,
                "/servicePrincipals".into(),
                json!({"appId": app_id}),
                409,
                "already in use",
            ),
            (
                Post,
                "/servicePrincipals".into(),
                json!({"appId": id(8, 8)}),
                400,
                "does not reference a valid application object",
            ),
            (
                Get,
                format!("/applications(appId='{}')", app_id.as_str().unwrap()),
                Value::Null,
                200,
                "",
            ),
            (
                Get,
                format!("/applications/{}", app_id.as_str().unwrap()),
                Value::Null,
                404,
                "does not exist",
            ),
            (
                Patch,
                url.clone(),
                json!({"passwordCredentials": []}),
                400,
                "read-only",
            ),
            (
                Patch,
                url.clone(),
                json!({"appRoles": [role.clone()]}),
                204,
                "",
            ),
            (
                Patch,
                url.clone(),
                json!({"appRoles": []}),
                400,
                "unless disabled first",
            ),
            (
                Patch,
                url.clone(),
                json!({"appRoles": [with(role, "isEnabled", json!(false))]}),
                204,
                "",
            ),
            (Patch, url.clone(), json!({"appRoles": []}), 204, ""),
            (Post, format!("{url}/removePassword"), key.clone(), 204, ""),
            (
                Post,
                format!("{url}/removePassword"),
                key,
                400,
                "No password credential",
            ),
            (Delete, url.clone(), Value::Null, 204, ""),
            (Get, url, Value::Null, 404, "does not exist"),
            (
                Get,
                format!("/servicePrincipals(appId='{}')", app_id.as_str().unwrap()),
                Value::Null,
                404,
                "does not exist",
            ),
        ],
    );
}
