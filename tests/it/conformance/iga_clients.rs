//! O, I: Okta, SailPoint, midPoint, authentik and others.

use serde_json::{Value, json};

use super::sheet::{GROUP, Sheet, USER, created, small, user};
use crate::support::app::patch_op;

#[tokio::test(flavor = "multi_thread")]
async fn okta() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("iga_clients::okta");
    let answer = app.get("/Users?startIndex=1&count=2").await;
    sheet.holds(
        "O01",
        answer.ids().len() == 2 && answer.body["itemsPerPage"] == 2,
        &answer,
    );
    let answer = app
        .list(
            "/Users",
            &[
                ("filter", "userName eq \"no\""),
                ("startIndex", "1"),
                ("count", "100"),
            ],
        )
        .await;
    sheet.holds(
        "O01",
        answer.status == 200 && answer.body["totalResults"] == 0,
        &answer,
    );
    let upn = format!("okta.one@{domain}");
    let body = json!({"schemas": [USER], "userName": upn, "name": {"givenName": "O", "familyName": "K"},
        "emails": [{"primary": true, "value": upn, "type": "work"}], "displayName": "O K",
        "preferredLanguage": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [],
        "password": "xWwvJ]6NMw+bWH-d", "active": true});
    let answer = app.post("/Users", &body).await;
    sheet.holds(
        "O02",
        answer.status == 201
            && answer.body["id"].is_string()
            && answer.body["externalId"] == "00ujl29u0le5T6Aj10h7",
        &answer,
    );
    let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/Users/{id}");
    let answer = app
        .patch(
            &path,
            &patch_op(json!([{"op": "replace", "value": {"active": false}}])),
        )
        .await;
    sheet.holds(
        "O03",
        answer.status == 200 && answer.body["active"] == false,
        &answer,
    );
    let mut whole = app.get(&path).await.body;
    whole["active"] = json!(true);
    let answer = app.put(&path, &whole).await;
    sheet.holds(
        "O03",
        answer.status == 200 && answer.body["active"] == true,
        &answer,
    );

    let b = created(&app, "/Users", &user("okta.two", &domain)).await;
    let group = created(
        &app,
        "/Groups",
        &json!({"schemas": [GROUP], "displayName": "Okta", "members": []}),
    )
    .await;
    let path = format!("/Groups/{group}");
    let rename =
        patch_op(json!([{"op": "replace", "value": {"id": group, "displayName": "Okta 2"}}]));
    for _ in 0..2 {
        let answer = app.patch(&path, &rename).await;
        sheet.holds("O04", [200, 204].contains(&answer.status), &answer);
    }
    sheet.same(
        "O04",
        &app.get(&path).await.body["displayName"],
        &json!("Okta 2"),
    );
    app.patch(
        &path,
        &patch_op(
            json!([{"op": "add", "path": "members", "value": [{"value": id, "display": upn}]}]),
        ),
    )
    .await
    .expect_status(204);
    let swap = patch_op(json!([
        {"op": "remove", "path": format!("members[value eq \"{id}\"]")},
        {"op": "add", "path": "members", "value": [{"value": b, "display": "okta.two"}]}]));
    let answer = app.patch(&path, &swap).await;
    sheet.holds("O05", [200, 204].contains(&answer.status), &answer);
    sheet.same("O05", &json!(app.sim_members(&group).await), &json!([b]));
    let answer = app
        .put(
            &path,
            &json!({"schemas": [GROUP], "id": group, "displayName": "Okta 3",
            "members": [{"value": id, "display": upn}]}),
        )
        .await;
    sheet.holds(
        "O06",
        answer.status == 200 && answer.body["displayName"] == "Okta 3",
        &answer,
    );
    sheet.same("O06", &json!(app.sim_members(&group).await), &json!([id]));
    // Okta's header mode sends the token without the scheme.
    let token = app.issue_token("read:*", None).await;
    let answer = app
        .with_token(None)
        .request("GET", "/Users?count=1", None, &[("authorization", &token)])
        .await;
    sheet.status("O07", &answer, 200);
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn others() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("iga_clients::others");
    // scimgateway: no schemas, nulls, an empty attributes=.
    let body = json!({"userName": format!("gate@{domain}"), "displayName": "gate", "title": null, "emails": null});
    let answer = app.post("/Users?attributes=", &body).await;
    sheet.status("I02", &answer, 201);
    let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/Users/{id}");
    // Its PATCH comes without schemas.
    let operations = json!([{"op": "replace", "value": {"title": "no schemas"}}]);
    let answer = app.patch(&path, &json!({"Operations": operations})).await;
    sheet.status("I02", &answer, 200);
    sheet.same("I02", &answer.body["title"], &json!("no schemas"));
    sheet.status("I02", &app.patch(&path, &patch_op(operations)).await, 200);
    // midPoint: page numbers as indexes; exactly what is asked for.
    let all = app.get("/Users?count=1000&attributes=id").await.ids();
    for start in 1..4 {
        let page = app
            .get(&format!("/Users?startIndex={start}&count=25&attributes=id"))
            .await;
        sheet.same(
            "I03",
            &json!(page.ids()),
            &json!(all[start - 1..start + 24]),
        );
    }
    // authentik: the whole group in a path-less replace; one add per member.
    let group = created(
        &app,
        "/Groups",
        &json!({"displayName": "auth", "externalId": "auth-1"}),
    )
    .await;
    let path = format!("/Groups/{group}");
    let whole = json!([{"op": "replace", "value": {"schemas": [GROUP], "id": group, "externalId": "auth-1", "displayName": "auth 2"}}]);
    let answer = app.patch(&path, &patch_op(whole)).await;
    sheet.holds("I04", [200, 204].contains(&answer.status), &answer);
    sheet.same(
        "I04",
        &app.get(&path).await.body["displayName"],
        &json!("auth 2"),
    );
    let more = created(&app, "/Users", &user("auth.b", &domain)).await;
    let adds: Vec<Value> = [&id, &more]
        .iter()
        .map(|m| json!({"op": "add", "path": "members", "value": [{"value": m}]}))
        .collect();
    app.patch(&path, &patch_op(json!(adds)))
        .await
        .expect_status(204);
    let mut members = app.sim_members(&group).await;
    members.sort_unstable();
    let mut wanted = [id, more];
    wanted.sort_unstable();
    sheet.same("I04", &json!(members), &json!(wanted));
    // OneLogin's template: a schema of SCIM 1.0.
    let mut body = user("onelogin", &domain);
    body["schemas"] = json!(["urn:scim:schemas:core:1.0"]);
    app.post("/Users", &body).await.expect_status(201);
    // Saviynt's: texts for booleans, blanks, an address of a type that has no place.
    let body = json!({"schemas": [USER], "userName": format!("saviynt@{domain}"), "active": "true",
        "displayName": "Sa Viynt", "profileUrl": "", "emails": [
            {"value": "s@x.example", "type": "work", "primary": "true"},
            {"value": "h@x.example", "type": "home", "primary": "false"}]});
    let answer = app.post("/Users", &body).await.expect_status(201);
    assert_eq!(answer.body["active"], true);
    assert_eq!(
        answer.header("x-entra-scim-ignored"),
        Some("profileUrl, emails")
    );
    sheet.finish();
}
