//! Which row holds which value of a resource that a client sent.
//!
//! Rows of single values are looked up by their path. Elements of a multi-valued attribute are
//! given to the row whose equalities they satisfy (`type` without regard to case, `primary` only
//! to choose between rows that are otherwise the same, because the mapping decides it). One
//! without a `type` is the primary one, and if there is one already goes where there may be
//! many: to guess between fixed places would make a fax number of a phone number, and another one
//! each time. What no row holds is a stray.

use serde_json::Value;

use super::{
    Mapping,
    path::Place,
    row::{ElementKind, Row},
};
use crate::scim::{Document, attr::AttrPath, error::Error, resource};

/// The values of a resource by row, and what no row holds.
pub(super) struct RowValues<'a> {
    values: Vec<Vec<&'a Value>>,
    strays: Vec<Stray<'a>>,
}

struct Stray<'a> {
    attr: &'a AttrPath,
    /// Which of the attribute's elements it is.
    at: usize,
    element: &'a Value,
    /// The member that has no place, where the element itself has one.
    member: Option<&'a str>,
    reason: String,
}

impl<'a> RowValues<'a> {
    /// The values of the row with that index.
    pub(super) fn values(&self, index: usize) -> &[&'a Value] {
        self.values.get(index).map_or(&[], Vec::as_slice)
    }

    /// Refuses elements that no row holds, unless they were there before.
    pub(super) fn refuse_strays(&self, before: &RowValues<'_>) -> Result<(), Error> {
        let new = self.strays.iter().find(|stray| {
            !before
                .strays
                .iter()
                .any(|old| old.attr == stray.attr && old.element == stray.element)
        });
        match new {
            None => Ok(()),
            Some(stray) => Err(Error::invalid_value(stray.reason.clone())),
        }
    }
}

impl Mapping {
    /// Takes out of a resource what no row holds of its multi-valued attributes; gives the names of
    /// the attributes that lost something. A list's value without a place is no reason to refuse
    /// the whole: RFC 7643 lets a client send any `type`.
    pub fn drop_strays(&self, doc: &mut Document) -> Vec<String> {
        let mut strays: Vec<(AttrPath, usize, Option<String>)> = self
            .hold(doc)
            .strays
            .iter()
            .map(|stray| {
                let member = stray.member.map(str::to_owned);
                (stray.attr.clone(), stray.at, member)
            })
            .collect();
        strays.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut dropped: Vec<String> = Vec::new();
        for of_one in strays.chunk_by(|(a, ..), (b, ..)| a == b) {
            let Some((attr, ..)) = of_one.first() else {
                continue;
            };
            let Some(Value::Array(elements)) = resource::get(doc, attr) else {
                continue;
            };
            let mut left: Vec<Option<Value>> = elements.iter().cloned().map(Some).collect();
            for (_, at, member) in of_one {
                let name = match (left.get_mut(*at), member) {
                    (Some(Some(Value::Object(element))), Some(member)) => {
                        element.shift_remove(member);
                        attr.with_sub(member).to_string()
                    }
                    (Some(element), None) => {
                        *element = None;
                        attr.to_string()
                    }
                    _ => continue,
                };
                if !dropped.contains(&name) {
                    dropped.push(name);
                }
            }
            let left: Vec<Value> = left.into_iter().flatten().collect();
            if left.is_empty() {
                resource::remove(doc, attr);
            } else {
                resource::set(doc, attr, Value::Array(left));
            }
        }
        dropped
    }

