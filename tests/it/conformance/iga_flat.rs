//! The preset `iga-flat` over HTTP: every row of the attribute table of an IGA platform, written
//! and read by its path as written there, and seen in the simulated tenant.

use jsonpath_rust::JsonPath;
use serde_json::{Value, json};

use super::sheet::{USER, created};
use crate::aloud::beside;
use crate::support::app::{Answer, App, Options, patch_op};

struct Row {
    path: String,
    graph: Option<String>,
}

/// The table lies beside the repository; without it there is nothing to test against.
fn table() -> Option<Vec<Row>> {
    let file = beside("an IGA platform's attribute table", "attributes.json")?;
    let text = std::fs::read_to_string(file).unwrap();
    let table: Value = serde_json::from_str(&text).unwrap();
    let rows = table["rows"].as_array().unwrap().iter();
    let rows = rows.map(|r| Row {
        path: r["scimPath"].as_str().unwrap().to_owned(),
        graph: r["graph"].as_str().map(str::to_owned),
    });
    Some(rows.collect())
}

/// The path as RFC 9535 has it: only the root is put before it, and the dot before a bracket,
/// which that RFC does not know, is left out.
fn json_path(written: &str) -> String {
    let standard = written.replace(".[", "[");
    if standard.starts_with('[') {
        format!("${standard}")
    } else {
        format!("$.{standard}")
    }
}

fn resolve(resource: &Value, written: &str) -> Vec<Value> {
    let found = resource.query(&json_path(written)).unwrap();
    found.into_iter().cloned().collect()
}

/// The names of a path, and the type of the element that it picks.
fn steps(written: &str) -> (Vec<String>, Option<String>) {
    if let Some((attribute, rest)) = written.split_once("[?@.type=='") {
        let (kind, sub) = rest.split_once("'].").unwrap();
        return (
            vec![attribute.to_owned(), sub.to_owned()],
            Some(kind.to_owned()),
        );
    }
    if written.starts_with("['") {
        let inner = written.trim_start_matches("['").trim_end_matches("']");
        return (inner.split("'].['").map(str::to_owned).collect(), None);
    }
    (written.split('.').map(str::to_owned).collect(), None)
}

/// The same place as a path of PATCH.
fn patch_path(written: &str) -> String {
    match steps(written) {
        (names, Some(kind)) => format!("{}[type eq \"{kind}\"].{}", names[0], names[1]),
        (names, None) if names[0].starts_with("urn:") => {
            format!("{}:{}", names[0], names[1..].join("."))
        }
        (names, None) => names.join("."),
    }
}

/// Puts the value into a resource, at the place.
fn put(resource: &mut Value, written: &str, value: Value) {
    let (names, kind) = steps(written);
    if let Some(kind) = kind {
        let list = &mut resource[&names[0]];
        if list.is_null() {
            *list = json!([]);
        }
        let list = list.as_array_mut().unwrap();
        if let Some(element) = list.iter_mut().find(|e| e["type"] == kind.as_str()) {
            element[&names[1]] = value;
        } else {
            list.push(json!({"type": kind, &names[1]: value}));
        }
        return;
    }
    let mut at = resource;
    for name in &names {
        at = &mut at[name.as_str()];
    }
    *at = value;
}

fn graph_value(object: &Value, property: &str) -> Value {
    let mut at = object;
    for name in property.split('.') {
        at = match name.strip_suffix("[0]") {
            Some(name) => &at[name][0],
            None => &at[name],
        };
    }
    at.clone()
}

/// A value that the property takes; `round` makes it another one.
fn sample(property: &str, domain: &str, round: usize) -> Value {
    match property {
        "accountEnabled" => json!(round == 1),
        "usageLocation" => json!(["DE", "CH"][round - 1]),
        "preferredLanguage" => json!(["de-DE", "en-US"][round - 1]),
        "userPrincipalName" => json!(format!("flat.{round}@{domain}")),
        "mail" => json!(format!("flat.{round}@example.com")),
        "mailNickname" => json!(format!("flat.nick.{round}")),
        "employeeHireDate" | "employeeLeaveDateTime" => {
            json!(format!("2026-0{round}-01T08:00:00Z"))
        }
        p if p.ends_with("externalAudience") => json!(["all", "contactsOnly"][round - 1]),
        p if p.ends_with("Setting.status") => json!(["scheduled", "alwaysEnabled"][round - 1]),
        p if p.ends_with("scheduledStartDateTime") => json!(format!("2026-0{round}-01T08:00:00Z")),
        p if p.ends_with("scheduledEndDateTime") => json!(format!("2026-0{round}-02T08:00:00Z")),
        p => json!(format!("{} {round}", p.rsplit('.').next().unwrap())),
    }
}

