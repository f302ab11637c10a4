//! Groups, members, roles, administrative units.

use serde_json::{Value, json};

use super::{Step, group, play, reference, user, with};
use crate::odata::request::Method::{Delete, Get, Patch, Post};
use crate::simulator::testing::{ORIGIN, get, graph, id, outcome, send};

#[test]
fn group_kinds() {
    let graph = graph();
    let security = || json!({"displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true});
    let unified = || json!({"displayName": "G", "mailEnabled": true, "mailNickname": "g", "securityEnabled": false, "groupTypes": ["Unified"]});
    let post = |body: Value, status: u16, message: &'static str| -> Step {
        (Post, "/groups".to_owned(), body, status, message)
    };
    let bind = |range: std::ops::Range<usize>| -> Value {
        range
            .map(|n| json!(format!("{ORIGIN}/v1.0/users/{}", id(1, n))))
            .collect()
    };
    let invalid = "One or more property values specified are invalid.";
    play(
        &graph,
        vec![
            post(security(), 201, ""),
            post(security(), 201, ""),
            post(unified(), 201, ""),
            post(
                unified(),
                400,
                "Another object with the same value for property mailNickname already exists.",
            ),
            post(
                with(security(), "mailEnabled", json!(true)),
                400,
                "Cannot Create a mail-enabled security groups",
            ),
            post(
                with(security(), "securityEnabled", json!(false)),
                400,
                invalid,
            ),
            post(
                with(security(), "mailNickname", json!("a b")),
                400,
                "mailNickname",
            ),
            post(with(security(), "membershipRule", json!("x")), 400, invalid),
            post(
                with(
                    with(security(), "groupTypes", json!(["DynamicMembership"])),
                    "membershipRule",
                    json!("x"),
                ),
                201,
                "",
            ),
            post(with(security(), "isAssignableToRole", json!(true)), 201, ""),
            post(
                with(security(), "allowExternalSenders", json!(true)),
                400,
                invalid,
            ),
            post(
                with(security(), "members@odata.bind", bind(10..30)),
                201,
                "",
            ),
            post(
                with(security(), "members@odata.bind", bind(10..31)),
                400,
                "maximum of '20'",
            ),
            post(
                with(
                    with(security(), "members@odata.bind", bind(10..25)),
                    "owners@odata.bind",
                    bind(10..16),
                ),
                400,
                "maximum of '20'",
            ),
            post(
                with(
                    with(security(), "members@odata.bind", bind(10..25)),
                    "owners@odata.bind",
                    bind(10..15),
                ),
                201,
                "",
            ),
            (
                Patch,
                group(0),
                json!({"displayName": "X", "description": "d"}),
                204,
                "",
            ),
            (
                Patch,
                group(0),
                json!({"isAssignableToRole": true}),
                400,
                "read-only",
            ),
            (
                Patch,
                group(0),
                json!({"description": ""}),
                400,
                "description",
            ),
            (
                Patch,
                group(5),
                json!({"displayName": "X"}),
                400,
                "Cannot Update a mail-enabled security groups and or distribution list.",
            ),
            (
                Patch,
                group(2),
                json!({"allowExternalSenders": true}),
                200,
                "",
            ),
            (
                Patch,
                group(2),
                json!({"allowExternalSenders": true, "displayName": "x"}),
                400,
                invalid,
            ),
        ],
    );
}

#[test]
fn members_and_owners() {
    let graph = graph();
    let add = |g: usize, member: uuid::Uuid, status: u16, message: &'static str| -> Step {
        (
            Post,
            format!("{}/members/$ref", group(g)),
            reference(member),
            status,
            message,
        )
    };
    let remove =
        |g: usize, part: &str, member: uuid::Uuid, status: u16, message: &'static str| -> Step {
            (
                Delete,
                format!("{}/{part}/{member}/$ref", group(g)),
                Value::Null,
                status,
                message,
            )
        };
    let bind = |range: std::ops::Range<usize>| -> Value {
        range
            .map(|n| json!(format!("{ORIGIN}/v1.0/directoryObjects/{}", id(1, n))))
            .collect()
    };
    let patch = |members: Value, status: u16, message: &'static str| -> Step {
        (
            Patch,
            group(6),
            json!({"members@odata.bind": members}),
            status,
            message,
        )
    };
    let exists = "One or more added object references already exist for the following modified properties: 'members'.";
    let absent = "One or more removed object references do not exist for the following modified properties: 'members'.";
    let twice = json!([bind(50..51)[0], bind(50..51)[0]]);
    play(
        &graph,
        vec![
            add(6, id(1, 9), 204, ""),
            add(6, id(1, 9), 400, exists),
            add(6, id(1, 999), 404, "does not exist"),
            add(6, id(1, 7), 404, "does not exist"),
            add(6, id(2, 1), 204, ""),
            add(6, id(2, 2), 400, "invalid"),
            add(6, id(2, 6), 400, "invalid"),
            add(2, id(2, 1), 400, "invalid"),
            add(2, id(1, 1), 204, ""),
            add(3, id(1, 1), 400, "dynamic membership"),
            add(4, id(2, 1), 400, "invalid"),
            add(5, id(1, 1), 400, "Cannot Update a mail-enabled"),
            remove(6, "members", id(1, 9), 204, ""),
            remove(6, "members", id(1, 9), 400, absent),
            remove(3, "members", id(1, 9), 400, "dynamic membership"),
            patch(bind(20..40), 204, ""),
            patch(bind(40..61), 400, "maximum of '20'"),
            // All or nothing: 39 is a member, so 41 does not become one.
            patch(json!([bind(41..42)[0], bind(39..40)[0]]), 400, exists),
            add(6, id(1, 41), 204, ""),
            patch(
                twice,
                400,
                "Request contains a property with duplicate values",
            ),
            (
                Post,
                format!("{}/owners/$ref", group(1)),
                reference(id(1, 1)),
                400,
                "'owners'",
            ),
            remove(1, "owners", id(1, 1), 204, ""),
            remove(
                1,
                "owners",
                id(1, 2),
                400,
                "The group must have at least one owner, hence this owner cannot be removed.",
            ),
            (
                Post,
                format!("{}/owners/$ref", group(1)),
                reference(id(7, 2)),
                204,
                "",
            ),
            (
                Post,
                format!("{}/owners/$ref", group(1)),
                reference(id(2, 2)),
                400,
                "invalid",
            ),
        ],
    );
    for n in 0..98 {
        let url = format!("{}/owners/$ref", group(1));
        assert_eq!(
            send(&graph, Post, &url, &reference(id(1, 10 + n))).status,
            204,
            "{n}"
        );
    }
    let full = send(
        &graph,
        Post,
        &format!("{}/owners/$ref", group(1)),
        &reference(id(1, 8)),
    );
    assert_eq!(outcome(&full), (403, "Directory_QuotaExceeded".to_owned()));
}

