//! Operations as stories: each step a request, its status, its error.

mod applications;
mod groups;
mod lag;
mod licences;
mod pim;
mod plans;
mod protocol;
mod users;

use serde_json::{Value, json};

use crate::odata::request::Method;
use crate::simulator::core::Graph;
use crate::simulator::testing::{ORIGIN, id, send};

type Step = (Method, String, Value, u16, &'static str);

/// Runs steps; the last column is a part of the error's message.
fn play(graph: &Graph, steps: Vec<Step>) {
    for (i, (method, url, body, status, message)) in steps.into_iter().enumerate() {
        let response = send(graph, method, &url, &body);
        let shown = response.body_json();
        assert_eq!(
            response.status, status,
            "{i}: {method:?} {url} {body}: {shown}"
        );
        let found = shown["error"]["message"].as_str().unwrap_or_default();
        assert!(found.contains(message), "{i}: {method:?} {url}: {shown}");
        assert_eq!(
            status < 400,
            found.is_empty(),
            "{i}: {method:?} {url}: {shown}"
        );
    }
}

fn user(n: usize) -> String {
    format!("/users/{}", id(1, n))
}

fn group(n: usize) -> String {
    format!("/groups/{}", id(2, n))
}

fn reference(id: uuid::Uuid) -> Value {
    json!({"@odata.id": format!("{ORIGIN}/v1.0/directoryObjects/{id}")})
}

fn adele() -> Value {
    json!({
        "accountEnabled": true, "displayName": "Adele Vance", "mailNickname": "AdeleV",
        "userPrincipalName": "AdeleV@contoso.com",
        "passwordProfile": {"forceChangePasswordNextSignIn": true, "password": "xWwvJ]6NMw+bWH-d"},
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}
