//! A write as a plan: the Graph calls, in order, before any is made.

use serde_json::{Value, json};

use crate::odata::request::Request;

/// Which refusal of Graph means that the wanted state is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerates {
    /// None: every refusal is a failure.
    Nothing,
    /// "already exist": the reference that is to be added is there.
    AlreadyThere,
    /// "do not exist", 404: the reference that is to be removed is not there.
    NotThere,
}

/// One Graph call of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphCall {
    /// The request.
    pub request: Request,
    /// Writes to one object must not run side by side (Graph answers with a concurrency
    /// violation): calls with the same lane are chained, in order.
    pub lane: String,
    /// Which refusal is success.
    pub tolerates: Tolerates,
    /// For errors: `members: add 20`.
    pub what: String,
    /// The ids that the call adds, when some of them being there already makes Graph refuse all.
    pub bulk_add: Vec<String>,
}

impl GraphCall {
    /// A call that tolerates no refusal.
    pub fn new(request: Request, lane: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            request,
            lane: lane.into(),
            tolerates: Tolerates::Nothing,
            what: what.into(),
            bulk_add: Vec::new(),
        }
    }

    /// The same call, tolerating a refusal.
    pub fn tolerating(self, tolerates: Tolerates) -> Self {
        Self { tolerates, ..self }
    }

    /// The call as a value that a person can read: what a dry run returns.
    pub fn printable(&self) -> Value {
        let mut call = json!({
            "method": self.request.method.as_str(),
            "url": self.request.url(),
            "purpose": self.what,
        });
        if let Some(body) = &self.request.body {
            call["body"] = redact(body);
        }
        call
    }
}

/// A copy of a request body without passwords.
fn redact(body: &Value) -> Value {
    match body {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| {
                    let hidden = k.eq_ignore_ascii_case("password");
                    (
                        k.clone(),
                        if hidden { "(hidden)".into() } else { redact(v) },
                    )
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(redact).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_shows_no_password() {
        let body = json!({"passwordProfile": {"password": "s3cret", "forceChangePasswordNextSignIn": true}});
        let call = GraphCall::new(Request::patch("/users/x", body), "x", "update");
        let printed = call.printable().to_string();
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(printed.contains("forceChangePasswordNextSignIn"));
    }
}
