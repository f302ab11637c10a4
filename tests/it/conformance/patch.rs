//! T: PATCH.

use serde_json::{Value, json};

use super::sheet::{ENTERPRISE, Sheet, UNKNOWN, USER, created, only, small, user, user_with};
use crate::support::app::{Answer, App, patch_op};

struct Subject {
    app: App,
    path: String,
}

impl Subject {
    async fn ops(&self, operations: Value) -> Answer {
        self.app.patch(&self.path, &patch_op(operations)).await
    }

    async fn read(&self) -> Value {
        self.app.get(&self.path).await.expect_status(200).body
    }
}

fn values(doc: &Value, name: &str) -> Value {
    let mut all: Vec<String> = doc[name]
        .as_array()
        .map(|a| {
            a.iter()
                .map(|e| {
                    format!(
                        "{}={}",
                        e["type"].as_str().unwrap_or("-"),
                        e["value"].as_str().unwrap_or("-")
                    )
                })
                .collect()
        })
        .unwrap_or_default();
    all.retain(|v| !v.starts_with("proxyAddress"));
    all.sort_unstable();
    json!(all)
}

async fn subject(app: &App, domain: &str) -> Subject {
    let body = user_with(
        "patch.one",
        domain,
        json!({"name": {"givenName": "G", "familyName": "F"}, "title": "T",
               "phoneNumbers": [{"type": "work", "value": "+1 1"}],
               "emails": [{"type": "work", "value": "w@example.com", "primary": true},
                          {"type": "other", "value": "o@example.com"}]}),
    );
    let id = created(app, "/Users", &body).await;
    Subject {
        app: app.clone(),
        path: format!("/Users/{id}"),
    }
}

/// What is refused: row, operations, scimTypes.
fn refusals(other: &str) -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("T04", json!([]), "invalidSyntax|invalidValue"),
        (
            "T05",
            json!([{"op": "upsert", "path": "title", "value": "x"}]),
            "invalidSyntax|invalidValue",
        ),
        (
            "T06",
            json!([{"op": "add", "path": "title"}]),
            "invalidSyntax|invalidValue",
        ),
        ("T11", json!([{"op": "remove"}]), "noTarget"),
        (
            "T13",
            json!([{"op": "remove", "path": "userName"}]),
            "mutability|invalidValue",
        ),
        (
            "T15",
            json!([{"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x@example.com"}]),
            "noTarget",
        ),
        (
            "T22",
            json!([{"op": "replace", "path": "meta.created", "value": "2001-01-01T00:00:00Z"}]),
            "mutability",
        ),
        (
            "T22",
            json!([{"op": "replace", "path": "id", "value": "x"}]),
            "mutability",
        ),
        (
            "T22",
            json!([{"op": "replace", "path": "groups", "value": [{"value": UNKNOWN}]}]),
            "mutability",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "emails[", "value": "x"}]),
            "invalidPath|invalidFilter",
        ),
        (
            "T23",
            json!([{"op": "replace", "path": "..", "value": "x"}]),
            "invalidPath",
        ),
        (
            "T24",
            json!([{"op": "replace", "path": "noSuchAttribute", "value": "x"}]),
            "invalidPath|noTarget",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "active", "value": {"a": 1}}]),
            "invalidValue",
        ),
        (
            "T29",
            json!([{"op": "replace", "path": "title", "value": ["a", "b"]}]),
            "invalidValue",
        ),
        (
            "T20",
            json!([{"op": "replace", "path": "displayName", "value": "Half"},
                       {"op": "replace", "path": "noSuchAttribute", "value": "x"}]),
            "invalidPath|noTarget",
        ),
        (
            "T20",
            json!([{"op": "replace", "path": "displayName", "value": "Half"},
                       {"op": "remove", "path": "userName"}]),
            "mutability|invalidValue",
        ),
        (
            "T28",
            json!([{"op": "replace", "path": "userName", "value": other}]),
            "uniqueness",
        ),
        (
            "T20",
            json!([{"op": "replace", "path": "displayName", "value": "Half"},
                       {"op": "replace", "path": "userName", "value": other}]),
            "uniqueness",
        ),
    ]
}

