//! Tables of operations, named by the rows of the conformance checklist that they are.

mod laws;
mod nameless;
mod refusals;
mod relations;
mod users;

use serde_json::{Value, json};

use super::*;
use crate::scim::{
    Document,
    error::{Error, Kind},
    fixture::{doc, group, user},
    resource::get,
    schema::ResourceSchema,
    urn::{ENTERPRISE_USER, PATCH_OP, USER},
};

const STRICT: Options = Options {
    create_on_no_match: CreateOnNoMatch::Never,
    unknown: Unknown::Refuse,
};
const LENIENT: Options = Options {
    create_on_no_match: CreateOnNoMatch::Always,
    unknown: Unknown::Refuse,
};

fn message(operations: &Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

fn patch(
    before: &Value,
    operations: &Value,
    schema: &ResourceSchema,
    options: Options,
) -> Result<Value, Error> {
    let operations = parse(&message(operations), schema, &options)?.operations;
    apply(&doc(before.clone()), &operations, schema, &options).map(Value::Object)
}

fn barbara() -> Value {
    json!({
        "schemas": [USER],
        "id": "1",
        "userName": "barbara",
        "displayName": "Babs",
        "title": "Tour Guide",
        "active": true,
        "name": {"givenName": "Barbara", "familyName": "Jensen", "middleName": "J"},
        "emails": [
            {"value": "bj@work.com", "type": "work", "primary": true},
            {"value": "bj@home.org", "type": "home", "display": "Home"},
        ],
        "phoneNumbers": [{"value": "1", "type": "work"}],
        "addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}],
        "tags": ["red", "green"],
    })
}

/// Barbara with some members changed: null takes one out.
fn barbara_with(changes: Value) -> Value {
    let mut after = barbara();
    for (name, value) in doc(changes) {
        if value.is_null() {
            after.as_object_mut().unwrap().shift_remove(&name);
        } else {
            after[&name] = value;
        }
    }
    after
}
