//! Users: their lives, managers, photos, mailboxes.

use serde_json::{Value, json};

use super::{Step, adele, group, play, reference, user, with};
use crate::odata::request::Method::{Delete, Get, Patch, Post, Put};
use crate::simulator::core::{Graph, Options};
use crate::simulator::request::{Body, SimRequest};
use crate::simulator::testing::{ORIGIN, get, graph, graph_with, id, outcome, send};

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
    let no_password = "A password must be specified to create a new user.";
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
            post("passwordProfile", Value::Null, no_password),
            post(
                "passwordProfile",
                json!({"password": "short"}),
                "does not comply with password complexity requirements",
            ),
            post(
                "passwordProfile",
                json!({"forceChangePasswordNextSignIn": true}),
                no_password,
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
