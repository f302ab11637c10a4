//! What each endpoint answers, whole: status, headers, body. Every change of an answer shows in
//! the difference of a file below `tests/it/snapshots/`, there to be agreed to.
//!
//! To write the files anew: `INSTA_UPDATE=always cargo test --test it snapshots`.

mod frame;

use std::collections::BTreeSet;
use std::path::Path;

use insta::Settings;
use serde_json::{Value, json};

use crate::support::app::{Answer, App, Options, patch_op};
use frame::{Camera, Request, redactions};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
const FLOW_FREE: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";
const UNKNOWN: &str = "00000000-1111-4222-8333-444444444444";

async fn camera() -> Camera {
    let options = Options {
        users: 20,
        groups: 4,
        ..Options::default()
    };
    Camera::new(App::with(options).await)
}

/// Compares the exchange with the snapshot of that name.
async fn shoot(camera: &Camera, name: &str, request: Request<'_>) -> Answer {
    let (answer, shown) = camera.exchange(&request).await;
    compare(name, &shown);
    answer
}

fn compare(name: &str, shown: &Value) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_redactions(redactions());
    settings.bind(|| insta::assert_json_snapshot!(name, shown));
}

#[tokio::test(flavor = "multi_thread")]
async fn users() {
    let mut camera = camera().await;
    let domain = camera.app.domain().await;
    let user = |name: &str| json!({"schemas": [USER], "userName": format!("{name}@{domain}"), "displayName": name});
    let boss = camera.make("/Users", &user("boss"), "boss").await;
    let whole = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": format!("ada@{domain}"),
        "externalId": "ada",
        "displayName": "Ada Lovelace",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "title": "Analyst",
        "active": true,
        "preferredLanguage": "en-GB",
        "phoneNumbers": [{"type": "mobile", "value": "+44 20 7946 0000"}],
        "addresses": [{"type": "work", "locality": "London", "country": "GB"}],
        ENTERPRISE: {"department": "Engines", "employeeNumber": "1815", "manager": {"value": boss}},
    });
    let made = shoot(
        &camera,
        "users_create",
        Request::new("POST", "/Users").body(&whole),
    )
    .await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    camera.name(&id, "ada");
    let path = format!("/Users/{id}");
    let read = shoot(&camera, "users_read", Request::new("GET", &path)).await;
    let tag = read.header("etag").unwrap().to_owned();
    assert_eq!(read.body["meta"]["version"], tag.as_str());
    let known = [("if-none-match", tag.as_str())];
    let request = Request::new("GET", &path).headers(&known);
    shoot(&camera, "users_read_known", request).await;
    let narrow = format!("{path}?attributes=userName,name.givenName");
    shoot(&camera, "users_read_narrow", Request::new("GET", &narrow)).await;
    shoot(&camera, "users_list", Request::new("GET", "/Users?count=2")).await;
    let found = format!("/Users?filter=userName%20eq%20%22ada@{domain}%22");
    shoot(&camera, "users_list_found", Request::new("GET", &found)).await;
    let none = "/Users?filter=userName%20eq%20%22nobody%22";
    shoot(&camera, "users_list_none", Request::new("GET", none)).await;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "displayName sw \"Ada\"",
        "attributes": ["userName"],
        "count": 1,
    });
    let request = Request::new("POST", "/Users/.search").body(&search);
    shoot(&camera, "users_search", request).await;
    let change = patch_op(json!([
        {"op": "replace", "path": "title", "value": "Countess"},
        {"op": "add", "path": "phoneNumbers[type eq \"work\"].value", "value": "+44 20 7946 0001"},
        {"op": "remove", "path": "name.givenName"},
    ]));
    let dry = [("prefer", "dry-run")];
    let request = Request::new("PATCH", &path).body(&change).headers(&dry);
    shoot(&camera, "users_patch_planned", request).await;
    let known = [("if-match", tag.as_str())];
    let request = Request::new("PATCH", &path).body(&change).headers(&known);
    shoot(&camera, "users_patch", request).await;
    let mut less = user("ada");
    less["displayName"] = json!("Ada King");
    let request = Request::new("PUT", &path).body(&less);
    shoot(&camera, "users_replace", request).await;
    shoot(&camera, "users_delete", Request::new("DELETE", &path)).await;
    shoot(&camera, "users_read_deleted", Request::new("GET", &path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups() {
    let mut camera = camera().await;
    let domain = camera.app.domain().await;
    let user = |name: &str| json!({"schemas": [USER], "userName": format!("{name}@{domain}"), "displayName": name});
    let ada = camera.make("/Users", &user("ada"), "ada").await;
    let bob = camera.make("/Users", &user("bob"), "bob").await;
    let whole = json!({"schemas": [GROUP], "displayName": "Night shift", "externalId": "night-shift",
        "members": [{"value": ada}]});
    let request = Request::new("POST", "/Groups").body(&whole);
    let made = shoot(&camera, "groups_create", request).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    camera.name(&id, "night shift");
    let path = format!("/Groups/{id}");
    shoot(&camera, "groups_read", Request::new("GET", &path)).await;
    let bare = format!("{path}?excludedAttributes=members");
    shoot(&camera, "groups_read_bare", Request::new("GET", &bare)).await;
    shoot(
        &camera,
        "groups_list",
        Request::new("GET", "/Groups?count=1"),
    )
    .await;
    let held = format!("/Groups?filter=members.value%20eq%20%22{ada}%22&attributes=displayName");
    shoot(&camera, "groups_list_held", Request::new("GET", &held)).await;
    let change = patch_op(json!([
        {"op": "add", "path": "members", "value": [{"value": bob}]},
        {"op": "remove", "path": format!("members[value eq \"{ada}\"]")},
    ]));
    shoot(
        &camera,
        "groups_patch",
        Request::new("PATCH", &path).body(&change),
    )
    .await;
    let shown = format!("{path}?attributes=members");
    shoot(
        &camera,
        "groups_patch_shown",
        Request::new("PATCH", &shown).body(&change),
    )
    .await;
    let other = json!({"schemas": [GROUP], "displayName": "Day shift",
        "members": [{"value": ada}, {"value": bob}]});
    shoot(
        &camera,
        "groups_replace",
        Request::new("PUT", &path).body(&other),
    )
    .await;
    shoot(&camera, "groups_delete", Request::new("DELETE", &path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles() {
    let mut camera = camera().await;
    let domain = camera.app.domain().await;
    let ada = json!({"schemas": [USER], "userName": format!("ada@{domain}"), "displayName": "ada"});
    let ada = camera.make("/Users", &ada, "ada").await;
    let path = format!("/Roles/{GROUPS_ADMINISTRATOR}");
    shoot(
        &camera,
        "roles_list",
        Request::new("GET", "/Roles?count=1&sortBy=displayName"),
    )
    .await;
    shoot(&camera, "roles_read", Request::new("GET", &path)).await;
    let add = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]));
    shoot(
        &camera,
        "roles_patch",
        Request::new("PATCH", &path).body(&add),
    )
    .await;
    let holder = format!("/Users/{ada}?attributes=roles");
    shoot(&camera, "roles_of_user", Request::new("GET", &holder)).await;
    let body = json!({"displayName": "Own role"});
    shoot(
        &camera,
        "roles_create",
        Request::new("POST", "/Roles").body(&body),
    )
    .await;
    shoot(&camera, "roles_delete", Request::new("DELETE", &path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn licenses() {
    let mut camera = camera().await;
    let domain = camera.app.domain().await;
    let ada = json!({"schemas": [USER], "userName": format!("ada@{domain}"), "displayName": "ada",
        "addresses": [{"type": "work", "country": "GB"}]});
    let ada = camera.make("/Users", &ada, "ada").await;
    let path = format!("/Licenses/{FLOW_FREE}");
    shoot(
        &camera,
        "licenses_list",
        Request::new("GET", "/Licenses?attributes=displayName"),
    )
    .await;
    shoot(&camera, "licenses_read", Request::new("GET", &path)).await;
    let add = patch_op(json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]));
    shoot(
        &camera,
        "licenses_patch",
        Request::new("PATCH", &path).body(&add),
    )
    .await;
    let holder = format!("/Users/{ada}?attributes=entitlements");
    shoot(&camera, "licenses_of_user", Request::new("GET", &holder)).await;
    shoot(&camera, "licenses_delete", Request::new("DELETE", &path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery() {
    let camera = camera().await;
    for (name, path) in [
        ("discovery_config", "/ServiceProviderConfig"),
        ("discovery_types", "/ResourceTypes"),
        ("discovery_type", "/ResourceTypes/User"),
        ("discovery_schema", &*format!("/Schemas/{GROUP}")),
        (
            "discovery_filtered",
            "/Schemas?filter=name%20eq%20%22User%22",
        ),
    ] {
        shoot(&camera, name, Request::new("GET", path)).await;
    }
    // The schemas are long: a line for each attribute shows all that matters.
    let schemas = camera.app.get("/Schemas").await.expect_status(200);
    let mut lines: Vec<String> = Vec::new();
    for schema in schemas.body["Resources"].as_array().unwrap() {
        lines.push(schema["id"].as_str().unwrap().to_owned());
        attributes(&schema["attributes"], "  ", &mut lines);
    }
    compare("discovery_schemas", &json!(lines));
}

/// The attributes of a schema, a line each, sub-attributes indented below.
fn attributes(list: &Value, indent: &str, lines: &mut Vec<String>) {
    for attribute in list.as_array().into_iter().flatten() {
        let text = |name: &str| attribute[name].as_str().unwrap_or_default();
        let flag = |name: &'static str| (attribute[name] == true).then_some(name);
        let flags: Vec<&str> = [
            flag("multiValued"),
            flag("required"),
            flag("caseExact"),
            Some(text("mutability")),
            Some(text("returned")),
            Some(text("uniqueness")),
        ]
        .into_iter()
        .flatten()
        .collect();
        lines.push(format!(
            "{indent}{}: {} {}",
            text("name"),
            text("type"),
            flags.join(" ")
        ));
        attributes(&attribute["subAttributes"], &format!("{indent}  "), lines);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors() {
    let mut camera = camera().await;
    let domain = camera.app.domain().await;
    let ada = json!({"schemas": [USER], "userName": format!("ada@{domain}"), "displayName": "ada"});
    let id = camera.make("/Users", &ada, "ada").await;
    let path = format!("/Users/{id}");
    let unknown = format!("/Users/{UNKNOWN}");
    for (name, method, path) in [
        ("error_filter", "GET", "/Users?filter=userName%20eq"),
        (
            "error_filter_unanswerable",
            "GET",
            "/Users?filter=title%20co%20%22x%22",
        ),
        ("error_count", "GET", "/Users?count=many"),
        ("error_cursor", "GET", "/Users?cursor=forged"),
        ("error_not_found", "GET", &*unknown),
        ("error_no_endpoint", "GET", "/NoSuch"),
        ("error_no_schema", "GET", "/Schemas/urn:no:such"),
        ("error_method", "DELETE", "/Users"),
        ("error_me", "GET", "/Me"),
    ] {
        shoot(&camera, name, Request::new(method, path)).await;
    }
    for (name, body) in [
        (
            "error_user_name_missing",
            json!({"schemas": [USER], "displayName": "x"}),
        ),
        (
            "error_unknown_attribute",
            json!({"userName": format!("x@{domain}"), "noSuchAttribute": 1}),
        ),
        (
            "error_type",
            json!({"userName": format!("x@{domain}"), "displayName": "x", "active": "maybe"}),
        ),
        ("error_taken", ada),
        (
            "error_foreign_domain",
            json!({"userName": "x@nowhere.example", "displayName": "x"}),
        ),
    ] {
        shoot(&camera, name, Request::new("POST", "/Users").body(&body)).await;
    }
    for (name, operation) in [
        (
            "error_no_target",
            json!({"op": "replace", "path": "emails[type eq \"none\"].value", "value": "x"}),
        ),
        (
            "error_path",
            json!({"op": "replace", "path": "noSuchAttribute", "value": "x"}),
        ),
        (
            "error_read_only",
            json!({"op": "replace", "path": "meta.created", "value": "x"}),
        ),
        (
            "error_required",
            json!({"op": "remove", "path": "userName"}),
        ),
        (
            "error_operation",
            json!({"op": "upsert", "path": "title", "value": "x"}),
        ),
    ] {
        let body = patch_op(json!([operation]));
        shoot(&camera, name, Request::new("PATCH", &path).body(&body)).await;
    }
    let bulk = json!({"Operations": []});
    shoot(
        &camera,
        "error_bulk",
        Request::new("POST", "/Bulk").body(&bulk),
    )
    .await;
    let change = patch_op(json!([{"op": "replace", "path": "title", "value": "x"}]));
    // The text names the present version.
    let read = camera.app.get(&path).await.expect_status(200);
    camera.name(read.header("etag").unwrap(), "version");
    let stale = [("if-match", "W/\"stale\"")];
    let request = Request::new("PATCH", &path).body(&change).headers(&stale);
    shoot(&camera, "error_stale", request).await;
    let whole = camera.app.clone();
    camera.app = whole.with_token(None);
    shoot(&camera, "error_no_token", Request::new("GET", &path)).await;
    camera.app = whole.with_token(Some("wrong"));
    shoot(&camera, "error_wrong_token", Request::new("GET", &path)).await;
    let reader = whole.issue_token("read:*", None).await;
    camera.app = whole.with_token(Some(&reader));
    shoot(&camera, "error_not_allowed", Request::new("DELETE", &path)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_the_types() {
    let mut camera = camera().await;
    let domain = camera.app.domain().await;
    let ada = json!({"schemas": [USER], "userName": format!("ada@{domain}"), "displayName": "ada"});
    let id = camera.make("/Users", &ada, "ada").await;
    let path = format!("/Users/{id}");
    let named = format!("/?filter=userName%20eq%20%22ada@{domain}%22&attributes=userName");
    for (name, method, path) in [
        ("root", "GET", "/"),
        ("root_query", "GET", &*named),
        ("users_walk", "GET", "/Users?cursor&count=1&attributes=id"),
        ("users_options", "OPTIONS", "/Users"),
        ("user_options", "OPTIONS", &*path),
        ("user_head", "HEAD", &*path),
    ] {
        shoot(&camera, name, Request::new(method, path)).await;
    }
    let unkept = json!({"schemas": [USER], "userName": format!("grace@{domain}"),
        "displayName": "grace", "nickName": "G", "timezone": "Europe/Oslo",
        "name": {"formatted": "G. Hopper", "familyName": "Hopper"}});
    shoot(
        &camera,
        "users_create_unkept",
        Request::new("POST", "/Users").body(&unkept),
    )
    .await;
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "x"}]));
    let bulk = json!({"failOnErrors": 1, "Operations": [
        {"method": "PATCH", "path": path, "data": title},
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"displayName": "nobody"}},
        {"method": "DELETE", "path": path},
    ]});
    shoot(&camera, "bulk", Request::new("POST", "/Bulk").body(&bulk)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events() {
    let options = Options {
        users: 5,
        groups: 1,
        replica: true,
        ..Options::default()
    };
    let app = App::with(options).await;
    app.caught_up().await;
    let camera = Camera::new(app);
    let keys = Request::new("GET", "/.well-known/jwks.json");
    shoot(&camera, "events_keys", keys).await;
    let now = json!({"returnImmediately": true});
    shoot(
        &camera,
        "events_none",
        Request::new("POST", "/Events").body(&now),
    )
    .await;
    let unknown = json!({"ack": "1", "returnImmediately": true});
    shoot(
        &camera,
        "error_events",
        Request::new("POST", "/Events").body(&unknown),
    )
    .await;
}

/// A snapshot that no test takes would be believed by its reader.
#[test]
fn every_snapshot_is_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let text = include_str!("snapshots.rs");
    let kept: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "snap"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let stray: Vec<&String> = kept
        .iter()
        .filter(|name| !text.contains(&format!("\"{name}\"")))
        .collect();
    assert!(stray.is_empty(), "no test takes these: {stray:?}");
}
