//! Sorting, RFC 7644 §3.4.2.3.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{
    Document,
    attr::AttrPath,
    datetime::{self, Instant},
    filter::compare_numbers,
    schema::{ResourceSchema, Type},
    text,
};

/// The direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The default. Resources without a value come last.
    #[default]
    Ascending,
    /// Resources without a value come first.
    Descending,
}

/// A value in the form in which it is ordered.
#[derive(Debug)]
enum Key {
    Bool(bool),
    Number(Number),
    Text(String),
    Instant(Instant),
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b).unwrap_or(Ordering::Equal),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            // One attribute has one type, so this is for documents that break their schema.
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::Instant(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

/// Sorts documents by a canonical path, stably. Strings compare without case unless `caseExact`,
/// dateTimes as instants; a multi-valued attribute counts by its primary value, else its first;
/// a complex one by its `value`.
pub fn sort(docs: &mut [Document], by: &AttrPath, order: SortOrder, schema: &ResourceSchema) {
    let resolved = schema.resolve(by).ok();
    let attribute = resolved.as_ref().and_then(|r| r.attribute);
    let sub = by.sub.as_deref().or_else(|| {
        attribute
            .filter(|a| a.kind == Type::Complex)
            .map(|_| "value")
    });
    let leaf = match (attribute, sub) {
        (Some(attribute), Some(sub)) => attribute.sub(sub),
        (attribute, _) => attribute,
    };
    let exact = leaf.is_some_and(|a| a.case_exact);
    let dated = leaf.is_some_and(|a| a.kind == Type::DateTime);
    let whole = by.without_sub();
    let key = |doc: &Document| -> Option<Key> {
        let value = match super::resource::get(doc, &whole)? {
            Value::Array(elements) => elements
                .iter()
                .find(|element| element.get("primary") == Some(&Value::Bool(true)))
                .or_else(|| elements.first())?,
            single => single,
        };
        let value = match sub {
            Some(sub) => value.get(sub)?,
            None => value,
        };
        Some(match value {
            Value::Bool(value) => Key::Bool(*value),
            Value::Number(value) => Key::Number(value.clone()),
            Value::String(value) if dated => match datetime::instant(value) {
                Some(instant) => Key::Instant(instant),
                None => Key::Text(value.clone()),
            },
            Value::String(value) if exact => Key::Text(value.clone()),
            Value::String(value) => Key::Text(text::fold(value)),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        })
    };
    let mut keyed: Vec<(Option<Key>, Document)> = docs
        .iter_mut()
        .map(|doc| (key(doc), std::mem::take(doc)))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| {
        let ascending = match (a, b) {
            (Some(a), Some(b)) => a.compare(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        match order {
            SortOrder::Ascending => ascending,
            SortOrder::Descending => ascending.reverse(),
        }
    });
    for (place, (_, doc)) in docs.iter_mut().zip(keyed) {
        *place = doc;
    }
}