#[test]
fn membership_checks() {
    let graph = graph();
    let values = |url: String, body: Value| {
        let response = send(&graph, Post, &url, &body);
        assert_eq!(
            (response.status, response.header("Location")),
            (200, Some(ORIGIN))
        );
        response.body_json()["value"].clone()
    };
    let ids = json!([id(2, 0), id(2, 1), id(2, 4)]);
    assert_eq!(
        values(
            format!("{}/checkMemberGroups", user(0)),
            json!({"groupIds": ids})
        ),
        json!([id(2, 0), id(2, 1)])
    );
    assert_eq!(
        values(
            format!("/directoryObjects/{}/checkMemberObjects", id(1, 0)),
            json!({"ids": ids})
        ),
        json!([id(2, 0), id(2, 1)])
    );
    assert_eq!(
        values(
            format!("{}/getMemberGroups", user(110)),
            json!({"securityEnabledOnly": false})
        ),
        json!([id(2, 1)])
    );
    let found = values(
        "/directoryObjects/getByIds".into(),
        json!({"ids": [id(1, 3), id(2, 0), id(8, 8), id(1, 1)], "types": ["user"]}),
    );
    let found: Vec<&Value> = found.as_array().unwrap().iter().map(|v| &v["id"]).collect();
    assert_eq!(found, [&json!(id(1, 1)), &json!(id(1, 3))]);
    let many: Vec<Value> = (0..21).map(|n| json!(id(2, n))).collect();
    play(
        &graph,
        vec![
            (
                Post,
                format!("{}/checkMemberGroups", user(0)),
                json!({"groupIds": many}),
                400,
                "invalid",
            ),
            (
                Post,
                format!("{}/getMemberGroups", user(0)),
                json!({}),
                400,
                "invalid",
            ),
        ],
    );
}