/// What is done: row, operations, a pointer into the user, and what is there then.
fn changes() -> Vec<(&'static str, Value, &'static str, Value)> {
    let department = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department";
    let number = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/employeeNumber";
    vec![
        (
            "T08",
            json!([{"op": "add", "value": {"title": "x", "name": {"givenName": "y"}}}]),
            "/name",
            json!({"givenName": "y", "familyName": "F"}),
        ),
        (
            "T10",
            json!([{"op": "remove", "path": "title"}]),
            "/title",
            Value::Null,
        ),
        (
            "T16",
            json!([{"op": "replace", "path": "title", "value": "as add"}]),
            "/title",
            json!("as add"),
        ),
        (
            "T17",
            json!([{"op": "replace", "path": "name", "value": {"givenName": "x"}}]),
            "/name",
            json!({"givenName": "x", "familyName": "F"}),
        ),
        (
            "T21",
            json!([{"op": "add", "path": "title", "value": "A"}, {"op": "replace", "path": "title", "value": "B"},
                       {"op": "remove", "path": "preferredLanguage"}]),
            "/title",
            json!("B"),
        ),
        (
            "T25",
            json!([{"op": "add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "E7"}]),
            number,
            json!("E7"),
        ),
        (
            "T26",
            json!([{"op": "add", "value": {ENTERPRISE: {"department": "x"}}}]),
            department,
            json!("x"),
        ),
        (
            "T27",
            json!([{"op": "replace", "path": "title", "value": null}]),
            "/title",
            Value::Null,
        ),
        (
            "T27",
            json!([{"op": "replace", "path": "phoneNumbers", "value": []}]),
            "/phoneNumbers",
            Value::Null,
        ),
        (
            "T31",
            json!([{"op": "replace", "path": "DISPLAYNAME", "value": "Upper"}]),
            "/displayName",
            json!("Upper"),
        ),
        (
            "T31",
            json!([{"op": "replace", "path": format!("{USER}:name.givenName"), "value": "Urn"}]),
            "/name/givenName",
            json!("Urn"),
        ),
        (
            "T33",
            json!([{"op": "remove", "path": "name.givenName"}]),
            "/name",
            json!({"familyName": "F"}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn patch() {
    let app = small().await;
    let domain = app.domain().await;
    let mut sheet = Sheet::of("patch::patch");
    created(&app, "/Users", &user("other.one", &domain)).await;
    let s = subject(&app, &domain).await;

    let answer = s
        .ops(json!([{"op": "replace", "path": "displayName", "value": "First"}]))
        .await;
    sheet.holds(
        "T01",
        answer.status == 200 && answer.body["displayName"] == "First",
        &answer,
    );
    sheet.same("T01", &answer.body, &s.read().await);
    let body = patch_op(json!([{"op": "replace", "path": "displayName", "value": "Second"}]));
    let answer = app
        .patch(&format!("{}?attributes=displayName", s.path), &body)
        .await;
    sheet.holds(
        "T02",
        answer.status == 200 && only(&answer.body, &["displayName"]),
        &answer,
    );
    let operations = json!([{"op": "replace", "path": "displayName", "value": "Third"}]);
    for schemas in [json!(["urn:other"]), json!([USER])] {
        let answer = app
            .patch(
                &s.path,
                &json!({"schemas": schemas, "Operations": operations}),
            )
            .await;
        sheet.refused("T03", &answer, 400, "invalidSyntax|invalidValue");
    }
    let answer = app
        .patch(
            &s.path,
            &json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}),
        )
        .await;
    sheet.refused("T04", &answer, 400, "invalidSyntax|invalidValue");

    // What is refused changes nothing at all.
    let before = s.read().await;
    for (row, operations, kinds) in refusals(&format!("other.one@{domain}")) {
        let status = if kinds == "uniqueness" { 409 } else { 400 };
        sheet.refused(row, &s.ops(operations).await, status, kinds);
        sheet.same(row, &s.read().await, &before);
    }
    let answer = app
        .patch(
            &format!("/Users/{UNKNOWN}"),
            &patch_op(json!([{"op": "replace", "path": "title", "value": "x"}])),
        )
        .await;
    sheet.refused("T30", &answer, 404, "");

    for (row, operations, pointer, wanted) in changes() {
        let answer = s.ops(operations).await;
        sheet.status(row, &answer, 200);
        let read = s.read().await;
        sheet.same(row, &answer.body, &read);
        sheet.same(row, read.pointer(pointer).unwrap_or(&Value::Null), &wanted);
        if row == "T25" {
            sheet.holds(
                row,
                read["schemas"]
                    .as_array()
                    .unwrap()
                    .contains(&json!(ENTERPRISE)),
                &answer,
            );
        }
    }
    let message = json!({"Schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                         "operations": [{"OP": "Replace", "Path": "title", "Value": "cased"}]});
    let answer = app.patch(&s.path, &message).await;
    sheet.holds(
        "T32",
        answer.status == 200 && answer.body["title"] == "cased",
        &answer,
    );

    // Lists.
    let steps = [
        (
            "T07",
            json!([{"op": "add", "path": "phoneNumbers", "value": [{"type": "mobile", "value": "+1 2"}]},
                       {"op": "add", "path": "phoneNumbers", "value": [{"type": "fax", "value": "+1 3"}]}]),
            "phoneNumbers",
            json!(["fax=+1 3", "mobile=+1 2"]),
        ),
        (
            "T14",
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w2@example.com"}]),
            "emails",
            json!(["other=o@example.com", "work=w2@example.com"]),
        ),
        (
            "T34",
            json!([{"op": "remove", "path": "emails[type eq \"none\"]"}]),
            "emails",
            json!(["other=o@example.com", "work=w2@example.com"]),
        ),
        (
            "T07",
            json!([{"op": "add", "path": "emails", "value": [{"type": "other", "value": "o2@example.com"}]}]),
            "emails",
            json!([
                "other=o2@example.com",
                "other=o@example.com",
                "work=w2@example.com"
            ]),
        ),
        (
            "T12",
            json!([{"op": "remove", "path": "emails[value eq \"o@example.com\"]"}]),
            "emails",
            json!(["other=o2@example.com", "work=w2@example.com"]),
        ),
        (
            "T12",
            json!([{"op": "remove", "path": "phoneNumbers[type eq \"fax\"]"}]),
            "phoneNumbers",
            json!(["mobile=+1 2"]),
        ),
        (
            "T18",
            json!([{"op": "replace", "path": "emails", "value": [
                {"type": "work", "value": "w3@example.com", "primary": true},
                {"type": "other", "value": "o3@example.com"}]}]),
            "emails",
            json!(["other=o3@example.com", "work=w3@example.com"]),
        ),
        (
            "T18",
            json!([{"op": "replace", "path": "phoneNumbers", "value": [{"type": "work", "value": "+1 9"}]}]),
            "phoneNumbers",
            json!(["work=+1 9"]),
        ),
    ];
    for (row, operations, name, wanted) in steps {
        let answer = s.ops(operations).await;
        sheet.status(row, &answer, 200);
        sheet.same(row, &values(&s.read().await, name), &wanted);
    }
    // Which value is primary is the mapping's to say (`primary` is readOnly in /Schemas): what
    // the client says is ignored, and there is one.
    let answer = s
        .ops(json!([{"op": "add", "path": "emails", "value": [
            {"type": "other", "value": "p1@example.com", "primary": true}]}]))
        .await;
    let primary: Vec<&Value> = answer.body["emails"]
        .as_array()
        .map(|e| {
            e.iter()
                .filter(|e| e["primary"] == true)
                .map(|e| &e["value"])
                .collect()
        })
        .unwrap_or_default();
    sheet.same("T19", &json!(primary), &json!(["w3@example.com"]));
    s.ops(json!([{"op": "remove", "path": "emails[value eq \"p1@example.com\"]"}]))
        .await
        .expect_status(200);
    let before = app.get(&s.path).await;
    for again in [
        json!([{"op": "add", "path": "emails", "value": [{"type": "other", "value": "o3@example.com"}]}]),
        json!([{"op": "add", "path": "title", "value": "cased"}]),
        json!([{"op": "add", "path": "phoneNumbers", "value": [{"type": "work", "value": "+1 9"}]}]),
    ] {
        let answer = s.ops(again).await;
        sheet.status("T09", &answer, 200);
        sheet.same(
            "T09",
            &json!(answer.header("etag")),
            &json!(before.header("etag")),
        );
    }
    sheet.finish();
}