const PROFILE: [&str; 2] = ["aboutMe", "mySite"];

fn is_mailbox(property: &str) -> bool {
    property.starts_with("mailboxSettings")
}

async fn flat() -> App {
    App::with(Options {
        users: 60,
        groups: 8,
        mapping: "iga-flat",
        ..Options::default()
    })
    .await
}

/// The user with everything in it that has to be asked for by name.
async fn whole(app: &App, id: &str) -> Value {
    let mut doc = app
        .get(&format!("/Users/{id}"))
        .await
        .expect_status(200)
        .body;
    let names = "externalAudience,scheduledEndDateTime,externalReplyMessage,internalReplyMessage,scheduledStartDateTime,status";
    for name in names.split(',') {
        assert!(
            doc.get(name).is_none(),
            "{name} costs a request of its own: only when asked for"
        );
    }
    let path = format!("/Users/{id}?attributes={names},employeeLeaveDateTime,endDateTime");
    let asked = app.get(&path).await.expect_status(200).body;
    for (name, value) in asked.as_object().unwrap() {
        if doc.get(name).is_none() {
            doc[name] = value.clone();
        }
    }
    doc
}

async fn seen(app: &App, id: &str, property: &str) -> Value {
    if is_mailbox(property) {
        let body = app.sim_mailbox(id).await;
        let value = graph_value(&body, property.strip_prefix("mailboxSettings.").unwrap());
        return value.get("dateTime").cloned().unwrap_or(value);
    }
    graph_value(&app.sim_object(id).await, property)
}

