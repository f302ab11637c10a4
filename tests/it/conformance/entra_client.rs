//! E: what Microsoft Entra's provisioning service sends.

use serde_json::{Value, json};

use super::sheet::{ENTERPRISE, GROUP, Sheet, USER, created, small, user, user_with};
use crate::support::app::{App, Options, patch_op};

#[tokio::test(flavor = "multi_thread")]
async fn users() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("entra_client::users");
    for filter in [
        "userName eq \"00aa00aa-bb11-cc22-dd33-44ee44ee44ee\"",
        "externalId eq \"00aa00aa-bb11-cc22-dd33-44ee44ee44ee\"",
        "id eq \"00aa00aa-bb11-cc22-dd33-44ee44ee44ee\"",
        "emails[type eq \"work\"].value eq \"nobody@contoso.com\"",
    ] {
        let answer = app.list("/Users", &[("filter", filter)]).await;
        sheet.holds(
            "E01",
            answer.status == 200 && answer.body["totalResults"] == 0,
            &answer,
        );
    }
    let upn = format!("entra.one@{domain}");
    let body = json!({"schemas": [USER, ENTERPRISE], "externalId": "entra.one", "userName": upn, "active": true,
        "emails": [{"primary": true, "type": "work", "value": upn}], "meta": {"resourceType": "User"},
        "displayName": "Entra One",
        "name": {"familyName": "familyName", "givenName": "givenName"}, "roles": []});
    let answer = app.post("/Users", &body).await;
    sheet.holds(
        "E02",
        answer.status == 201 && answer.body["id"].is_string(),
        &answer,
    );
    let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/Users/{id}");
    for filter in [
        format!("userName eq \"{upn}\""),
        "externalId eq \"entra.one\"".to_owned(),
        format!("emails[type eq \"work\"].value eq \"{upn}\""),
        format!("id eq \"{id}\""),
    ] {
        let answer = app.list("/Users", &[("filter", &filter)]).await;
        sheet.holds("E03", answer.ids() == [id.clone()], &answer);
    }
    let manager = created(&app, "/Users", &user("entra.boss", &domain)).await;
    let second = created(&app, "/Users", &user("entra.boss.2", &domain)).await;
    let urn = |name: &str| format!("{ENTERPRISE}:{name}");
    let boss = format!("/{ENTERPRISE}/manager/value");
    let department = format!("/{ENTERPRISE}/department");
    let number = format!("/{ENTERPRISE}/employeeNumber");
    let set_manager = json!({"op": "Add", "path": "manager", "value": [{"$ref": format!("http://x/scim/Users/{manager}"), "value": manager}]});
    let steps: Vec<(&'static str, Value, &str, Value)> = vec![
        (
            "E04",
            json!([{"op": "Add", "path": "title", "value": "Babs"}]),
            "/title",
            json!("Babs"),
        ),
        (
            "E05",
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            "/active",
            json!(false),
        ),
        (
            "E05",
            json!([{"op": "Replace", "path": "active", "value": "True"}]),
            "/active",
            json!(true),
        ),
        (
            "E05",
            json!([{"op": "Replace", "path": "active", "value": false}]),
            "/active",
            json!(false),
        ),
        (
            "E07",
            json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": format!("up.{upn}")},
                       {"op": "Replace", "path": "name.familyName", "value": "updated"},
                       {"op": "Add", "path": urn("department"), "value": "Dep"}]),
            "/name/familyName",
            json!("updated"),
        ),
        (
            "E07",
            json!([{"op": "Replace", "path": format!("{ENTERPRISE}.department"), "value": "Dot"}]),
            &department,
            json!("Dot"),
        ),
        (
            "E08",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": format!("new.{upn}")},
                       {"op": "replace", "value": {"displayName": "Bjfe", "name.givenName": "Kkom",
                        "name.familyName": "Unua", urn("employeeNumber"): "Aklq"}}]),
            &number,
            json!("Aklq"),
        ),
        (
            "E09",
            json!([{"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 5"}]),
            "/phoneNumbers/0/value",
            json!("+1 5"),
        ),
        (
            "E09",
            json!([{"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Bern"}]),
            "/addresses/0/locality",
            json!("Bern"),
        ),
        ("E11", json!([set_manager]), &boss, json!(manager)),
        (
            "E11",
            json!([{"op": "Replace", "path": urn("manager"), "value": second}]),
            &boss,
            json!(second),
        ),
        (
            "E11",
            json!([{"op": "Replace", "path": urn("manager"), "value": {"value": manager}}]),
            &boss,
            json!(manager),
        ),
        (
            "E23",
            json!([{"op": "Replace", "path": urn("manager"), "value": ""}]),
            &boss,
            Value::Null,
        ),
        (
            "E11",
            json!([{"op": "Add", "path": urn("manager"), "value": manager}]),
            &boss,
            json!(manager),
        ),
        (
            "E23",
            json!([{"op": "Replace", "path": urn("manager"), "value": {"value": ""}}]),
            &boss,
            Value::Null,
        ),
        (
            "E11",
            json!([{"op": "Add", "path": format!("{ENTERPRISE}.manager"), "value": manager}]),
            &boss,
            json!(manager),
        ),
        (
            "E23",
            json!([{"op": "Remove", "path": "manager"}]),
            &boss,
            Value::Null,
        ),
        (
            "E19",
            json!([{"op": "Replace", "path": "emails[primary eq \"True\"].value", "value": format!("prim.{upn}")}]),
            "/active",
            json!(false),
        ),
        (
            "E19",
            json!([{"op": "Replace", "path": "emails[primary eq true].value", "value": format!("prim2.{upn}")}]),
            "/active",
            json!(false),
        ),
    ];
    for (row, operations, pointer, wanted) in steps {
        let answer = app
            .patch(&format!("{path}?aadOptscim062020"), &patch_op(operations))
            .await;
        sheet.status(row, &answer, 200);
        let read = app.get(&path).await.body;
        sheet.same(row, read.pointer(pointer).unwrap_or(&Value::Null), &wanted);
    }
    // A disabled user is still there.
    let disabled = app
        .list("/Users", &[("filter", &format!("userName eq \"{upn}\""))])
        .await;
    sheet.holds(
        "E06",
        disabled.ids() == [id.clone()] && disabled.body["Resources"][0]["active"] == false,
        &disabled,
    );
    let fax =
        json!([{"op": "Replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "1"}]);
    let answer = app.patch(&path, &patch_op(fax.clone())).await;
    let made = json!({"type": "fax", "value": "1"});
    let numbers = answer.body["phoneNumbers"].as_array();
    let is_made = numbers.is_some_and(|all| all.contains(&made));
    sheet.holds("E10", answer.status == 200 && is_made, &answer);
    app.patch(
        &path,
        &patch_op(json!([{"op": "Add", "path": "manager", "value": manager}])),
    )
    .await
    .expect_status(200);
    for filter in [
        format!("id eq \"{id}\" and manager eq \"{manager}\""),
        format!("manager eq \"{manager}\" and id eq \"{id}\""),
    ] {
        let answer = app
            .list("/Users", &[("filter", &filter), ("attributes", "id")])
            .await;
        sheet.holds("E16", answer.ids() == [id.clone()], &answer);
    }
    // Directory roles are no app roles: a name that is no role's is refused and nothing is lost.
    let roles = json!([{"op": "Add", "path": "roles", "value": [{"value": "{\"id\":\"06b07648\",\"value\":\"25\",\"displayName\":\"Role1234\"}"}]}]);
    let answer = app.patch(&path, &patch_op(roles)).await;
    sheet.refused("E18", &answer, 400, "invalidValue|noTarget");
    sheet.status("E21", &app.delete(&path).await, 204);
    sheet.refused("E21", &app.delete(&path).await, 404, "");
    // E22: nulls are no values; what an extension has is found without its URN.
    let old = json!({"schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],
        "externalId": "jyoung", "userName": format!("jyoung@{domain}"), "active": "True", "addresses": null,
        "displayName": "Joy Young", "emails": [{"type": "work", "value": "jyoung@Contoso.com", "Primary": "true"}],
        "meta": {"resourceType": "User"}, "name": {"familyName": "Young", "givenName": "Joy"},
        "phoneNumbers": null, "preferredLanguage": null, "title": null, "department": null, "manager": null});
    let answer = app.post("/Users", &old).await;
    sheet.status("E22", &answer, 201);
    sheet.same("E22", &answer.body["active"], &json!(true));
    sheet.finish();

    let lenient = App::with(Options {
        users: 60,
        groups: 8,
        environment: vec![
            (
                "ENTRA_SCIM__SERVER__UNKNOWN_ATTRIBUTES".into(),
                "ignore".into(),
            ),
            (
                "ENTRA_SCIM__SERVER__PATCH_CREATE_ON_NO_MATCH".into(),
                "true".into(),
            ),
        ],
        ..Options::default()
    })
    .await;
    let answer = lenient.post("/Users", &old).await;
    assert_eq!(answer.status, 201, "E22: {}", answer.shown());
    assert_eq!(answer.body["active"], true, "E22: {}", answer.shown());
    let path = format!("/Users/{}", answer.body["id"].as_str().unwrap());
    let answer = lenient.patch(&path, &patch_op(fax)).await;
    assert_eq!(answer.status, 200, "E10: {}", answer.shown());
    let answer = lenient
        .post(
            "/Users",
            &user_with("typo", &domain, json!({"noSuchAttribute": 1})),
        )
        .await;
    assert_eq!(answer.status, 201, "C22: {}", answer.shown());
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("entra_client::groups");
    let body = json!({"schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "entra group",
        "meta": {"resourceType": "Group"}});
    let answer = app.post("/Groups", &body).await;
    sheet.holds(
        "E12",
        answer.status == 201 && answer.body["externalId"] == body["externalId"],
        &answer,
    );
    let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/Groups/{id}");
    let a = created(&app, "/Users", &user("e.a", &domain)).await;
    let b = created(&app, "/Users", &user("e.b", &domain)).await;
    let ops = async |operations: Value| app.patch(&path, &patch_op(operations)).await;
    let both = json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": a}, {"$ref": null, "value": b}]}]);
    let answer = ops(both).await;
    sheet.holds(
        "E17",
        answer.status == 204 && answer.text.is_empty(),
        &answer,
    );
    let answer =
        ops(json!([{"op": "Replace", "path": "displayName", "value": "entra group 2"}])).await;
    sheet.holds(
        "E17",
        answer.status == 204 && answer.text.is_empty(),
        &answer,
    );
    for filter in [
        format!("id eq \"{id}\" and members eq \"{a}\""),
        format!("members eq \"{a}\" and id eq \"{id}\""),
    ] {
        let answer = app
            .list("/Groups", &[("filter", &filter), ("attributes", "id")])
            .await;
        sheet.holds("E15", answer.ids() == [id.clone()], &answer);
    }
    let answer = app
        .list(
            "/Groups",
            &[
                ("excludedAttributes", "members"),
                ("filter", "displayName eq \"entra group 2\""),
            ],
        )
        .await;
    sheet.holds(
        "E15",
        answer.ids() == [id.clone()] && !answer.text.contains("\"members\""),
        &answer,
    );
    // The most dangerous difference: those members only, never all of them.
    let answer =
        ops(json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": a}]}]))
            .await;
    sheet.status("E14", &answer, 204);
    sheet.same("E14", &json!(app.sim_members(&id).await), &json!([b]));
    let answer =
        ops(json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": a}]}]))
            .await;
    sheet.status("E14", &answer, 204);
    sheet.same("E14", &json!(app.sim_members(&id).await), &json!([b]));
    sheet.finish();
}
