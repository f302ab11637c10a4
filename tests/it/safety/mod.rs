//! A write is done, or it is not: whatever is refused, interrupted or done side by side leaves no
//! wrong data. The end state is asked of the simulated tenant itself.

mod already;
mod deadline;
mod nameless;
mod overlap;
mod parallel;
mod refused;
mod socket;

use serde_json::{Value, json};

use crate::support::app::App;

/// No object of the tenant has it.
const NOBODY: &str = "00000000-0000-0000-0000-000000000001";
const E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const FLOW_FREE: &str = "f30db892-07e9-47e9-837c-80727f46fd3d";

fn elements(ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

/// All that the tests change of a user or group, as the tenant has it.
async fn state(app: &App, kind: &str, id: &str) -> Value {
    let object = app.sim_object(id).await;
    let mut properties = object["properties"].clone();
    if properties.is_null() {
        properties = object;
    }
    let mut roles = app.sim_roles(id).await;
    roles.sort_unstable();
    let mut state = json!({ "properties": properties, "roles": roles });
    if kind == "Users" {
        state["manager"] = app.sim_manager(id).await.into();
        state["licences"] = sorted(app.sim_licences(id).await).into();
    } else {
        state["members"] = sorted(app.sim_members(id).await).into();
        let owners = app.control(&format!("/groups/{id}/owners")).await.unwrap();
        let mut owners: Vec<String> = serde_json::from_value(owners).unwrap();
        owners.sort_unstable();
        state["owners"] = owners.into();
    }
    state
}

async fn group(app: &App, members: &[String], owners: &[String]) -> String {
    let mut body = json!({"displayName": format!("Safe {}", uuid::Uuid::new_v4())});
    if !members.is_empty() {
        body["members"] = elements(members);
    }
    if !owners.is_empty() {
        body["owners"] = elements(owners);
    }
    let made = app.post("/Groups", &body).await.expect_status(201);
    made.body["id"].as_str().unwrap().to_owned()
}

/// A user with a usage location, so that licences can be assigned.
async fn user(app: &App, domain: &str) -> String {
    let name = uuid::Uuid::new_v4().simple().to_string();
    let made = app
        .post(
            "/Users",
            &json!({
                "userName": format!("{name}@{domain}"), "displayName": name, "title": "Before",
                "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User": {"usageLocation": "US"},
            }),
        )
        .await
        .expect_status(201);
    made.body["id"].as_str().unwrap().to_owned()
}

/// Ids of built-in roles.
async fn role_ids(app: &App) -> Vec<String> {
    let roles = app
        .get("/Roles?attributes=id&count=50")
        .await
        .expect_status(200);
    roles.ids()
}
