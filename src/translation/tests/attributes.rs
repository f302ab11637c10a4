//! The attribute table of an IGA platform against `iga-flat`: every path, exactly as written
//! there, finds its value in the resource, and leads back where it can be written.

use std::{collections::BTreeMap, path::Path};

use jsonpath_rust::JsonPath;
use serde_json::{Map, Value, json};

use super::mapping;
use crate::translation::path::normalise;

/// The table lies beside the repository; without it there is nothing to test against.
fn table() -> Option<Vec<Value>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/attributes.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("NOT TESTED: {} is not there", file.display());
        return None;
    };
    let table: Value = serde_json::from_str(&text).unwrap();
    Some(table["rows"].as_array().unwrap().clone())
}

/// What Graph holds at the property that a row of the table names.
fn sample(property: &str, at: usize) -> Value {
    match property {
        "accountEnabled" => json!(true),
        p if p.ends_with("HireDate") || p.ends_with("LeaveDateTime") => {
            json!("2026-01-31T08:00:00Z")
        }
        p if p.starts_with("mailboxSettings") && p.ends_with("DateTime") => {
            json!({"dateTime": "2026-01-31T08:00:00", "timeZone": "UTC"})
        }
        p => json!(format!("{p} {at}")),
    }
}

fn put(entity: &mut Value, path: &str, value: Value) {
    let mut at = entity;
    for name in path.trim_end_matches("[0]").split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = if path.ends_with("[0]") {
        json!([value])
    } else {
        value
    };
}

#[test]
fn every_path_of_the_table_resolves_both_ways() {
    let Some(rows) = table() else { return };
    let flat = mapping("iga-flat", "users");
    let mut entity = json!({"id": "87d349ed-44d7-43e1-9a83-5f2406dee5bd"});
    let mut expected: BTreeMap<String, Value> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let path = row["scimPath"].as_str().unwrap().to_owned();
        match row["graph"].as_str() {
            None => {}
            Some("manager") => {
                expected.insert(path, json!("m"));
            }
            Some(property) if property.starts_with("photo") => {
                let url = "/Users/87d349ed-44d7-43e1-9a83-5f2406dee5bd/photo";
                expected.insert(path, json!(url));
            }
            Some(property) => {
                let value = sample(property, at);
                let shown = if value.is_object() {
                    json!("2026-01-31T08:00:00Z")
                } else {
                    value.clone()
                };
                put(&mut entity, property, value);
                expected.insert(path, shown);
            }
        }
    }
    let mut doc = flat.to_scim(&entity);
    let manager = flat
        .relations()
        .iter()
        .find(|r| r.relation == "manager")
        .unwrap();
    flat.put_relation(&mut doc, manager, vec![json!({"value": "m"})]);
    let resource = Value::Object(doc.clone());
    let mut resolved = 0;
    for row in &rows {
        let path = row["scimPath"].as_str().unwrap();
        let found = resource.query(&normalise(path)).unwrap();
        match expected.get(path) {
            None => assert!(found.is_empty(), "{path}: {found:?}"),
            Some(value) => {
                assert_eq!(found, [value], "{path}");
                resolved += 1;
            }
        }
        let known = flat
            .rows()
            .iter()
            .any(|r| normalise(&r.written) == normalise(path))
            || path == "manager";
        assert!(known, "{path} has no row");
    }
    let mapped = rows.iter().filter(|r| r["graph"].is_string()).count();
    assert_eq!(resolved, mapped);
    assert!(mapped > 50);

    // And back: what can be written gives the entity again.
    assert!(flat.take_relation(&mut doc, manager).is_some());
    let body = flat.to_graph(None, &doc, &[]).unwrap();
    let mut wanted: Map<String, Value> = entity.as_object().unwrap().clone();
    wanted.shift_remove("id");
    assert_eq!(body.len(), wanted.len());
    for (name, value) in &wanted {
        assert_eq!(body.get(name), Some(value), "{name}");
    }
}

/// `$ref` is resolved by the names of the types that it refers to: an endpoint is its plural.
#[test]
fn endpoints_are_the_plurals_of_the_types() {
    for kind in crate::resources::ALL {
        assert_eq!(kind.endpoint, format!("/{}s", kind.name));
    }
}
