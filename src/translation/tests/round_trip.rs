//! Property: what a client writes is what the next read shows, for every writable row.

use std::{collections::HashMap, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::mapping;
use crate::{
    scim::{Document, resource, schema::Type},
    translation::{Direction, Mapping, Place, Transform},
};

const FILES: [(&str, &str); 6] = [
    ("standard", "users"),
    ("standard", "groups"),
    ("standard", "roles"),
    ("iga-flat", "users"),
    ("iga-flat", "groups"),
    ("iga-flat", "roles"),
];

static MAPPINGS: LazyLock<Vec<(&str, &str, Mapping)>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(preset, stem)| (*preset, *stem, mapping(preset, stem)))
        .collect()
});

/// A value of the row's type, made from `seed`.
fn value(kind: Type, seed: &str, number: u32) -> Value {
    match kind {
        Type::Boolean => number.is_multiple_of(2).into(),
        Type::Integer => number.into(),
        Type::DateTime => {
            format!("20{:02}-0{}-01T00:00:00Z", number % 90 + 10, number % 9 + 1).into()
        }
        _ => format!("{seed}{number}").into(),
    }
}

/// A canonical document with a value for each readable and writable row that `chosen` picks;
/// attributes of one property get the same value.
fn document(mapping: &Mapping, seed: &str, chosen: &[bool]) -> Document {
    let mut doc = Document::new();
    let mut by_property: Map<String, Value> = Map::new();
    let mut picked: HashMap<String, bool> = HashMap::new();
    let rows = mapping.rows().iter().filter(|row| {
        row.graph.is_some() && matches!(row.direction, Direction::Both | Direction::Create)
    });
    for (at, row) in rows.enumerate() {
        let property = row.graph.as_ref().unwrap().to_string();
        if !*picked
            .entry(property.clone())
            .or_insert(chosen[at % chosen.len()])
        {
            continue;
        }
        let number = u32::try_from(at).unwrap();
        let one = by_property
            .entry(property)
            .or_insert_with(|| value(row.kind, seed, number))
            .clone();
        let list = json!([one, value(row.kind, seed, number + 1000)]);
        match row.place() {
            Place::Plain(path) if row.multi => resource::set(&mut doc, path, list),
            Place::Plain(path) => resource::set(&mut doc, path, one),
            Place::Each { .. } => {}
            Place::Element {
                attr,
                equalities,
                sub,
            } => {
                let mut elements = resource::get(&doc, attr)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                let values = if row.multi {
                    list.as_array().unwrap().clone()
                } else {
                    vec![one]
                };
                for value in values {
                    let same = elements.iter_mut().find(|e| {
                        !row.multi && equalities.iter().all(|(n, v)| e.get(n) == Some(v))
                    });
                    if let Some(element) = same {
                        element[sub] = value;
                    } else {
                        let mut element = Map::new();
                        element.insert(sub.clone(), value);
                        element.extend(equalities.clone());
                        elements.push(Value::Object(element));
                    }
                }
                resource::set(&mut doc, attr, Value::Array(elements));
            }
        }
    }
    doc
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn created_is_read_back(seed in "[a-zA-Zžø日'\"\\\\ ]{1,12}", chosen in proptest::collection::vec(any::<bool>(), 1..40)) {
        for (preset, stem, mapping) in MAPPINGS.iter() {
            let doc = document(mapping, &seed, &chosen);
            let graph = mapping.to_graph(None, &doc, &[]).unwrap();
            let back = mapping.to_scim(&Value::Object(graph));
            prop_assert_eq!(&back, &doc, "{} {}", preset, stem);
        }
    }

    /// An update is the difference: laid over the old entity it gives the new resource, and
    /// afterwards there is nothing left to send.
    #[test]
    fn updated_is_read_back(
        old in proptest::collection::vec(any::<bool>(), 1..40),
        new in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        for (preset, stem, mapping) in MAPPINGS.iter() {
            // Immutable values stay, and so do those that cannot be cleared.
            let stays = |doc: &Document| {
                let mut kept = doc.clone();
                for row in mapping.rows().iter().filter(|r| r.direction == Direction::Create) {
                    resource::remove(&mut kept, &row.place().path());
                }
                kept
            };
            let before = stays(&document(mapping, "a", &old));
            let after = stays(&document(mapping, "b", &new));
            let mut entity = Value::Object(mapping.to_graph(None, &before, &[]).unwrap());
            let body = mapping.to_graph(Some(&before), &after, &[]).unwrap();
            lay_over(&mut entity, &Value::Object(body));
            let found = mapping.to_scim(&entity);
            let again = mapping.to_graph(Some(&found), &after, &[]).unwrap();
            prop_assert_eq!(Value::Object(again), json!({}), "{} {}", preset, stem);
            for row in mapping.rows().iter().filter(|r| r.is_written() && r.clearable) {
                if let Place::Plain(path) = row.place() {
                    prop_assert_eq!(
                        resource::get(&found, path),
                        resource::get(&after, path),
                        "{} {} {}", preset, stem, row.written
                    );
                }
            }
        }
    }
}

/// As Graph does: members of complex properties one by one, all else replaced.
fn lay_over(entity: &mut Value, body: &Value) {
    match (entity, body) {
        (Value::Object(entity), Value::Object(body)) => {
            for (name, value) in body {
                lay_over(entity.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (entity, value) => *entity = value.clone(),
    }
}

#[test]
fn every_writable_row_has_an_inverse() {
    for (preset, stem) in FILES {
        for row in mapping(preset, stem)
            .rows()
            .iter()
            .filter(|r| r.is_written())
        {
            assert!(
                row.transform.has_inverse(),
                "{preset} {stem} {} {:?}",
                row.written,
                Transform::name(&row.transform)
            );
        }
    }
}
