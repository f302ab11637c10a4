//! R: GET of one resource, projection.

use serde_json::json;

use super::sheet::{ENTERPRISE, ENTRA, Sheet, UNKNOWN, USER, created, only, small, user_with};

#[tokio::test(flavor = "multi_thread")]
async fn read() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("read::read");
    let body = user_with(
        "reader",
        &domain,
        json!({"title": "T", "name": {"givenName": "G", "familyName": "F"},
               "emails": [{"type": "work", "value": "reader@example.com", "primary": true}],
               ENTERPRISE: {"department": "D", "division": "V", "costCenter": "C"}}),
    );
    let id = created(&app, "/Users", &body).await;
    let path = format!("/Users/{id}");
    let whole = app.get(&path).await;
    sheet.status("R01", &whole, 200);
    sheet.same("R01", &whole.body["id"], &json!(id));
    sheet.same(
        "R02",
        &json!(whole.header("location")),
        &whole.body["meta"]["location"],
    );
    for unknown in [UNKNOWN, "no-guid"] {
        let answer = app.get(&format!("/Users/{unknown}")).await;
        sheet.refused("R03", &answer, 404, "");
    }
    let asked = async |query: &str| app.get(&format!("{path}?{query}")).await;
    let a = asked("attributes=userName").await;
    sheet.holds("R04", only(&a.body, &["userName"]), &a);
    let a = asked("attributes=name.givenName").await;
    sheet.holds(
        "R05",
        only(&a.body, &["name"]) && a.body["name"] == json!({"givenName": "G"}),
        &a,
    );
    let a = asked("attributes=name").await;
    sheet.same("R05", &a.body["name"], &whole.body["name"]);
    let a = asked(&format!(
        "attributes={USER}:userName,%20{ENTERPRISE}:department"
    ))
    .await;
    sheet.holds(
        "R06",
        only(&a.body, &["userName", ENTERPRISE])
            && a.body[ENTERPRISE] == json!({"department": "D"}),
        &a,
    );
    let a = asked(&format!("attributes={ENTERPRISE}")).await;
    sheet.holds(
        "R06",
        only(&a.body, &[ENTERPRISE]) && a.body[ENTERPRISE] == whole.body[ENTERPRISE],
        &a,
    );
    let a = asked(&format!("attributes={USER}:name.givenName")).await;
    sheet.same("R06", &a.body["name"], &json!({"givenName": "G"}));
    let a = asked(&format!(
        "excludedAttributes={ENTERPRISE}:department,{ENTRA}"
    ))
    .await;
    sheet.holds(
        "R06",
        a.body[ENTERPRISE]["division"] == "V"
            && a.body[ENTERPRISE].get("department").is_none()
            && a.body.get(ENTRA).is_none(),
        &a,
    );
    let a = asked("attributes=USERNAME,NAME.GIVENNAME").await;
    sheet.holds("R07", only(&a.body, &["userName", "name"]), &a);
    let a = asked("excludedAttributes=emails,id,userName").await;
    sheet.holds(
        "R08",
        a.body.get("emails").is_none()
            && a.body["id"] == id.as_str()
            && a.body.get("userName").is_none()
            && a.body["title"] == "T",
        &a,
    );
    let a = app.get("/Users?attributes=userName&count=3").await;
    sheet.holds(
        "R09",
        a.body["Resources"]
            .as_array()
            .is_some_and(|r| r.len() == 3 && r.iter().all(|r| only(r, &["userName"]))),
        &a,
    );
    for path in [
        "/Users?noSuchParameter=1&count=1".to_owned(),
        format!("{path}?aadOptscim062020"),
    ] {
        sheet.status("R10", &app.get(&path).await, 200);
    }
    for query in ["attributes=", "attributes=&excludedAttributes="] {
        sheet.same("R11", &asked(query).await.body, &whole.body);
    }
    sheet.same(
        "R11",
        &app.list(
            "/Users",
            &[("filter", &format!("id eq \"{id}\"")), ("attributes", "")],
        )
        .await
        .body["Resources"][0]["title"],
        &json!("T"),
    );
    let a = asked("attributes=noSuchAttribute").await;
    sheet.holds("R12", a.status == 200 && only(&a.body, &[]), &a);

    // What is left out costs nothing: one request for the user, none for its relations.
    let lean = asked("excludedAttributes=groups,roles,entitlements,manager").await;
    assert!(
        lean.graph_requests() <= 1 && lean.graph_requests() <= whole.graph_requests(),
        "relations that are left out are not asked for: {}",
        lean.graph_requests()
    );
    sheet.finish();
}
