//! Structures as the directory keeps them: what a caller leaves out is there all the same, and a
//! PATCH of a structure leaves alone what it does not name.

use serde_json::{Map, Value, json};

use crate::odata::facts;
use crate::simulator::directory::{Directory, Kind, Slot};
use crate::simulator::query::values;

/// Completes the structures among the properties of a body; with a slot, over what it has.
pub fn complete(
    dir: &Directory,
    slot: Option<Slot>,
    kind: Kind,
    properties: &mut Map<String, Value>,
) {
    let Some(entity) = facts::entity(kind.entity()) else {
        return;
    };
    for (name, value) in properties.iter_mut() {
        let Some(property) = entity.property(name) else {
            continue;
        };
        let facts::Kind::Complex(structure) = &property.kind else {
            continue;
        };
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| fill(structure, item)),
            Value::Object(given) => {
                let before = match slot {
                    Some(slot) => values::value(dir.present(), slot, name),
                    None => values::structure(kind, name),
                };
                let mut whole = match before {
                    Value::Object(before) => before,
                    _ => Map::new(),
                };
                merge(&mut whole, given);
                *value = Value::Object(whole);
                fill(structure, value);
            }
            _ => {}
        }
    }
}

fn merge(whole: &mut Map<String, Value>, given: &Map<String, Value>) {
    for (name, value) in given {
        match (whole.get_mut(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => {
                whole.insert(name.clone(), value.clone());
            }
        }
    }
    // The settings follow the addresses.
    if let Some(Value::Array(addresses)) = given.get("redirectUris")
        && whole.contains_key("redirectUriSettings")
        && !given.contains_key("redirectUriSettings")
    {
        let settings = addresses
            .iter()
            .map(|uri| json!({"uri": uri, "index": null}));
        let settings: Value = settings.collect();
        whole.insert("redirectUriSettings".to_owned(), settings);
    }
}

fn fill(structure: &str, value: &mut Value) {
    let (Some(facts), Value::Object(object)) = (facts::complex(structure), value) else {
        return;
    };
    object.retain(|name, _| !name.contains('@'));
    for property in facts.properties() {
        let Some(given) = object.get_mut(&property.name) else {
            object.insert(property.name.clone(), absent(structure, property));
            continue;
        };
        if let facts::Kind::Complex(inner) = &property.kind {
            match given {
                Value::Array(items) => items.iter_mut().for_each(|item| fill(inner, item)),
                other => fill(inner, other),
            }
        }
    }
}

/// What a part is that nobody gave.
fn absent(structure: &str, property: &facts::Property) -> Value {
    match (&property.kind, property.collection) {
        (_, true) => json!([]),
        (facts::Kind::Boolean, _) if !property.nullable => json!(false),
        _ if (structure, property.name.as_str()) == ("appRole", "origin") => json!("Application"),
        _ => Value::Null,
    }
}
