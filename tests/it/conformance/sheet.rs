//! A sheet of checks: all of a group are entered, then the faults are told together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rows::rows;
use crate::support::app::{Answer, App};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const ENTRA: &str = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// An id that nobody has.
pub const UNKNOWN: &str = "00000000-1111-4222-8333-444444444444";

/// The faults found, and which rows have been entered.
pub struct Sheet {
    rows: BTreeMap<&'static str, &'static str>,
    entered: BTreeSet<&'static str>,
    faults: Vec<String>,
}

impl Sheet {
    /// The sheet with the rows that name this test, `module::function`.
    pub fn of(test: &str) -> Self {
        let rows = rows()
            .into_iter()
            .filter(|row| row.tests.contains(&test))
            .map(|row| (row.id, row.required))
            .collect();
        Self {
            rows,
            entered: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Notes a fault, with what is required.
    fn fault(&mut self, id: &'static str, what: &str) {
        let required = self.rows.get(id).copied().unwrap_or_default();
        self.faults.push(format!("{id} ({required}): {what}"));
    }

    /// One check on an answer.
    pub fn holds(&mut self, id: &'static str, holds: bool, answer: &Answer) {
        self.entered.insert(id);
        if !holds {
            self.fault(id, &answer.shown());
        }
    }

    /// The answer's status.
    pub fn status(&mut self, id: &'static str, answer: &Answer, status: u16) {
        self.entered.insert(id);
        if answer.status != status {
            self.fault(id, &format!("not {status}: {}", answer.shown()));
        }
    }

    /// A SCIM error: status, scimType, and a body that says why.
    pub fn refused(&mut self, id: &'static str, answer: &Answer, status: u16, scim_type: &str) {
        self.entered.insert(id);
        let of_type = scim_type
            .split('|')
            .any(|t| answer.body["scimType"].as_str().unwrap_or_default() == t);
        let whole = answer.body["schemas"] == json!([ERROR])
            && answer.body["status"] == json!(status.to_string())
            && !answer.detail().is_empty();
        if answer.status != status || !of_type || !whole {
            self.fault(id, &format!("not {status} {scim_type}: {}", answer.shown()));
        }
    }

    /// Two values are the same.
    pub fn same(&mut self, id: &'static str, found: &Value, wanted: &Value) {
        self.entered.insert(id);
        if found != wanted {
            self.fault(id, &format!("{found} instead of {wanted}"));
        }
    }

    /// Fails when anything was found, or a row was not entered.
    #[track_caller]
    pub fn finish(self) {
        let of_page: BTreeSet<&str> = self.rows.keys().copied().collect();
        let open: Vec<&&str> = of_page.difference(&self.entered).collect();
        let alien: Vec<&&str> = self.entered.difference(&of_page).collect();
        assert!(
            self.faults.is_empty() && open.is_empty() && alien.is_empty(),
            "faults:\n{}\nnot looked at: {open:?}, not of this test by docs/conformance.md: {alien:?}",
            self.faults.join("\n")
        );
    }
}

/// The pair with few objects: lists stay quick.
pub async fn small() -> App {
    App::with(crate::support::app::Options {
        users: 60,
        groups: 8,
        ..Default::default()
    })
    .await
}

/// A user's body.
pub fn user(name: &str, domain: &str) -> Value {
    json!({"schemas": [USER], "userName": format!("{name}@{domain}"), "displayName": name})
}

/// A user's body with more in it.
pub fn user_with(name: &str, domain: &str, more: Value) -> Value {
    let mut body = user(name, domain);
    let (Value::Object(map), Value::Object(more)) = (&mut body, more) else {
        panic!("an object")
    };
    map.extend(more);
    body
}

/// Creates it; gives its id.
pub async fn created(app: &App, path: &str, body: &Value) -> String {
    let answer = app.post(path, body).await.expect_status(201);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// Names of the members of an object.
pub fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .map(|m| m.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// Whether the object has the schemas `schemas`, `id`, perhaps `meta`, and these only.
pub fn only(value: &Value, names: &[&str]) -> bool {
    keys(value)
        .iter()
        .all(|k| ["schemas", "id", "meta"].contains(k) || names.contains(k))
        && names.iter().all(|n| value.get(*n).is_some())
        && value["id"].is_string()
        && value["schemas"].is_array()
}
