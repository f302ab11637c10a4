//! U: PUT.

use serde_json::json;

use super::sheet::{ENTERPRISE, Sheet, UNKNOWN, USER, created, small, user, user_with};

#[tokio::test(flavor = "multi_thread")]
async fn put() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("put::put");
    created(&app, "/Users", &user("other.one", &domain)).await;
    let body = user_with(
        "put.one",
        &domain,
        json!({"title": "T", "name": {"givenName": "G", "familyName": "F"}, "externalId": "put1",
               "phoneNumbers": [{"type": "work", "value": "+1 1"}, {"type": "fax", "value": "+1 2"}],
               "emails": [{"type": "work", "value": "p@example.com", "primary": true}],
               ENTERPRISE: {"department": "D", "manager": {"value": app.any_user().await}}}),
    );
    let id = created(&app, "/Users", &body).await;
    let path = format!("/Users/{id}");

    // Exactly what GET gave changes nothing.
    let got = app.get(&path).await;
    let same = app.put(&path, &got.body).await;
    sheet.status("U07", &same, 200);
    sheet.same("U07", &same.body, &got.body);
    sheet.same("U07", &app.get(&path).await.body, &got.body);

    let body = user_with(
        "put.one",
        &domain,
        json!({"displayName": "New", "title": "T2"}),
    );
    let answer = app.put(&path, &body).await;
    sheet.status("U01", &answer, 200);
    sheet.same("U01", &answer.body["id"], &json!(id));
    let read = app.get(&path).await;
    for answer in [&answer, &read] {
        sheet.holds(
            "U01",
            answer.body["title"] == "T2"
                && answer.body["displayName"] == "New"
                && answer.body.get("name").is_none()
                && answer.body.get("phoneNumbers").is_none()
                && answer.body[ENTERPRISE].get("department").is_none(),
            answer,
        );
    }
    sheet.same("U01", &answer.body, &read.body);

    let mut body = user_with(
        "put.one",
        &domain,
        json!({"id": "x", "meta": {"resourceType": "Group", "created": "2001-01-01T00:00:00Z"},
               "groups": [{"value": UNKNOWN}]}),
    );
    let answer = app.put(&path, &body).await;
    sheet.holds(
        "U02",
        answer.status == 200
            && answer.body["id"] == id.as_str()
            && answer.body["meta"]["resourceType"] == "User",
        &answer,
    );
    body.as_object_mut().unwrap().remove("userName");
    sheet.refused("U03", &app.put(&path, &body).await, 400, "invalidValue");
    sheet.refused(
        "U04",
        &app.put(&path, &user("other.one", &domain)).await,
        409,
        "uniqueness",
    );

    app.put(
        &path,
        &user_with(
            "put.one",
            &domain,
            json!({"title": "T", "phoneNumbers": [{"type": "fax", "value": "1"}]}),
        ),
    )
    .await
    .expect_status(200);
    let answer = app
        .put(
            &path,
            &user_with(
                "put.one",
                &domain,
                json!({"title": null, "phoneNumbers": []}),
            ),
        )
        .await;
    sheet.holds(
        "U05",
        answer.status == 200
            && answer.body.get("title").is_none()
            && answer.body.get("phoneNumbers").is_none(),
        &answer,
    );
    // Z12: immutable values are kept when left out, refused when they would change.
    let urn = "urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group";
    let group = created(
        &app,
        "/Groups",
        &json!({"displayName": "Roled", urn: {"isAssignableToRole": true}}),
    )
    .await;
    let path = format!("/Groups/{group}");
    let answer = app.put(&path, &json!({"displayName": "Roled 2"})).await;
    assert_eq!(answer.status, 200, "Z12: {}", answer.shown());
    assert_eq!(
        answer.body[urn]["isAssignableToRole"],
        true,
        "Z12: {}",
        answer.shown()
    );
    let answer = app
        .put(
            &path,
            &json!({"displayName": "R", urn: {"isAssignableToRole": false}}),
        )
        .await;
    assert_eq!(
        (answer.status, &answer.body["scimType"]),
        (400, &json!("mutability")),
        "Z12: {}",
        answer.shown()
    );
    assert_eq!(app.get(&format!("/Schemas/{USER}")).await.status, 200);
    sheet.finish();
}
