//! What a SCIM operation costs at Graph: HTTP requests and resource units, counted by the gateway
//! against the simulated tenant. `cargo bench --bench graph_cost` prints a table.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    reason = "a program that prints; it stands on the tests' harness and uses a part of it"
)]

#[path = "../tests/common/aloud.rs"]
mod aloud;
#[path = "../tests/it/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::app::{Answer, App, Options, patch_op, quoted};

fn row(operation: &str, answer: &Answer) {
    let units = answer.header("x-graph-resource-units").unwrap_or("?");
    println!(
        "| {operation} | {} | {} | {units} |",
        answer.status,
        answer.graph_requests()
    );
}

#[tokio::main]
async fn main() {
    let app = App::with(Options {
        users: 1500,
        groups: 60,
        ..Options::default()
    })
    .await;
    println!(
        "| SCIM operation | status | Graph HTTP requests | resource units |\n|---|---|---|---|"
    );
    users(&app).await;
    groups(&app).await;
    for path in [
        "/Roles",
        "/Licenses",
        "/Licenses?excludedAttributes=members",
    ] {
        row(&format!("GET {path}"), &app.get(path).await);
    }
}

async fn users(app: &App) {
    let user = app.any_user().await;
    let sku = "f30db892-07e9-47e9-837c-80727f46fd3d";
    let located = app.user_with_usage_location(sku).await;
    let lean = "excludedAttributes=groups,roles";
    for query in [
        "Users/{id}",
        "Users/{id}?{lean}",
        "Users?count=100",
        "Users?count=100&{lean}",
        "Users?count=999&{lean}",
    ] {
        let path = query.replace("{id}", &user).replace("{lean}", lean);
        row(
            &format!("GET /{}", query.replace("{lean}", lean)),
            &app.get(&format!("/{path}")).await,
        );
    }
    let upn = app.sim_object(&user).await["userPrincipalName"]
        .as_str()
        .unwrap()
        .to_owned();
    let filter = format!("userName eq {}", quoted(&upn));
    let found = app
        .list("/Users", &[("filter", &filter), ("attributes", "id")])
        .await;
    row("GET /Users?filter=userName eq …&attributes=id", &found);
    let name = format!("cost@{}", app.domain().await);
    let created = app.post("/Users", &json!({"userName": name})).await;
    row("POST /Users", &created);
    let path = format!("/Users/{}", created.body["id"].as_str().unwrap());
    let title = patch_op(json!([{"op": "replace", "path": "title", "value": "x"}]));
    row(
        "PATCH /Users/{id}: one attribute",
        &app.patch(&path, &title).await,
    );
    let licence =
        patch_op(json!([{"op": "add", "path": "entitlements", "value": [{"value": sku}]}]));
    row(
        "PATCH /Users/{id}: a licence",
        &app.patch(&format!("/Users/{located}"), &licence).await,
    );
    row("DELETE /Users/{id}", &app.delete(&path).await);
}

async fn groups(app: &App) {
    let users = app.sim_user_ids().await;
    let group = app.post("/Groups", &json!({"displayName": "Cost"})).await;
    row("POST /Groups", &group);
    let path = format!("/Groups/{}", group.body["id"].as_str().unwrap());
    for (op, from, to) in [
        ("add", 0, 1),
        ("add", 1, 101),
        ("add", 101, 501),
        ("remove", 0, 300),
        ("replace", 0, 21),
    ] {
        let members: Value = users[from..to]
            .iter()
            .map(|id| json!({"value": id}))
            .collect();
        let body = patch_op(json!([{"op": op, "path": "members", "value": members}]));
        let answer = app.patch(&path, &body).await;
        row(
            &format!("PATCH /Groups/{{id}}: {op} {} members", to - from),
            &answer,
        );
    }
    let rename = patch_op(json!([{"op": "replace", "path": "displayName", "value": "Costs"}]));
    row(
        "PATCH /Groups/{id}: rename",
        &app.patch(&path, &rename).await,
    );
    row("GET /Groups/{id} with 21 members", &app.get(&path).await);
    row("GET /Groups?count=50", &app.get("/Groups?count=50").await);
    row("GET /Groups?count=50&excludedAttributes=members,owners", &app.get("/Groups?count=50&excludedAttributes=members,urn:ietf:params:scim:schemas:extension:entra-scim:2.0:Group:owners").await);
}
