//! Operations as stories: each step a request, its status, its error.

use serde_json::{Value, json};

use crate::odata::request::Method::{self, Delete, Get, Patch, Post, Put};
use crate::simulator::core::{Graph, Options};
use crate::simulator::request::{Body, SimRequest};
use crate::simulator::testing::{ORIGIN, get, graph, graph_with, id, outcome, send};

type Step = (Method, String, Value, u16, &'static str);

/// Runs steps; the last column is a part of the error's message.
fn play(graph: &Graph, steps: Vec<Step>) {
    for (i, (method, url, body, status, message)) in steps.into_iter().enumerate() {
        let response = send(graph, method, &url, &body);
        let shown = response.body_json();
        assert_eq!(
            response.status, status,
            "{i}: {method:?} {url} {body}: {shown}"
        );
        let found = shown["error"]["message"].as_str().unwrap_or_default();
        assert!(found.contains(message), "{i}: {method:?} {url}: {shown}");
        assert_eq!(
            status < 400,
            found.is_empty(),
            "{i}: {method:?} {url}: {shown}"
        );
    }
}

fn user(n: usize) -> String {
    format!("/users/{}", id(1, n))
}

fn group(n: usize) -> String {
    format!("/groups/{}", id(2, n))
}

fn reference(id: uuid::Uuid) -> Value {
    json!({"@odata.id": format!("{ORIGIN}/v1.0/directoryObjects/{id}")})
}

fn adele() -> Value {
    json!({
        "accountEnabled": true, "displayName": "Adele Vance", "mailNickname": "AdeleV",
        "userPrincipalName": "AdeleV@contoso.com",
        "passwordProfile": {"forceChangePasswordNextSignIn": true, "password": "xWwvJ]6NMw+bWH-d"},
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[test]
fn a_user_is_created_with_its_default_set() {
    let graph = graph();
    let response = send(&graph, Post, "/users", &adele());
    assert_eq!(response.status, 201);
    let body = response.body_json();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!((keys.len(), keys[1].as_str()), (12, "id"));
    let id = body["id"].as_str().unwrap();
    assert_eq!(
        response.header("Location").unwrap(),
        format!(
            "{ORIGIN}/v2/00000009-0000-0000-0000-000000000001/directoryObjects/{id}/Microsoft.DirectoryServices.User"
        )
    );
    let shown = get(
        &graph,
        "/users/adelev@CONTOSO.com?$select=userType,accountEnabled,passwordProfile,createdDateTime",
    );
    let shown = shown.body_json();
    assert_eq!(
        (&shown["userType"], &shown["accountEnabled"]),
        (&json!("Member"), &json!(true))
    );
    assert_eq!(shown["passwordProfile"]["password"], Value::Null);
    assert_eq!(shown["createdDateTime"], "2027-01-15T08:00:00Z");
}

#[test]
fn what_a_user_cannot_be() {
    let graph = graph();
    let post = |name: &str, value: Value, message: &'static str| -> Step {
        (
            Post,
            "/users".to_owned(),
            with(adele(), name, value),
            400,
            message,
        )
    };
    let invalid = "One or more property values specified are invalid.";
    play(
        &graph,
        vec![
            post(
                "accountEnabled",
                Value::Null,
                "specified for property 'accountEnabled'",
            ),
            post(
                "displayName",
                json!(""),
                "Invalid value specified for property 'displayName' of resource 'User'.",
            ),
            post("passwordProfile", Value::Null, invalid),
            post(
                "passwordProfile",
                json!({"password": "short"}),
                "does not comply with password complexity requirements",
            ),
            post(
                "passwordProfile",
                json!({"forceChangePasswordNextSignIn": true}),
                invalid,
            ),
            post(
                "userPrincipalName",
                json!("user1@contoso.com"),
                "Another object with the same value for property userPrincipalName already exists.",
            ),
            post(
                "userPrincipalName",
                json!("a@fabrikam.com"),
                "The domain portion of the userPrincipalName property is invalid.",
            ),
            post(
                "userPrincipalName",
                json!("nobody"),
                "property 'userPrincipalName'",
            ),
            post(
                "mail",
                json!("user1@contoso.com"),
                "Another object with the same value for property proxyAddresses already exists.",
            ),
            post("nope", json!(1), invalid),
            post("jobTitle", json!(5), "property 'jobTitle'"),
            post("jobTitle", json!("x".repeat(129)), "property 'jobTitle'"),
            post("employeeId", json!("x".repeat(17)), "property 'employeeId'"),
            post(
                "businessPhones",
                json!(["1", "2"]),
                "property 'businessPhones'",
            ),
            post("usageLocation", json!("USA"), "property 'usageLocation'"),
            post(
                "employeeOrgData",
                json!({"division": "x"}),
                "property 'employeeOrgData'",
            ),
            post(
                "createdDateTime",
                json!("2024-01-01T00:00:00Z"),
                "Property 'createdDateTime' is read-only",
            ),
            post("proxyAddresses", json!(["smtp:a@b.c"]), "read-only"),
            post("jobTitle", json!("x".repeat(128)), "").into_created(),
            (
                Post,
                "/users".to_owned(),
                adele(),
                400,
                "userPrincipalName already exists",
            ),
        ],
    );
}

trait IntoCreated {
    fn into_created(self) -> Self;
}

impl IntoCreated for Step {
    fn into_created(mut self) -> Self {
        self.3 = 201;
        self
    }
}

#[test]
fn a_user_changes() {
    let graph = graph();
    let patch = |n: usize, body: Value, status: u16, message: &'static str| -> Step {
        (Patch, user(n), body, status, message)
    };
    play(
        &graph,
        vec![
            patch(1, json!({"jobTitle": "Boss", "department": null}), 204, ""),
            patch(1, json!({"displayName": null}), 400, "displayName"),
            patch(1, json!({"usageLocation": null}), 400, "usageLocation"),
            patch(
                1,
                json!({"userPrincipalName": "user2@contoso.com"}),
                400,
                "userPrincipalName already exists",
            ),
            patch(
                1,
                json!({"userPrincipalName": "user1b@contoso.com"}),
                204,
                "",
            ),
            (
                Get,
                "/users/user1@contoso.com".into(),
                Value::Null,
                404,
                "does not exist",
            ),
            (
                Get,
                "/users/user1b@contoso.com".into(),
                Value::Null,
                200,
                "",
            ),
            patch(
                1,
                json!({"mail": "user2@contoso.com"}),
                400,
                "proxyAddresses already exists",
            ),
            patch(1, json!({"aboutMe": "x"}), 403, "Insufficient privileges"),
            patch(1, json!({"aboutMe": "x", "jobTitle": "y"}), 400, "aboutMe"),
            patch(
                5,
                json!({"jobTitle": "x"}),
                400,
                "on-premises mastered Directory Sync objects",
            ),
            patch(5, json!({"usageLocation": "DE"}), 204, ""),
            patch(
                1,
                json!({"onPremisesExtensionAttributes": {"extensionAttribute1": "a"}}),
                204,
                "",
            ),
            patch(
                1,
                json!({"onPremisesExtensionAttributes": {"extensionAttribute2": "b"}}),
                204,
                "",
            ),
            (
                Post,
                format!("{}/revokeSignInSessions", user(1)),
                Value::Null,
                200,
                "",
            ),
            (
                Put,
                user(1),
                json!({}),
                405,
                "Specified HTTP method is not allowed",
            ),
        ],
    );
    let shown = get(
        &graph,
        &format!(
            "{}?$select=jobTitle,department,onPremisesExtensionAttributes",
            user(1)
        ),
    );
    let shown = shown.body_json();
    assert_eq!(
        (&shown["jobTitle"], &shown["department"]),
        (&json!("Boss"), &Value::Null)
    );
    let extensions = &shown["onPremisesExtensionAttributes"];
    assert_eq!(
        (
            &extensions["extensionAttribute1"],
            &extensions["extensionAttribute2"]
        ),
        (&json!("a"), &json!("b"))
    );
    let (open, _) = graph_with(Options {
        profile_by_application: true,
        ..Options::default()
    });
    play(&open, vec![patch(1, json!({"aboutMe": "x"}), 204, "")]);
}

#[test]
fn the_recycle_bin() {
    let graph = graph();
    let bin = "/directory/deletedItems";
    let taken = with(adele(), "userPrincipalName", json!("user2@contoso.com"));
    play(
        &graph,
        vec![
            (Delete, user(2), Value::Null, 204, ""),
            (Get, user(2), Value::Null, 404, "does not exist"),
            (Get, format!("{bin}/{}", id(1, 2)), Value::Null, 200, ""),
            (
                Get,
                format!("{bin}/microsoft.graph.user"),
                Value::Null,
                200,
                "",
            ),
            (
                Post,
                format!("{bin}/{}/restore", id(1, 2)),
                Value::Null,
                200,
                "",
            ),
            (Get, user(2), Value::Null, 200, ""),
            (Delete, user(2), Value::Null, 204, ""),
            (Post, "/users".into(), taken, 201, ""),
            (
                Post,
                format!("{bin}/{}/restore", id(1, 2)),
                Value::Null,
                400,
                "userPrincipalName already exists",
            ),
            (Delete, format!("{bin}/{}", id(1, 2)), Value::Null, 204, ""),
            (
                Get,
                format!("{bin}/{}", id(1, 2)),
                Value::Null,
                404,
                "does not exist",
            ),
            (Delete, group(0), Value::Null, 204, ""),
            (
                Get,
                format!("{bin}/{}", id(2, 0)),
                Value::Null,
                404,
                "does not exist",
            ),
            (Delete, group(2), Value::Null, 204, ""),
            (Get, format!("{bin}/{}", id(2, 2)), Value::Null, 200, ""),
            // Without `$ref` the member itself is deleted.
            (
                Delete,
                format!("{}/members/{}", group(1), id(1, 110)),
                Value::Null,
                204,
                "",
            ),
            (Get, user(110), Value::Null, 404, "does not exist"),
        ],
    );
    let listed = get(&graph, &format!("{bin}/microsoft.graph.user"));
    assert_eq!(listed.body_json()["value"].as_array().unwrap().len(), 2);
    // Memberships of a deleted user are out of sight and come back with it.
    let count = |graph: &Graph| get(graph, &format!("!{}/members/$count", group(1))).body;
    assert_eq!(count(&graph), Body::Text("0".into()));
    play(
        &graph,
        vec![(
            Post,
            format!("{bin}/{}/restore", id(1, 110)),
            Value::Null,
            200,
            "",
        )],
    );
    assert_eq!(count(&graph), Body::Text("1".into()));
}

#[test]
fn managers_and_reports() {
    let graph = graph();
    let manager = |n: usize| format!("{}/manager/$ref", user(n));
    play(
        &graph,
        vec![
            (
                Get,
                format!("{}/manager", user(0)),
                Value::Null,
                404,
                "Resource 'manager' does not exist or one of its queried reference-property objects are not present.",
            ),
            (Put, manager(0), reference(id(1, 1)), 204, ""),
            (Get, format!("{}/manager", user(0)), Value::Null, 200, ""),
            (Put, manager(0), reference(id(1, 2)), 204, ""),
            (Put, manager(0), reference(id(1, 0)), 400, "invalid"),
            (
                Put,
                manager(0),
                json!({"@odata.id": format!("https://elsewhere/v1.0/users/{}", id(1, 1))}),
                400,
                "invalid",
            ),
            (
                Put,
                manager(0),
                reference(id(1, 999)),
                404,
                "does not exist",
            ),
            (Put, manager(5), reference(id(1, 1)), 400, "on-premises"),
            (Post, manager(0), reference(id(1, 1)), 405, "not allowed"),
            (Delete, manager(0), Value::Null, 204, ""),
            (Delete, manager(0), Value::Null, 404, "Resource 'manager'"),
        ],
    );
}

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
fn photos_and_mailboxes() {
    let graph = graph();
    let url = format!("{}/photo/$value", user(1));
    assert_eq!(
        outcome(&get(&graph, &url)),
        (404, "ImageNotFound".to_owned())
    );
    let mut put = SimRequest::new(Put, &url, ORIGIN).header_set("Content-Type", "image/jpeg");
    put.body = bytes::Bytes::from_static(b"\xff\xd8");
    assert_eq!(graph.handle(&put).status, 200);
    let photo = get(&graph, &url);
    assert_eq!(
        (photo.status, photo.header("Content-Type")),
        (200, Some("image/jpeg"))
    );
    assert_eq!(send(&graph, Delete, &url, &Value::Null).status, 204);

    let settings = format!("{}/mailboxSettings", user(1));
    let replies = json!({"automaticRepliesSetting": {"status": "alwaysEnabled"}});
    let changed = send(&graph, Patch, &settings, &replies);
    assert_eq!(
        changed.body_json()["automaticRepliesSetting"]["externalAudience"],
        "none"
    );
    assert_eq!(
        get(&graph, &settings).body_json()["automaticRepliesSetting"]["status"],
        "alwaysEnabled"
    );
    assert_eq!(
        get(&graph, &format!("{settings}/timeZone")).body_json()["value"],
        "UTC"
    );
    let adele = send(&graph, Post, "/users", &adele()).body_json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    play(
        &graph,
        vec![
            (Patch, settings.clone(), json!({"nope": 1}), 400, "invalid"),
            (
                Patch,
                settings.clone(),
                json!({"userPurpose": "room"}),
                400,
                "read-only",
            ),
            (Patch, settings, json!({"timeZone": 5}), 400, "timeZone"),
            (
                Get,
                format!("/users/{adele}/mailboxSettings"),
                Value::Null,
                404,
                "The SMTP address has no mailbox associated with it.",
            ),
        ],
    );
}

#[test]
fn guests() {
    let graph = graph();
    let body =
        json!({"invitedUserEmailAddress": "a@gmail.com", "inviteRedirectUrl": "https://x.y"});
    let first = send(&graph, Post, "/invitations", &body);
    assert_eq!(
        (first.status, &first.body_json()["status"]),
        (201, &json!("PendingAcceptance"))
    );
    let again = send(&graph, Post, "/invitations", &body);
    let id = first.body_json()["invitedUser"]["id"].clone();
    assert_eq!(again.body_json()["invitedUser"]["id"], id);
    let guest = get(
        &graph,
        "/users/a_gmail.com%23EXT%23@contoso.onmicrosoft.com?$select=userType,externalUserState",
    );
    assert_eq!(guest.body_json()["userType"], "Guest");
    play(
        &graph,
        vec![(
            Post,
            "/invitations".into(),
            json!({"inviteRedirectUrl": "https://x.y"}),
            400,
            "invalid",
        )],
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
            assign(0, id(1, 1), "/", 400, "The Role assignment already exists."),
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
                "already exist",
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

#[test]
fn bodies_and_headers() {
    let graph = graph();
    let no_type = SimRequest {
        body: bytes::Bytes::from_static(b"{}"),
        ..SimRequest::new(Post, "/users", ORIGIN)
    };
    assert_eq!(graph.handle(&no_type).status, 400);
    let broken = SimRequest {
        body: bytes::Bytes::from_static(b"{"),
        ..no_type
            .clone()
            .header_set("content-type", "application/json")
    };
    assert_eq!(
        outcome(&graph.handle(&broken)),
        (400, "BadRequest".to_owned())
    );
    let request = SimRequest::new(Get, "/users/x", ORIGIN).header_set("client-request-id", "abc");
    let response = graph.handle(&request);
    assert_eq!(response.header("client-request-id"), Some("abc"));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(
        response.body_json()["error"]["innerError"]["client-request-id"],
        "abc"
    );
    assert_eq!(
        response.body_json()["error"]["innerError"]["date"],
        "2027-01-15T08:00:00"
    );
    let deleted = send(&graph, Delete, &user(1), &Value::Null);
    for (name, value) in [
        ("x-ms-resource-unit", Some("1")),
        ("content-type", None),
        ("odata-version", None),
    ] {
        assert_eq!(deleted.header(name), value, "{name}");
    }
    assert_eq!(
        get(&graph, "/users").header("x-ms-resource-unit"),
        Some("2")
    );
    assert_eq!(get(&graph, "/users").header("odata-version"), Some("4.0"));
}

#[test]
fn batches() {
    let graph = graph();
    let run = |requests: Value| send(&graph, Post, "/$batch", &json!({"requests": requests}));
    let by_id = |response: &crate::simulator::request::SimResponse, id: &str| {
        let all = response.body_json()["responses"].as_array().unwrap();
        all.iter().find(|r| r["id"] == id).unwrap().clone()
    };
    let patch = |id: &str, n: usize, after: Value| json!({"id": id, "method": "PATCH", "url": user(n), "headers": {"Content-Type": "application/json"}, "body": {"jobTitle": id}, "dependsOn": after});
    let response = run(json!([
        {"id": "a", "method": "GET", "url": "/users?$top=1&$select=id"},
        {"id": "b", "method": "GET", "url": "users/nobody"},
        {"id": "c", "method": "GET", "url": user(1), "dependsOn": ["b"]},
        patch("d", 1, Value::Null),
        patch("e", 1, Value::Null),
        patch("f", 1, json!(["d"])),
        {"id": "g", "method": "GET", "url": "/users/$count", "headers": {"ConsistencyLevel": "eventual"}},
        {"id": "h", "method": "GET", "url": "/$batch"},
    ]));
    assert_eq!(response.status, 200);
    let statuses: Vec<Value> = "abcdefgh"
        .chars()
        .map(|c| by_id(&response, &c.to_string())["status"].clone())
        .collect();
    assert_eq!(
        Value::from(statuses),
        json!([200, 404, 424, 204, 409, 204, 200, 405])
    );
    assert_eq!(by_id(&response, "a")["headers"]["x-ms-resource-unit"], "1");
    assert!(
        by_id(&response, "a")["body"]["@odata.nextLink"]
            .as_str()
            .unwrap()
            .starts_with(ORIGIN)
    );
    assert_eq!(
        by_id(&response, "e")["body"]["error"]["code"],
        "Directory_ConcurrencyViolation"
    );
    assert_eq!(by_id(&response, "g")["body"], 119);
    let twenty: Vec<Value> = (0..20)
        .map(|n| json!({"id": n.to_string(), "method": "GET", "url": "/users/x"}))
        .collect();
    let mut more = twenty.clone();
    more.push(json!({"id": "x", "method": "GET", "url": "/users"}));
    for (requests, status) in [
        (Value::from(twenty), 200),
        (Value::from(more), 400),
        (
            json!([{"id": "1", "method": "GET", "url": "/users"}, {"id": "1", "method": "GET", "url": "/users"}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "GET", "url": "/users", "dependsOn": ["2"]}, {"id": "2", "method": "GET", "url": "/users", "dependsOn": ["1"]}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "GET", "url": "https://graph.microsoft.com/v1.0/users"}]),
            400,
        ),
        (
            json!([{"id": "1", "method": "POST", "url": "/users", "body": {}}]),
            400,
        ),
        (json!("x"), 400),
    ] {
        assert_eq!(run(requests.clone()).status, status, "{requests}");
    }
    let (calm, _) = graph_with(Options {
        concurrency_violations: false,
        ..Options::default()
    });
    let both = send(
        &calm,
        Post,
        "/$batch",
        &json!({"requests": [patch("d", 1, Value::Null), patch("e", 1, Value::Null)]}),
    );
    assert_eq!(by_id(&both, "e")["status"], 204);
}
