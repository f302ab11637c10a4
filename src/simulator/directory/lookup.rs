//! Objects by the value of a property: an index per property that a filter asked for, made at the
//! first question and kept with every change from then on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::object::{Kind, Slot};
use super::record::{Key, Stored};

/// So many indexes are kept; more are a sign that none will be asked again.
const KEPT: usize = 32;

/// A value that is looked up; texts in lower case, as Graph compares without case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sought {
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A moment in ticks.
    Time(i64),
    /// Text.
    Text(Box<str>),
}

impl Sought {
    /// A text in any case.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase().into())
    }

    fn json(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(Self::Bool(*b)),
            Value::Number(n) => n.as_i64().map(Self::Int),
            Value::String(text) => Some(Self::text(text)),
            _ => None,
        }
    }
}

/// Which values are looked for.
#[derive(Clone, Debug)]
pub enum Range<'a> {
    /// One of these.
    Any(&'a [Sought]),
    /// Texts that begin so, in lower case.
    Prefix(&'a str),
    /// At least this.
    From(&'a Sought),
    /// At most this.
    UpTo(&'a Sought),
}

/// A property, or what a path inside a structure or the structures of a collection leads to.
pub(super) type Name = (Kind, Key, Box<[String]>);
/// The objects of each value.
pub(super) type ByValue = BTreeMap<Sought, BTreeSet<Slot>>;

/// The indexes that were asked for.
#[derive(Debug, Default)]
pub(super) struct Lookups(Mutex<HashMap<Name, ByValue>>);

/// The values at a path of a stored property: all of a collection.
pub(super) fn values(stored: Stored<'_>, path: &[String]) -> Vec<Sought> {
    match stored {
        Stored::Bool(b) => vec![Sought::Bool(b)],
        Stored::Int(n) => vec![Sought::Int(n)],
        Stored::Time(at) => vec![Sought::Time(at)],
        Stored::Str(text) => vec![Sought::text(text)],
        Stored::List(list) => list.iter().map(Sought::text).collect(),
        Stored::Json(_) => {
            let mut found = Vec::new();
            collect(&stored.to_json(), path, &mut found);
            found
        }
    }
}

fn collect(value: &Value, path: &[String], found: &mut Vec<Sought>) {
    match (value, path) {
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Object(parts), [name, rest @ ..]) => {
            if let Some(part) = parts.get(name) {
                collect(part, rest, found);
            }
        }
        (simple, []) => found.extend(Sought::json(simple)),
        _ => {}
    }
}

impl Lookups {
    /// Enters an object's values into the indexes of its kind, or takes them out; `stored` tells
    /// its properties.
    pub(super) fn update<'a>(
        &mut self,
        (kind, slot): (Kind, Slot),
        add: bool,
        stored: impl Fn(Key) -> Option<Stored<'a>>,
    ) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for ((_, key, path), by_value) in kept.iter_mut().filter(|((k, ..), _)| *k == kind) {
            let Some(stored) = stored(*key) else {
                continue;
            };
            for value in values(stored, path) {
                if add {
                    by_value.entry(value).or_default().insert(slot);
                } else if let Some(slots) = by_value.get_mut(&value) {
                    slots.remove(&slot);
                    if slots.is_empty() {
                        by_value.remove(&value);
                    }
                }
            }
        }
    }

    /// The objects whose value lies in a range, added to `found`; false when these are more than
    /// `most`. `make` makes the index that is not there yet.
    pub(super) fn find(
        &self,
        name: Name,
        range: &Range<'_>,
        (found, most): (&mut Vec<Slot>, usize),
        make: impl FnOnce() -> ByValue,
    ) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(&name) {
            kept.clear();
        }
        let by_value = kept.entry(name).or_insert_with(make);
        let mut take = |slots: &BTreeSet<Slot>| {
            found.extend(slots);
            found.len() <= most
        };
        match range {
            Range::Any(values) => values.iter().filter_map(|v| by_value.get(v)).all(take),
            Range::Prefix(prefix) => {
                let from = Bound::Included(Sought::Text((*prefix).into()));
                by_value
                    .range((from, Bound::Unbounded))
                    .take_while(
                        |(value, _)| matches!(value, Sought::Text(t) if t.starts_with(prefix)),
                    )
                    .all(|(_, slots)| take(slots))
            }
            Range::From(value) => by_value
                .range((Bound::Included((*value).clone()), Bound::Unbounded))
                .take_while(|(other, _)| same_type(other, value))
                .all(|(_, slots)| take(slots)),
            Range::UpTo(value) => by_value
                .range((Bound::Unbounded, Bound::Included((*value).clone())))
                .rev()
                .take_while(|(other, _)| same_type(other, value))
                .all(|(_, slots)| take(slots)),
        }
    }
}

fn same_type(a: &Sought, b: &Sought) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