/// Instants may differ in their fractions and in the zone being said beside them.
fn like(found: &Value, wanted: &Value) -> bool {
    let bare = |v: &Value| {
        v.as_str().map(|s| {
            s.trim_end_matches('Z')
                .trim_end_matches('0')
                .trim_end_matches('.')
                .trim_end_matches(":00")
                .to_owned()
        })
    };
    found == wanted
        || (wanted.as_str().is_some_and(|w| w.starts_with("2026-")) && bare(found) == bare(wanted))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_written_and_read_as_its_path_says() {
    let Some(rows) = table() else { return };
    let app = flat().await;
    let domain = app.domain().await;
    let boss = created(
        &app,
        "/Users",
        &json!({"schemas": [USER], "userName": format!("boss@{domain}"), "displayName": "Boss"}),
    )
    .await;
    let writable: Vec<(&str, &str)> = rows
        .iter()
        .filter_map(|r| Some((r.path.as_str(), r.graph.as_deref()?)))
        .filter(|(_, g)| !PROFILE.contains(g) && !g.starts_with("photo"))
        .collect();
    assert!(writable.len() > 45, "{}", writable.len());

    let mut faults = Vec::new();
    let mut body = json!({"schemas": [USER]});
    for (path, property) in &writable {
        let value = if *property == "manager" {
            json!(boss)
        } else {
            sample(property, &domain, 1)
        };
        if !is_mailbox(property) {
            put(&mut body, path, value);
        }
    }
    let id = created(&app, "/Users", &body).await;
    for (path, property) in writable.iter().filter(|(_, p)| is_mailbox(p)) {
        let operation =
            json!({"op": "add", "path": patch_path(path), "value": sample(property, &domain, 1)});
        let answer = app
            .patch(&format!("/Users/{id}"), &patch_op(json!([operation])))
            .await;
        if answer.status != 200 {
            faults.push(format!("{path}: {}", answer.shown()));
        }
    }
    for round in [1, 2] {
        if round == 2 {
            for (path, property) in writable.iter().filter(|(_, p)| *p != "manager") {
                let operation = json!({"op": "replace", "path": patch_path(path), "value": sample(property, &domain, 2)});
                let answer = app
                    .patch(&format!("/Users/{id}"), &patch_op(json!([operation])))
                    .await;
                if answer.status != 200 {
                    faults.push(format!("{path}: {}", answer.shown()));
                }
            }
        }
        let doc = whole(&app, &id).await;
        for (path, property) in &writable {
            if *property == "manager" {
                if resolve(&doc, path) != [json!(boss)]
                    || app.sim_manager(&id).await != Some(boss.clone())
                {
                    faults.push(format!("manager: {:?}", resolve(&doc, path)));
                }
                continue;
            }
            let wanted = sample(property, &domain, round);
            let found = resolve(&doc, path);
            if found.len() != 1 || !like(&found[0], &wanted) {
                faults.push(format!(
                    "round {round}, {path}: {found:?} instead of {wanted}"
                ));
            }
            let there = seen(&app, &id, property).await;
            if !like(&there, &wanted) {
                faults.push(format!(
                    "round {round}, {property} in Graph: {there} instead of {wanted}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn says(answer: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.shown());
    for part in parts {
        assert!(answer.detail().contains(part), "{part}: {}", answer.shown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_refused_with_the_reason() {
    let Some(rows) = table() else { return };
    let app = flat().await;
    let domain = app.domain().await;
    let body =
        json!({"schemas": [USER], "userName": format!("flat@{domain}"), "displayName": "Flat"});
    let id = created(&app, "/Users", &body).await;
    let user = format!("/Users/{id}");
    let mut unset = 0;
    for row in rows.iter().filter(|r| r.graph.is_none()) {
        unset += 1;
        let operation = json!({"op": "add", "path": patch_path(&row.path), "value": "x"});
        says(
            &app.patch(&user, &patch_op(json!([operation]))).await,
            400,
            &["no Graph property"],
        );
        let mut body =
            json!({"schemas": [USER], "userName": format!("unset@{domain}"), "displayName": "U"});
        put(&mut body, &row.path, json!("x"));
        says(
            &app.post("/Users", &body).await,
            400,
            &["no Graph property"],
        );
        let doc = app.get(&user).await.body;
        assert_eq!(
            resolve(&doc, &row.path),
            Vec::<Value>::new(),
            "{}",
            row.path
        );
    }
    assert_eq!(unset, 4);

    // aboutMe and mySite: real Graph lets no application write them; reading works.
    for row in rows
        .iter()
        .filter(|r| r.graph.as_deref().is_some_and(|g| PROFILE.contains(&g)))
    {
        let property = row.graph.as_deref().unwrap();
        let value = "https://example.com/me";
        let operation = json!({"op": "add", "path": patch_path(&row.path), "value": value});
        says(
            &app.patch(&user, &patch_op(json!([operation]))).await,
            403,
            &[property],
        );
        app.sim_patch(&id, &json!({property: value})).await;
        let doc = app.get(&user).await.body;
        assert_eq!(resolve(&doc, &row.path), [json!(value)], "{}", row.path);
    }

    // The photo's URL is this server's own.
    let photo = rows
        .iter()
        .find(|r| r.graph.as_deref().is_some_and(|g| g.starts_with("photo")))
        .unwrap();
    let doc = app.get(&user).await.body;
    let url = resolve(&doc, &photo.path);
    let url = url[0].as_str().unwrap();
    assert!(
        url.ends_with(&format!("/scim/v2/Users/{id}/photo")),
        "{url}"
    );
    says(&app.get(&format!("{user}/photo")).await, 404, &["no photo"]);
    app.graph_put_photo(&id, b"\xff\xd8\xff\xe0 a picture".to_vec())
        .await;
    let answer = app.get(&format!("{user}/photo")).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("image/jpeg"))
    );
    assert!(answer.text.ends_with("a picture"));
    let operation = json!({"op": "replace", "path": patch_path(&photo.path), "value": "x"});
    let answer = app.patch(&user, &patch_op(json!([operation]))).await;
    assert_eq!(
        (answer.status, &answer.body["scimType"]),
        (400, &json!("mutability")),
        "{}",
        answer.shown()
    );
}
