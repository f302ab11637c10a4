//! X: `.search`.

use serde_json::{Value, json};

use super::sheet::{LIST, Sheet, created, only, small, user};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

#[tokio::test(flavor = "multi_thread")]
async fn search() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("search::search");
    created(
        &app,
        "/Users",
        &user("Seeker one", &domain)
            .as_object()
            .map(|u| {
                let mut u = u.clone();
                u.insert("userName".into(), json!(format!("seeker.one@{domain}")));
                Value::Object(u)
            })
            .unwrap(),
    )
    .await;
    created(&app, "/Groups", &json!({"displayName": "Seeker group"})).await;
    let body = json!({"schemas": [SEARCH], "filter": "userName sw \"seeker\"",
                      "attributes": ["userName"], "startIndex": 1, "count": 2});
    let answer = app.post("/Users/.search", &body).await;
    sheet.holds(
        "X01",
        answer.status == 200
            && answer.body["schemas"] == json!([LIST])
            && answer.body["totalResults"] == 1
            && only(&answer.body["Resources"][0], &["userName"]),
        &answer,
    );
    let body = json!({"schemas": [SEARCH], "filter": "displayName sw \"Seeker\""});
    let answer = app.post("/.search", &body).await;
    let kinds: Vec<&Value> = answer.body["Resources"]
        .as_array()
        .map(|r| r.iter().map(|r| &r["meta"]["resourceType"]).collect())
        .unwrap_or_default();
    sheet.holds(
        "X02",
        answer.status == 200 && answer.body["totalResults"] == 2,
        &answer,
    );
    sheet.same("X02", &json!(kinds), &json!(["User", "Group"]));
    let page = app
        .post(
            "/.search",
            &json!({"filter": "displayName sw \"Seeker\"", "startIndex": 2, "count": 1}),
        )
        .await;
    sheet.holds(
        "X02",
        page.body["totalResults"] == 2
            && page.body["itemsPerPage"] == 1
            && page.body["startIndex"] == 2
            && page.body["Resources"][0]["meta"]["resourceType"] == "Group",
        &page,
    );
    // Z06: a type that lacks the attribute has no matches.
    let only_users = app
        .post("/.search", &json!({"filter": "userName sw \"seeker\""}))
        .await;
    sheet.holds("X02", only_users.body["totalResults"] == 1, &only_users);
    for (path, body) in [
        (
            "/Users/.search",
            json!({"schemas": [SEARCH], "filter": "userName eq"}),
        ),
        (
            "/.search",
            json!({"schemas": [SEARCH], "filter": "userName eq"}),
        ),
        (
            "/.search",
            json!({"schemas": [SEARCH], "filter": "noSuchAttribute eq 1"}),
        ),
    ] {
        sheet.refused("X03", &app.post(path, &body).await, 400, "invalidFilter");
    }
    sheet.finish();
}