#[test]
fn roles_and_units() {
    let graph = graph();
    let (definitions, assignments) = (
        "/roleManagement/directory/roleDefinitions",
        "/roleManagement/directory/roleAssignments",
    );
    let assign = |role: usize,
                  principal: uuid::Uuid,
                  scope: &str,
                  status: u16,
                  message: &'static str|
     -> Step {
        let body = json!({"roleDefinitionId": id(6, role), "principalId": principal, "directoryScopeId": scope});
        (Post, assignments.to_owned(), body, status, message)
    };
    let unit = format!("/administrativeUnits/{}", id(5, 0));
    let custom = json!({"displayName": "X", "isEnabled": true, "rolePermissions": [{"allowedResourceActions": ["a"]}]});
    let activated = get(&graph, "/directoryRoles").body_json()["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let members = format!("/directoryRoles/{activated}/members");
    play(
        &graph,
        vec![
            assign(
                0,
                id(1, 1),
                "/",
                400,
                "A conflicting object with one or more",
            ),
            assign(0, id(1, 2), "/", 201, ""),
            assign(0, id(1, 1), &unit, 201, ""),
            assign(1, id(2, 4), "/", 201, ""),
            assign(1, id(2, 0), "/", 400, "invalid"),
            assign(1, id(8, 0), "/", 404, "does not exist"),
            assign(5, id(1, 1), "/", 404, "does not exist"),
            assign(
                1,
                id(1, 1),
                "/administrativeUnits/nope",
                404,
                "does not exist",
            ),
            assign(1, id(1, 1), "nope", 400, "invalid"),
            (Post, definitions.into(), custom, 201, ""),
            (
                Patch,
                format!("{definitions}/{}", id(6, 0)),
                json!({"displayName": "x"}),
                400,
                "Built-in",
            ),
            (
                Patch,
                format!("{definitions}/{}", id(6, 1)),
                json!({"displayName": "x"}),
                204,
                "",
            ),
            (
                Delete,
                format!("{definitions}/{}", id(6, 0)),
                Value::Null,
                400,
                "Built-in",
            ),
            (
                Delete,
                format!("{definitions}/{}", id(6, 1)),
                Value::Null,
                204,
                "",
            ),
            (
                Post,
                format!("{members}/$ref"),
                reference(id(1, 3)),
                204,
                "",
            ),
            (
                Post,
                format!("{members}/$ref"),
                reference(id(1, 3)),
                400,
                "already exist",
            ),
            (
                Delete,
                format!("{members}/{}/$ref", id(1, 2)),
                Value::Null,
                204,
                "",
            ),
            (
                Get,
                format!("/directoryRoles(roleTemplateId='{}')", id(6, 0)),
                Value::Null,
                200,
                "",
            ),
            (
                Get,
                format!("/directoryRoles/roleTemplateId={}", id(6, 0)),
                Value::Null,
                200,
                "",
            ),
            (
                Post,
                "/directoryRoles".into(),
                json!({"roleTemplateId": id(6, 0)}),
                400,
                "conflicting object",
            ),
            (
                Post,
                "/directory/administrativeUnits".into(),
                json!({"displayName": "U"}),
                201,
                "",
            ),
            (
                Post,
                format!("/directory{unit}/members/$ref"),
                reference(id(1, 3)),
                400,
                "A conflicting object",
            ),
            (
                Post,
                format!("/directory{unit}/members/$ref"),
                reference(id(2, 1)),
                204,
                "",
            ),
        ],
    );
    let of = |principal: uuid::Uuid| {
        let url = format!("{assignments}?$filter=principalId eq '{principal}'");
        get(&graph, &url).body_json()["value"]
            .as_array()
            .unwrap()
            .clone()
    };
    // The id that the recordings show: base64url(definition ‖ principal)-1.
    assert_eq!(
        of(id(1, 3))[0]["id"],
        "BgAAAAAAAAAAAAAAAAAAAQEAAAAAAAAAAAAAAAAAAAQ-1"
    );
    assert_eq!(
        (of(id(1, 1)).len(), of(id(1, 2)).len(), of(id(2, 4)).len()),
        (2, 0, 0)
    );
    assert_eq!(
        get(&graph, &members).body_json()["value"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