    pub(super) fn hold_nothing(&self) -> RowValues<'_> {
        RowValues {
            values: vec![Vec::new(); self.rows.len()],
            strays: Vec::new(),
        }
    }

    pub(super) fn hold<'a>(&'a self, doc: &'a Document) -> RowValues<'a> {
        let mut held = self.hold_nothing();
        for (row, values) in self.rows.iter().zip(&mut held.values) {
            if let Place::Plain(path) = row.place() {
                match resource::get(doc, path) {
                    Some(Value::Array(list)) if row.multi => {
                        values.extend(list.iter().filter(|value| !is_nothing(value)));
                    }
                    Some(value) if !is_nothing(value) => values.push(value),
                    _ => {}
                }
            }
        }
        let mut done: Vec<&AttrPath> = Vec::new();
        for element_kind in &self.element_kinds {
            if done.contains(&&element_kind.attr) {
                continue;
            }
            done.push(&element_kind.attr);
            if let Some(Value::Array(elements)) = resource::get(doc, &element_kind.attr) {
                self.hold_elements(&element_kind.attr, elements, &mut held);
            }
        }
        held
    }

    fn hold_elements<'a>(
        &'a self,
        attr: &'a AttrPath,
        elements: &'a [Value],
        held: &mut RowValues<'a>,
    ) {
        let element_kinds: Vec<&ElementKind> = self
            .element_kinds
            .iter()
            .filter(|s| s.attr == *attr)
            .collect();
        let mut taken = vec![false; element_kinds.len()];
        let mut untyped = Vec::new();
        // The elements of which there is only one of each kind.
        let mut given: Vec<&Value> = Vec::new();
        for (at, element) in elements.iter().enumerate() {
            match best_kind(&element_kinds, element)
                .and_then(|kind| Some((kind, element_kinds.get(kind)?)))
            {
                Some((kind, element_kind)) if element_kind.many || !taken[kind] => {
                    if !element_kind.many {
                        given.push(element);
                    }
                    taken[kind] = true;
                    self.give(element_kind, (at, element), held);
                }
                Some((_, element_kind)) => held.strays.push(Stray {
                    attr,
                    at,
                    element,
                    member: None,
                    reason: format!(
                        "'{attr}': Entra ID holds only one value with {}",
                        element_kind.describe()
                    ),
                }),
                None if element_kinds
                    .iter()
                    .all(|element_kind| says_nothing(element_kind, element)) =>
                {
                    untyped.push((at, element));
                }
                None => {
                    held.strays.push(Stray {
                        attr,
                        at,
                        element,
                        member: None,
                        reason: format!(
                            "'{attr}': no mapping row holds {element}; there are rows for {}",
                            described(&element_kinds)
                        ),
                    });
                }
            }
        }
        for (at, element) in untyped {
            // What is there already is not there once more.
            if given.iter().any(|whole| repeats(element, whole)) {
                continue;
            }
            let enumerated = || element_kinds.iter().enumerate();
            let free = enumerated()
                .find(|(kind, element_kind)| element_kind.is_primary && !taken[*kind])
                .or_else(|| {
                    enumerated().find(|(_, element_kind)| {
                        element_kind.many && self.is_writable(element_kind)
                    })
                });
            match free {
                Some((kind, element_kind)) => {
                    taken[kind] = true;
                    self.give(element_kind, (at, element), held);
                }
                None => held.strays.push(Stray {
                    attr,
                    at,
                    element,
                    member: None,
                    reason: format!(
                        "'{attr}': {element} does not say which it is; there are rows for {}",
                        described(&element_kinds)
                    ),
                }),
            }
        }
    }

    fn is_writable(&self, element_kind: &ElementKind) -> bool {
        self.rows_of_kind(element_kind)
            .any(|(_, row)| row.is_written())
    }

    pub(super) fn rows_of_kind<'a>(
        &'a self,
        element_kind: &'a ElementKind,
    ) -> impl Iterator<Item = (usize, &'a Row)> {
        element_kind
            .rows
            .iter()
            .filter_map(|index| Some((*index, self.rows.get(*index)?)))
    }

    /// Gives an element to its kind: each of its members to the row that holds it.
    fn give<'a>(
        &'a self,
        element_kind: &'a ElementKind,
        (at, element): (usize, &'a Value),
        held: &mut RowValues<'a>,
    ) {
        for (name, value) in element.as_object().into_iter().flatten() {
            if is_nothing(value) || element_kind.fixes(name) || is_decided_here(name) {
                continue;
            }
            let row = self
                .rows_of_kind(element_kind)
                .find(|(_, row)| row.place().sub() == Some(name));
            match row {
                Some((index, _)) => {
                    if let Some(values) = held.values.get_mut(index) {
                        values.push(value);
                    }
                }
                None => held.strays.push(Stray {
                    attr: &element_kind.attr,
                    at,
                    element,
                    member: Some(name),
                    reason: format!(
                        "'{}.{name}' has no mapping row for the element with {}",
                        element_kind.attr,
                        element_kind.describe()
                    ),
                }),
            }
        }
    }
}

/// Whether it is no value in Entra ID, which holds no empty texts: clients that fill forms send them
/// for "none".
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// Whether an element says nothing that `whole` does not say.
fn repeats(element: &Value, whole: &Value) -> bool {
    element.as_object().is_some_and(|element| {
        element
            .iter()
            .filter(|(name, _)| !is_decided_here(name))
            .all(|(name, value)| whole.get(name) == Some(value))
    })
}

fn described(element_kinds: &[&ElementKind]) -> String {
    let known: Vec<String> = element_kinds
        .iter()
        .map(|element_kind| element_kind.describe())
        .collect();
    known.join(", ")
}

/// Sub-attributes that the mapping and not the client decides.
fn is_decided_here(name: &str) -> bool {
    matches!(name, "type" | "primary" | "display" | "$ref")
}

/// The kind that an element is of, by its place among the kinds.
fn best_kind(element_kinds: &[&ElementKind], element: &Value) -> Option<usize> {
    element_kinds
        .iter()
        .enumerate()
        .filter(|(_, element_kind)| fits(element_kind, element))
        .max_by_key(|(kind, element_kind)| {
            (is_primary_right(element_kind, element), usize::MAX - kind)
        })
        .map(|(kind, _)| kind)
}

/// Whether the element has what tells its kind from others.
pub(super) fn fits(element_kind: &ElementKind, element: &Value) -> bool {
    element_kind
        .equalities
        .iter()
        .filter(|(name, _)| name != "primary")
        .all(|(name, wanted)| match (element.get(name), wanted) {
            (Some(Value::String(given)), Value::String(wanted)) => {
                given.eq_ignore_ascii_case(wanted)
            }
            (Some(given), wanted) => given == wanted,
            (None, _) => false,
        })
}

fn is_primary_right(element_kind: &ElementKind, element: &Value) -> bool {
    let given = element.get("primary") == Some(&Value::Bool(true));
    let wanted = element_kind
        .equalities
        .iter()
        .any(|(name, value)| name == "primary" && *value == Value::Bool(true));
    given == wanted
}

/// Whether the element has none of the members that tell its kind from others.
fn says_nothing(element_kind: &ElementKind, element: &Value) -> bool {
    element_kind
        .equalities
        .iter()
        .filter(|(name, _)| name != "primary")
        .all(|(name, _)| element.get(name).is_none_or(Value::is_null))
}
