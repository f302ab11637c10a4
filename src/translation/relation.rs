//! Relations in a resource: elements in the shape that the row asks for, and back.

use serde_json::{Map, Value};

use super::{Mapping, row::RelationRow, spec::Shape};
use crate::scim::{Document, resource};

impl Mapping {
    /// Writes a relation's elements into a resource by the row's shape; none leaves it out.
    pub fn put_relation(&self, doc: &mut Document, row: &RelationRow, elements: Vec<Value>) {
        if elements.is_empty() {
            return;
        }
        let value = match row.shape {
            Shape::Elements => Some(Value::Array(elements)),
            Shape::Single => elements.into_iter().next(),
            Shape::Value => elements.first().and_then(|e| e.get("value")).cloned(),
        };
        if let Some(value) = value {
            resource::set(doc, &row.path, value);
        }
    }

    /// Takes a relation out of a canonical resource, as elements with at least `value`. `None`:
    /// the resource does not say.
    pub fn take_relation(&self, doc: &mut Document, row: &RelationRow) -> Option<Vec<Value>> {
        Some(match resource::remove(doc, &row.path)? {
            Value::Array(elements) => elements,
            Value::Null => Vec::new(),
            Value::String(id) => {
                let mut element = Map::new();
                element.insert("value".to_owned(), id.into());
                vec![Value::Object(element)]
            }
            other => vec![other],
        })
    }
}
