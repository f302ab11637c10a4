//! The elements of a multi-valued attribute: which are the same, and what stays of one.

use std::collections::HashMap;

use serde_json::Value;

use crate::scim::{
    Document, datetime,
    schema::{Attribute, Mutability, Type},
    text,
};

/// The elements of a multi-valued attribute, each once. Adding is O(1), however long the list.
#[derive(Debug)]
pub(crate) struct List<'a> {
    attribute: &'a Attribute,
    items: Vec<Value>,
    index: HashMap<String, Vec<usize>>,
}

impl<'a> List<'a> {
    /// A list of `items`, taken as they are.
    pub(crate) fn new(attribute: &'a Attribute, items: Vec<Value>) -> Self {
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            index.entry(key(attribute, item)).or_default().push(at);
        }
        Self {
            attribute,
            items,
            index,
        }
    }

    /// Adds an element, or lays its sub-attributes over the same one; gives its place.
    pub(crate) fn add(&mut self, element: Value) -> usize {
        let places = self.index.entry(key(self.attribute, &element)).or_default();
        let found = places
            .iter()
            .find(|at| same(self.attribute, &self.items[**at], &element));
        if let Some(&at) = found {
            if let (Value::Object(old), Value::Object(new)) = (&mut self.items[at], element) {
                // What differs only in case is no change.
                for (name, value) in new {
                    let sub = self.attribute.sub(&name);
                    let equal = |old| sub.is_some_and(|sub| same_value(sub, old, &value));
                    if !old.get(&name).is_some_and(equal) {
                        old.insert(name, value);
                    }
                }
            }
            return at;
        }
        let at = self.items.len();
        places.push(at);
        self.items.push(element);
        at
    }

    /// Whether this element is the same as one of the list.
    pub(crate) fn holds(&self, element: &Value) -> bool {
        // Under the empty key are those that say no `value`.
        [key(self.attribute, element).as_str(), ""]
            .iter()
            .filter_map(|key| self.index.get(*key))
            .flatten()
            .any(|at| covers(self.attribute, &self.items[*at], element))
    }

    pub(crate) fn into_inner(self) -> Vec<Value> {
        self.items
    }
}

/// What the same elements have in common: the `value`, or for elements without one nothing.
fn key(attribute: &Attribute, element: &Value) -> String {
    let (value, exact) = match (attribute.kind, attribute.sub("value")) {
        (Type::Complex, Some(sub)) => (element.get("value"), sub.case_exact),
        (Type::Complex, None) => (None, true),
        // Two spellings of a plain value are two values: there is nothing else to tell them by.
        _ => (Some(element), true),
    };
    match value {
        Some(Value::String(text)) if !exact => text::fold(text),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Two elements are the same when their `value` is, and no other sub-attribute that says what
/// they are contradicts (so that one role at two scopes is two elements, and one e-mail address
/// of two types as well). Without a `value`: when `b` says nothing that `a` does not.
fn same(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    let (Value::Object(left), Value::Object(right)) = (a, b) else {
        return a == b;
    };
    match (left.contains_key("value"), right.contains_key("value")) {
        (true, true) => {}
        (false, false) => return says_all(attribute, left, right),
        _ => return false,
    }
    left.iter().all(|(name, value)| {
        matches!(name.as_str(), "primary" | "display" | "$ref")
            || right.get(name).is_none_or(|other| {
                attribute.sub(name).is_some_and(|sub| {
                    sub.mutability == Mutability::ReadOnly || same_value(sub, value, other)
                })
            })
    })
}

/// Whether `element` is described by `wanted`: all that `wanted` says is so in `element`.
fn covers(attribute: &Attribute, wanted: &Value, element: &Value) -> bool {
    match (wanted, element) {
        (Value::Object(wanted), Value::Object(_)) if wanted.contains_key("value") => {
            same(attribute, &Value::Object(wanted.clone()), element)
        }
        (Value::Object(wanted), Value::Object(element)) => says_all(attribute, element, wanted),
        _ => wanted == element,
    }
}

/// Whether all that `said` says is so in `element`.
fn says_all(attribute: &Attribute, element: &Document, said: &Document) -> bool {
    said.iter().all(|(name, value)| {
        let sub = attribute.sub(name);
        element
            .get(name)
            .is_some_and(|other| sub.is_some_and(|sub| same_value(sub, value, other)))
    })
}

/// Equality in the attribute's type: strings without case unless `caseExact`, dateTimes as
/// instants, lists value by value.
pub(crate) fn same_value(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(attribute, a, b))
        }
        (Value::String(a), Value::String(b)) if attribute.kind == Type::DateTime => {
            a == b || datetime::instant(a).is_some_and(|a| datetime::instant(b) == Some(a))
        }
        (Value::String(a), Value::String(b)) if !attribute.case_exact => {
            a == b || text::equals(a, &text::fold(b))
        }
        _ => a == b,
    }
}

/// Whether nothing is left of an element but what labels it: then it is gone.
pub(crate) fn labels_only(attribute: &Attribute, element: &Value) -> bool {
    let Value::Object(object) = element else {
        return element.is_null();
    };
    object.keys().all(|name| {
        matches!(name.as_str(), "type" | "primary" | "display" | "$ref")
            || attribute
                .sub(name)
                .is_some_and(|sub| sub.mutability == Mutability::ReadOnly)
    })
}
