//! B: bulk requests.

use serde_json::{Value, json};

use super::sheet::{ENTERPRISE, Sheet, UNKNOWN, created, small, user};
use crate::support::app::{Answer, App, Options, patch_op};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members
        .iter()
        .map(|id| json!({"value": format!("bulkId:{id}")}))
        .collect();
    json!({"displayName": name, "members": members})
}

async fn send(app: &App, more: Value, operations: Value) -> Answer {
    let mut body = json!({"schemas": [REQUEST], "Operations": operations});
    if let Value::Object(more) = more {
        body.as_object_mut().unwrap().extend(more);
    }
    app.post("/Bulk", &body).await
}

/// The statuses of the operations, in their order.
fn statuses(answer: &Answer) -> Vec<&str> {
    let operations = answer.body["Operations"].as_array();
    let operations = operations.into_iter().flatten();
    operations
        .map(|one| one["status"].as_str().unwrap_or("none"))
        .collect()
}

/// The id that an operation tells of.
fn id(answer: &Answer, at: usize) -> String {
    let location = answer.body["Operations"][at]["location"].as_str();
    let id = location.and_then(|location| location.rsplit('/').next());
    id.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn references() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("bulk::references");
    let config = app.get("/ServiceProviderConfig").await;
    sheet.same("B01", &config.body["bulk"]["supported"], &json!(true));
    let answer = send(
        &app,
        json!({}),
        json!([
            post("/Users", "u", user("bulk.one", &domain)),
            post("/Groups", "g", group("bulk one", &["u"])),
        ]),
    )
    .await;
    sheet.holds(
        "B01",
        answer.status == 200 && statuses(&answer) == ["201", "201"],
        &answer,
    );
    sheet.same("B01", &answer.body["schemas"], &json!([RESPONSE]));
    for (at, bulk_id) in [(0, "u"), (1, "g")] {
        let one = &answer.body["Operations"][at];
        sheet.same("B01", &one["bulkId"], &json!(bulk_id));
        sheet.same("B01", &one["method"], &json!("POST"));
        let read = app
            .get(
                one["location"]
                    .as_str()
                    .unwrap()
                    .split("/v2")
                    .nth(1)
                    .unwrap(),
            )
            .await;
        // The user's has changed since: he has a group.
        let same = one["version"] == read.body["meta"]["version"];
        sheet.holds(
            "B01",
            same == (at == 1) && one["version"].is_string(),
            &read,
        );
        sheet.same("B01", &one["location"], &read.body["meta"]["location"]);
    }
    let members = app.sim_members(&id(&answer, 1)).await;
    sheet.same("B01", &json!(members), &json!([id(&answer, 0)]));

    let answer = send(
        &app,
        json!({}),
        json!([
            post("/Groups", "g", group("bulk two", &["u"])),
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": patch_op(json!([
                {"op": "replace", "path": "displayName", "value": "bulk three"}
            ]))},
            post("/Users", "u", user("bulk.two", &domain)),
            post("/Users", "v", {
                let mut body = user("bulk.three", &domain);
                body[ENTERPRISE] = json!({"manager": {"value": "bulkId:u"}});
                body
            }),
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": patch_op(json!([
                {"op": "remove", "path": "members[value eq \"bulkId:u\"]"},
                {"op": "add", "path": "members", "value": [{"value": "bulkId:v"}]}
            ]))},
        ]),
    )
    .await;
    sheet.holds(
        "B02",
        statuses(&answer) == ["201", "204", "201", "201", "204"],
        &answer,
    );
    let members = app.sim_members(&id(&answer, 0)).await;
    sheet.same("B02", &json!(members), &json!([id(&answer, 3)]));
    let manager = app.sim_manager(&id(&answer, 3)).await;
    sheet.same("B02", &json!(manager), &json!(id(&answer, 2)));
    let named = app.sim_object(&id(&answer, 0)).await;
    sheet.same("B02", &named["displayName"], &json!("bulk three"));

    let answer = send(
        &app,
        json!({}),
        json!([
            post("/Groups", "a", group("ring a", &["b"])),
            post("/Groups", "b", group("ring b", &["c"])),
            post("/Groups", "c", group("ring c", &["a"])),
        ]),
    )
    .await;
    sheet.holds("B03", statuses(&answer) == ["201", "201", "201"], &answer);
    for (at, member) in [(0, 1), (1, 2), (2, 0)] {
        let members = app.sim_members(&id(&answer, at)).await;
        sheet.same("B03", &json!(members), &json!([id(&answer, member)]));
        let read = app.get(&format!("/Groups/{}", id(&answer, at))).await;
        let told = &answer.body["Operations"][at]["version"];
        sheet.holds(
            "B03",
            told.is_null() || *told == read.body["meta"]["version"],
            &read,
        );
    }

    let answer = send(
        &app,
        json!({}),
        json!([
            post("/Groups", "g", group("bulk four", &["nowhere"])),
            post("/Users", "bad", json!({"displayName": "no name"})),
            post("/Groups", "h", group("bulk five", &["bad"])),
            post("/Groups", "i", group("bulk six", &[])),
        ]),
    )
    .await;
    sheet.holds(
        "B09",
        statuses(&answer) == ["400", "400", "409", "201"],
        &answer,
    );
    let told = answer.body["Operations"][0]["response"]["detail"].as_str();
    sheet.holds(
        "B09",
        told.is_some_and(|told| told.contains("nowhere")),
        &answer,
    );
    sheet.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_limits() {
    let most = (
        "ENTRA_SCIM__SERVER__BULK_MAX_OPERATIONS".to_owned(),
        "5".to_owned(),
    );
    let app = App::with(Options {
        users: 60,
        groups: 8,
        environment: vec![most],
        ..Options::default()
    })
    .await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("bulk::errors_and_limits");
    let three = |prefix: &str| {
        json!([
            post("/Users", "1", user(&format!("{prefix}.one"), &domain)),
            post("/Users", "2", json!({"displayName": "nameless"})),
            post("/Users", "3", user(&format!("{prefix}.three"), &domain)),
        ])
    };
    let answer = send(&app, json!({}), three("each")).await;
    sheet.holds("B04", statuses(&answer) == ["201", "400", "201"], &answer);
    let error = &answer.body["Operations"][1];
    sheet.same("B04", &error["response"]["status"], &json!("400"));
    sheet.same(
        "B04",
        &error["response"]["scimType"],
        &json!("invalidValue"),
    );
    sheet.same("B04", &error["location"], &Value::Null);

    let answer = send(&app, json!({"failOnErrors": 1}), three("first")).await;
    sheet.holds("B05", statuses(&answer) == ["201", "400"], &answer);
    let third = app.sim_user_by_upn(&format!("first.three@{domain}")).await;
    sheet.same("B05", &json!(third), &Value::Null);
    let answer = send(&app, json!({"failOnErrors": 2}), three("second")).await;
    sheet.holds("B05", statuses(&answer) == ["201", "400", "201"], &answer);
    let forward = json!([
        post("/Groups", "g", group("first", &["u"])),
        post("/Users", "u", user("needed", &domain)),
    ]);
    let answer = send(&app, json!({"failOnErrors": 1}), forward).await;
    sheet.holds("B05", statuses(&answer) == ["201", "201"], &answer);

    let (one, two) = (
        created(&app, "/Users", &user("own.one", &domain)).await,
        created(&app, "/Users", &user("own.two", &domain)).await,
    );
    let version = app.get(&format!("/Users/{one}")).await.body["meta"]["version"].clone();
    let mut whole = user("own.one", &domain);
    whole["title"] = json!("replaced");
    let title = patch_op(json!([{"op": "add", "path": "title", "value": "patched"}]));
    let operations = json!([
        {"method": "PUT", "path": format!("/Users/{one}"), "version": version, "data": whole},
        {"method": "PATCH", "path": format!("/Users/{one}"), "version": version, "data": title},
        {"method": "patch", "path": format!("/Users/{two}"), "data": title["Operations"]},
        {"method": "DELETE", "path": format!("/Users/{two}")},
        {"method": "DELETE", "path": format!("/Users/{UNKNOWN}")},
    ]);
    let answer = send(&app, json!({}), operations).await;
    sheet.holds(
        "B06",
        statuses(&answer) == ["200", "412", "200", "204", "404"],
        &answer,
    );
    let read = app.get(&format!("/Users/{one}")).await;
    sheet.same("B06", &read.body["title"], &json!("replaced"));
    sheet.same(
        "B06",
        &answer.body["Operations"][0]["version"],
        &read.body["meta"]["version"],
    );
    sheet.holds("B06", !app.sim_exists(&two).await, &answer);
    for (at, one) in [&one, &one, &two, &two, &UNKNOWN.to_owned()]
        .into_iter()
        .enumerate()
    {
        sheet.same("B06", &json!(id(&answer, at)), &json!(one));
    }

    let six: Vec<Value> = (0..6)
        .map(|i| post("/Users", &i.to_string(), user(&format!("six{i}"), &domain)))
        .collect();
    let answer = send(&app, json!({}), json!(six)).await;
    sheet.refused("B07", &answer, 413, "tooMany");
    sheet.holds(
        "B07",
        answer.detail().contains("maxOperations is 5"),
        &answer,
    );
    let none = app.sim_user_by_upn(&format!("six0@{domain}")).await;
    sheet.same("B07", &json!(none), &Value::Null);
    let large = json!({"schemas": [REQUEST], "Operations": [
        post("/Users", "1", json!({"userName": "x".repeat(5 << 20)}))]});
    sheet.refused("B07", &app.post("/Bulk", &large).await, 413, "");

    for (body, kind) in [
        (json!({"Operations": []}), "invalidSyntax"),
        (
            json!({"schemas": ["urn:x"], "Operations": three("x")}),
            "invalidSyntax",
        ),
        (
            json!({"failOnErrors": -1, "Operations": three("x")}),
            "invalidValue",
        ),
        (
            json!({"Operations": [post("/Users", "1", json!({})), post("/Users", "1", json!({}))]}),
            "invalidValue",
        ),
    ] {
        sheet.refused("B08", &app.post("/Bulk", &body).await, 400, kind);
    }
    sheet.refused("B08", &app.get("/Bulk").await, 405, "");
    let reader = app.issue_token("read:Users", None).await;
    let reader = app.with_token(Some(&reader));
    let answer = send(&reader, json!({}), three("read")).await;
    sheet.refused("B08", &answer, 403, "");
    let writer = app.issue_token("write:Groups", None).await;
    let writer = app.with_token(Some(&writer));
    let mixed = json!([
        post("/Users", "1", user("mixed", &domain)),
        post("/Groups", "2", group("mixed", &[])),
        post("/Nowhere", "3", json!({})),
        {"method": "DELETE", "path": "/Me"},
    ]);
    let answer = send(&writer, json!({}), mixed).await;
    sheet.holds(
        "B08",
        statuses(&answer) == ["403", "201", "404", "400"],
        &answer,
    );
    sheet.finish();
}
