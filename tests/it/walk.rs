//! The life of a user, as clients live it, each step seen in the simulated tenant itself.

use serde_json::{Value, json};

use crate::support::app::{App, patch_op, quoted};

const SPE_E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ENTRA: &str = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User";

/// Every filter that must find exactly the one user.
fn filters(id: &str, upn: &str, manager: &str) -> Vec<String> {
    let local = upn.split('@').next().unwrap();
    vec![
        format!("id eq {}", quoted(id)),
        format!("userName eq {}", quoted(upn)),
        format!("USERNAME EQ {}", quoted(&upn.to_uppercase())),
        format!("userName sw {}", quoted(local)),
        format!(
            "userName ew {} and department eq \"Walking\"",
            quoted(&upn[3..])
        ),
        "externalId eq \"walker.one\"".to_owned(),
        "displayName eq \"Walker O'Brien 😀\"".to_owned(),
        "displayName sw \"Walker O'Br\"".to_owned(),
        "name.givenName eq \"Walker\" and name.familyName eq \"O'Brien\"".to_owned(),
        "title eq \"Chief Walker\"".to_owned(),
        "title eq \"Chief Walker\" and active eq true".to_owned(),
        format!("{ENTERPRISE}:department eq \"Walking\""),
        format!("{ENTERPRISE}:employeeNumber eq \"W-1\""),
        "addresses[type eq \"work\"].locality eq \"Berlin\" and title eq \"Chief Walker\""
            .to_owned(),
        format!("{ENTRA}:usageLocation eq \"DE\" and title eq \"Chief Walker\""),
        "phoneNumbers[type eq \"mobile\" and value eq \"+49 170 1\"]".to_owned(),
        "not (active eq false) and title sw \"Chief W\"".to_owned(),
        "title eq \"Chief Walker\" or title eq \"Nobody has this title\"".to_owned(),
        format!("manager eq {} and id eq {}", quoted(manager), quoted(id)),
        format!("id eq {} and manager eq {}", quoted(id), quoted(manager)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_from_hire_to_leave() {
    let app = App::start().await;
    let manager = app.any_user().await;
    let upn = format!("walker.one@{}", app.domain().await);

    // A user with manager and licence.
    let created = app
        .post(
            "/Users",
            &json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE, ENTRA],
                "userName": upn, "externalId": "walker.one", "active": true,
                "displayName": "Walker O'Brien 😀", "title": "Chief Walker",
                "name": {"givenName": "Walker", "familyName": "O'Brien"},
                "password": "xWwvJ]6NMw+bWH-d",
                "addresses": [{"type": "work", "locality": "Berlin"}],
                "phoneNumbers": [{"type": "mobile", "value": "+49 170 1"}],
                "entitlements": [{"value": SPE_E3}],
                ENTERPRISE: {"department": "Walking", "employeeNumber": "W-1", "manager": {"value": manager}},
                ENTRA: {"usageLocation": "DE"},
            }),
        )
        .await
        .expect_status(201);
    let id = created.body["id"].as_str().unwrap().to_owned();
    assert_eq!(
        created.header("location"),
        created.body["meta"]["location"].as_str()
    );
    assert_eq!(created.body["displayName"], "Walker O'Brien 😀");
    assert_eq!(
        created.body.get("password"),
        None,
        "a password is never returned"
    );
    assert_eq!(
        created.body[ENTERPRISE]["manager"]["value"],
        manager.as_str()
    );
    let seen = app.sim_object(&id).await;
    assert_eq!(seen["userPrincipalName"], upn.as_str());
    assert_eq!(seen["department"], "Walking");
    assert_eq!(seen["mailNickname"], "walker.one");
    assert_eq!(app.sim_licences(&id).await, [SPE_E3]);
    assert_eq!(
        app.sim_manager(&id).await.as_deref(),
        Some(manager.as_str())
    );

    // Group membership.
    let group = app
        .post(
            "/Groups",
            &json!({"displayName": "Walkers", "members": [{"value": id}]}),
        )
        .await
        .expect_status(201);
    let group_id = group.body["id"].as_str().unwrap().to_owned();
    assert_eq!(app.sim_members(&group_id).await, std::slice::from_ref(&id));
    let read = app.get(&format!("/Users/{id}")).await.expect_status(200);
    let groups: Vec<&Value> = read.body["groups"].as_array().unwrap().iter().collect();
    assert!(
        groups
            .iter()
            .any(|g| g["value"] == group_id.as_str() && g["type"] == "direct"),
        "{groups:?}"
    );
    assert_eq!(read.header("etag"), read.body["meta"]["version"].as_str());

    // Found by every filter that Graph can answer.
    for filter in filters(&id, &upn, &manager) {
        let found = app
            .list("/Users", &[("filter", &filter)])
            .await
            .expect_status(200);
        assert_eq!(found.body["totalResults"], 1, "{filter}: {}", found.body);
        assert_eq!(found.body["Resources"][0]["id"], id.as_str(), "{filter}");
    }
    let members = format!("groups.value eq {}", quoted(&group_id));
    let found = app
        .list("/Users", &[("filter", &members)])
        .await
        .expect_status(200);
    assert_eq!(found.ids(), std::slice::from_ref(&id));
    let both = format!("id eq {} and members eq {}", quoted(&group_id), quoted(&id));
    let found = app
        .list("/Groups", &[("filter", &both), ("attributes", "id")])
        .await
        .expect_status(200);
    assert_eq!(found.ids(), std::slice::from_ref(&group_id));

    // PATCH as Entra's provisioning service does: old shapes and new ones.
    app.patch(
        &format!("/Users/{id}"),
        &patch_op(json!([
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": format!("mail.{upn}")},
            {"op": "Add", "path": "name.familyName", "value": "Renamed"},
            {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Running"},
            {"op": "Add", "path": "phoneNumbers[type eq \"fax\"].value", "value": "+49 30 2"},
        ])),
    )
    .await
    .expect_status(200);
    app.patch(
        &format!("/Users/{id}?aadOptscim062020"),
        &patch_op(json!([{"op": "replace", "value": {
            "displayName": "Walker Renamed", "name.givenName": "Wanda",
            format!("{ENTERPRISE}:employeeNumber"): "W-2",
        }}])),
    )
    .await
    .expect_status(200);
    let seen = app.sim_object(&id).await;
    for (property, expected) in [
        ("mail", json!(format!("mail.{upn}"))),
        ("surname", json!("Renamed")),
        ("givenName", json!("Wanda")),
        ("department", json!("Running")),
        ("displayName", json!("Walker Renamed")),
        ("employeeId", json!("W-2")),
        ("faxNumber", json!("+49 30 2")),
        ("jobTitle", json!("Chief Walker")),
    ] {
        assert_eq!(seen[property], expected, "{property}");
    }

    // Disabled, as Entra says it, and still found.
    let disabled = app
        .patch(
            &format!("/Users/{id}"),
            &patch_op(json!([{"op": "Replace", "path": "active", "value": "False"}])),
        )
        .await
        .expect_status(200);
    assert_eq!(disabled.body["active"], false);
    assert_eq!(app.sim_object(&id).await["accountEnabled"], false);
    let found = app
        .list(
            "/Users",
            &[("filter", &format!("userName eq {}", quoted(&upn)))],
        )
        .await
        .expect_status(200);
    assert_eq!(found.body["Resources"][0]["active"], false);

    // Licence away.
    app.patch(
        &format!("/Users/{id}"),
        &patch_op(
            json!([{"op": "remove", "path": format!("entitlements[value eq \"{SPE_E3}\"]")}]),
        ),
    )
    .await
    .expect_status(200);
    assert!(app.sim_licences(&id).await.is_empty());

    // Password reset with force-change, manager away.
    app.patch(
        &format!("/Users/{id}"),
        &patch_op(json!([
            {"op": "replace", "path": "password", "value": "An0ther-Passw0rd!"},
            {"op": "replace", "path": format!("{ENTRA}:passwordForceChangeOnNextSignIn"), "value": true},
            {"op": "Replace", "path": "manager", "value": ""},
        ])),
    )
    .await
    .expect_status(200);
    assert_eq!(app.sim_manager(&id).await, None);

    // Gone: 404 on every method, in no list, out of the group.
    app.delete(&format!("/Users/{id}")).await.expect_status(204);
    assert!(!app.sim_exists(&id).await);
    app.get(&format!("/Users/{id}")).await.expect_status(404);
    app.delete(&format!("/Users/{id}")).await.expect_status(404);
    app.patch(
        &format!("/Users/{id}"),
        &patch_op(json!([{"op": "replace", "path": "title", "value": "x"}])),
    )
    .await
    .expect_status(404);
    let found = app
        .list(
            "/Users",
            &[("filter", &format!("userName eq {}", quoted(&upn)))],
        )
        .await
        .expect_status(200);
    assert_eq!(found.body["totalResults"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_follow_up_leaves_nothing_behind() {
    let app = App::start().await;
    let upn = format!("half.done@{}", app.domain().await);
    // No usageLocation: the licence cannot be assigned.
    let refused = app
        .post(
            "/Users",
            &json!({"userName": upn, "entitlements": [{"value": SPE_E3}]}),
        )
        .await
        .expect_status(400);
    assert!(
        refused.detail().contains("usageLocation"),
        "{}",
        refused.detail()
    );
    let found = app
        .list(
            "/Users",
            &[("filter", &format!("userName eq {}", quoted(&upn)))],
        )
        .await
        .expect_status(200);
    assert_eq!(found.body["totalResults"], 0);
    assert_eq!(app.sim_user_by_upn(&upn).await, None);
}
