//! `bulkId:x` stands for the id of what another operation makes: in values, in `$ref`s, and in the
//! paths and filters of PATCH.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::scim::{Document, error::Error};

/// How a reference begins.
pub(super) const PREFIX: &str = "bulkId:";

/// The places of references in a text: where each begins, and its `bulkId`.
fn places(text: &str) -> Vec<(usize, &str)> {
    let starts = text.match_indices(PREFIX).filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| matches!(c, '/' | '"'))
    });
    starts
        .map(|(at, _)| {
            let rest = &text[at + PREFIX.len()..];
            let end = rest.find(['"', '/']).unwrap_or(rest.len());
            (at, &rest[..end])
        })
        .collect()
}

/// All `bulkId`s that are referred to.
pub fn references(data: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(data, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(places(text).into_iter().map(|(_, id)| id.to_owned())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(object) => object.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// The data with ids in place of the references.
///
/// # Errors
/// As `id_of`, which gives the id of what the operation of that `bulkId` has made.
pub fn resolve(
    data: &Value,
    id_of: &dyn Fn(&str) -> Result<String, Error>,
) -> Result<Value, Error> {
    Ok(match data {
        Value::String(text) => {
            let mut whole = text.clone();
            for (at, bulk_id) in places(text).into_iter().rev() {
                let end = at + PREFIX.len() + bulk_id.len();
                whole.replace_range(at..end, &id_of(bulk_id)?);
            }
            Value::String(whole)
        }
        Value::Array(items) => items
            .iter()
            .map(|item| resolve(item, id_of))
            .collect::<Result<_, _>>()?,
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| Ok((name.clone(), resolve(value, id_of)?)))
            .collect::<Result<Document, Error>>()?
            .into(),
        other => other.clone(),
    })
}

fn names_one(value: &Value, of: &BTreeSet<String>) -> bool {
    references(value).iter().any(|id| of.contains(id))
}

/// A resource without what refers to one of those: it cannot be said before they are made.
pub fn without(data: &Value, of: &BTreeSet<String>) -> Value {
    let Value::Object(object) = data else {
        return data.clone();
    };
    let kept = object.iter().filter_map(|(name, value)| {
        let kept = match value {
            value if !names_one(value, of) => value.clone(),
            Value::Array(items) => items
                .iter()
                .filter(|item| !names_one(item, of))
                .cloned()
                .collect(),
            Value::Object(_) if is_container(name) => without(value, of),
            _ => return None,
        };
        Some((name.clone(), kept))
    });
    Value::Object(kept.collect())
}

/// The PATCH that adds what [`without`] left out.
pub fn deferred(data: &Value, of: &BTreeSet<String>) -> Value {
    let mut operations = Vec::new();
    let Value::Object(object) = data else {
        return json!({"Operations": operations});
    };
    for (name, value) in object {
        match value {
            Value::Object(container) if is_container(name) => {
                for (inner, value) in container {
                    operations.extend(addition(format!("{name}:{inner}"), value, of));
                }
            }
            value => operations.extend(addition(name.clone(), value, of)),
        }
    }
    json!({"Operations": operations})
}

fn addition(path: String, value: &Value, of: &BTreeSet<String>) -> Option<Value> {
    if !names_one(value, of) {
        return None;
    }
    let value = match value {
        Value::Array(items) => items
            .iter()
            .filter(|item| names_one(item, of))
            .cloned()
            .collect(),
        value => value.clone(),
    };
    Some(json!({"op": "add", "path": path, "value": value}))
}

/// Whether a member holds an extension's attributes.
fn is_container(name: &str) -> bool {
    name.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}
