//! C: POST.

use serde_json::{Value, json};

use super::sheet::{
    ENTERPRISE, GROUP, Sheet, UNKNOWN, USER, created, only, small, user, user_with,
};

#[tokio::test(flavor = "multi_thread")]
async fn create() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("create::create");
    let answer = app.post("/Users", &user("first", &domain)).await;
    sheet.status("C01", &answer, 201);
    let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
    let location = answer.header("location").unwrap_or_default().to_owned();
    sheet.same("C02", &answer.body["meta"]["location"], &json!(location));
    sheet.holds(
        "C02",
        location.ends_with(&format!("/scim/v2/Users/{id}")),
        &answer,
    );
    let read = app.get(&format!("/Users/{id}")).await;
    sheet.holds("C03", !id.is_empty() && !id.contains("bulkId"), &answer);
    sheet.same("C03", &read.body["id"], &json!(id));
    sheet.same("C04", &answer.body["meta"]["resourceType"], &json!("User"));

    let body = user_with(
        "own",
        &domain,
        json!({"id": "x", "meta": {"created": "2001-01-01T00:00:00Z", "resourceType": "Group"},
               "groups": [{"value": UNKNOWN}], "roles": []}),
    );
    let answer = app.post("/Users", &body).await;
    sheet.status("C06", &answer, 201);
    sheet.holds(
        "C06",
        answer.body["id"] != "x"
            && answer.body["meta"]["resourceType"] == "User"
            && answer.body.get("groups").is_none_or(|g| g == &json!([]))
            && answer.body["meta"]["created"] != "2001-01-01T00:00:00Z",
        &answer,
    );
    sheet.refused(
        "C07",
        &app.post("/Users", &user("first", &domain)).await,
        409,
        "uniqueness",
    );
    let mut other = user("first2", &domain);
    other["userName"] = json!(format!("FIRST@{domain}"));
    sheet.refused("C08", &app.post("/Users", &other).await, 409, "uniqueness");
    for body in [
        json!({"schemas": [USER], "displayName": "x"}),
        json!({"schemas": [USER], "userName": ""}),
        json!({"schemas": [USER], "userName": null}),
    ] {
        sheet.refused(
            "C09",
            &app.post("/Users", &body).await,
            400,
            "invalidValue|invalidSyntax",
        );
    }
    let answer = app
        .post(
            "/Users",
            &user_with(
                "secretive",
                &domain,
                json!({"password": "xWwvJ]6NMw+bWH-d"}),
            ),
        )
        .await;
    let path = format!("/Users/{}", answer.body["id"].as_str().unwrap_or_default());
    for answer in [
        answer,
        app.get(&path).await,
        app.get(&format!("{path}?attributes=password,userName"))
            .await,
        app.list(
            "/Users",
            &[("filter", &format!("userName eq \"secretive@{domain}\""))],
        )
        .await,
    ] {
        sheet.holds(
            "C11",
            answer.status < 300
                && !answer.text.contains("\"password\"")
                && !answer.text.contains("xWwv"),
            &answer,
        );
    }
    let answer = app
        .post(
            "/Users",
            &user_with(
                "nulls",
                &domain,
                json!({"title": null, "phoneNumbers": [], "addresses": null, "roles": [],
                       "name": {"givenName": null}, "emails": [], "entitlements": [],
                       ENTERPRISE: {"manager": null, "department": null}}),
            ),
        )
        .await;
    sheet.status("C12", &answer, 201);
    for name in ["title", "phoneNumbers", "addresses", "name", "emails"] {
        sheet.holds("C12", answer.body.get(name).is_none(), &answer);
    }
    let answer = app
        .post(
            "/Users",
            &json!({"SCHEMAS": [USER], "USERNAME": format!("upper@{domain}"), "displayname": "U"}),
        )
        .await;
    sheet.status("C13", &answer, 201);
    sheet.same(
        "C13",
        &answer.body["userName"],
        &json!(format!("upper@{domain}")),
    );

    let mut body = user_with(
        "enterprise",
        &domain,
        json!({ENTERPRISE: {"department": "D", "employeeNumber": "7", "manager": {"value": id}},
               "externalId": "AbC", "title": "T"}),
    );
    body["schemas"] = json!([USER, ENTERPRISE, USER]);
    let answer = app.post("/Users", &body).await;
    sheet.status("C14", &answer, 201);
    let path = format!("/Users/{}", answer.body["id"].as_str().unwrap_or_default());
    let read = app.get(&path).await;
    for answer in [&answer, &read] {
        let extension = &answer.body[ENTERPRISE];
        sheet.holds(
            "C14",
            extension["department"] == "D" && extension["employeeNumber"] == "7",
            answer,
        );
        let schemas: Vec<&str> = answer.body["schemas"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let mut distinct = schemas.clone();
        distinct.sort_unstable();
        distinct.dedup();
        sheet.holds("C14", schemas.contains(&ENTERPRISE), answer);
        sheet.holds(
            "C10",
            distinct.len() == schemas.len() && schemas.contains(&USER),
            answer,
        );
        sheet.same("C15", &answer.body["externalId"], &json!("AbC"));
        let manager = &extension["manager"];
        sheet.same("C21", &manager["value"], &json!(id));
        let reference = manager["$ref"].as_str().unwrap_or_default();
        sheet.holds("C21", reference.ends_with(&format!("/Users/{id}")), answer);
    }
    let emails = json!({"emails": [
        {"type": "work", "value": "a@example.com", "primary": true},
        {"type": "other", "value": "b@example.com", "primary": true}]});
    let answer = app
        .post("/Users", &user_with("primaries", &domain, emails))
        .await;
    let primaries = answer.body["emails"]
        .as_array()
        .map_or(0, |e| e.iter().filter(|e| e["primary"] == true).count());
    sheet.holds("C16", answer.status == 400 || primaries <= 1, &answer);
    for wrong in [
        json!({"active": "maybe"}),
        json!({"emails": "x"}),
        json!({"name": "x"}),
        json!({"title": {"a": 1}}),
    ] {
        let answer = app
            .post("/Users", &user_with("wrong", &domain, wrong))
            .await;
        sheet.refused("C17", &answer, 400, "invalidValue|invalidSyntax");
    }
    let answer = app
        .post("/Users?attributes=userName", &user("projected", &domain))
        .await;
    sheet.holds(
        "C18",
        answer.status == 201 && only(&answer.body, &["userName"]),
        &answer,
    );
    let answer = app
        .post(
            "/Users?excludedAttributes=displayName,active",
            &user("excluded", &domain),
        )
        .await;
    sheet.holds(
        "C18",
        answer.status == 201
            && answer.body.get("displayName").is_none()
            && answer.body["userName"].is_string(),
        &answer,
    );
    let answer = app
        .put(&format!("/Users/{UNKNOWN}"), &user("nobody", &domain))
        .await;
    sheet.refused("C19", &answer, 404, "");
    let gone = created(&app, "/Users", &user("again", &domain)).await;
    app.delete(&format!("/Users/{gone}"))
        .await
        .expect_status(204);
    let answer = app.post("/Users", &user("again", &domain)).await;
    sheet.holds(
        "C20",
        answer.status == 201 && answer.body["id"] != gone.as_str(),
        &answer,
    );
    // Open rows: refused, with a text that names the attribute (docs/conformance.md).
    let answer = app
        .post(
            "/Users",
            &user_with("typo", &domain, json!({"noSuchAttribute": 1})),
        )
        .await;
    sheet.refused(
        "C22",
        &answer,
        400,
        "invalidSyntax|invalidValue|invalidPath",
    );
    sheet.holds("C22", answer.detail().contains("noSuchAttribute"), &answer);
    // Clients that send none are many; one schema is what the endpoint says anyway.
    let mut body = user("bare", &domain);
    body.as_object_mut().unwrap().remove("schemas");
    sheet.status("C23", &app.post("/Users", &body).await, 201);
    for body in [
        json!({}),
        json!({"schemas": [GROUP]}),
        json!({"schemas": [GROUP], "displayName": ""}),
    ] {
        let answer = app.post("/Groups", &body).await;
        sheet.refused("C24", &answer, 400, "invalidValue|invalidSyntax");
    }
    sheet.finish();
}
