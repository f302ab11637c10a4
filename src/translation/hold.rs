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
    row::{Row, Slot},
};
use crate::scim::{Document, attr::AttrPath, error::Error, resource};

/// The values of a resource by row, and what no row holds.
pub(super) struct Held<'a> {
    values: Vec<Vec<&'a Value>>,
    strays: Vec<Stray<'a>>,
}

struct Stray<'a> {
    attr: &'a AttrPath,
    element: &'a Value,
    reason: String,
}

impl<'a> Held<'a> {
    /// The values of the row with that index.
    pub(super) fn values(&self, index: usize) -> &[&'a Value] {
        self.values.get(index).map_or(&[], Vec::as_slice)
    }

    /// Refuses elements that no row holds, unless they were there before.
    pub(super) fn refuse_strays(&self, before: &Held<'_>) -> Result<(), Error> {
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
    pub(super) fn hold_nothing(&self) -> Held<'_> {
        Held {
            values: vec![Vec::new(); self.rows.len()],
            strays: Vec::new(),
        }
    }

    pub(super) fn hold<'a>(&'a self, doc: &'a Document) -> Held<'a> {
        let mut held = self.hold_nothing();
        for (row, values) in self.rows.iter().zip(&mut held.values) {
            if let Place::Plain(path) = row.place() {
                match resource::get(doc, path) {
                    Some(Value::Array(list)) if row.multi => values.extend(list),
                    Some(value) if !value.is_null() => values.push(value),
                    _ => {}
                }
            }
        }
        let mut done: Vec<&AttrPath> = Vec::new();
        for slot in &self.slots {
            if done.contains(&&slot.attr) {
                continue;
            }
            done.push(&slot.attr);
            if let Some(Value::Array(elements)) = resource::get(doc, &slot.attr) {
                self.hold_elements(&slot.attr, elements, &mut held);
            }
        }
        held
    }

    fn hold_elements<'a>(&'a self, attr: &'a AttrPath, elements: &'a [Value], held: &mut Held<'a>) {
        let slots: Vec<&Slot> = self.slots.iter().filter(|s| s.attr == *attr).collect();
        let mut taken = vec![false; slots.len()];
        let mut untyped = Vec::new();
        // The elements of which there is only one of each kind.
        let mut given: Vec<&Value> = Vec::new();
        for element in elements {
            let best = slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| fits(slot, element))
                .max_by_key(|(at, slot)| (is_primary_right(slot, element), usize::MAX - at));
            match best {
                Some((at, slot)) => {
                    if !slot.many && !taken[at] {
                        given.push(element);
                    }
                    self.give(slot, element, &mut taken[at], held);
                }
                None if slots.iter().all(|slot| says_nothing(slot, element)) => {
                    untyped.push(element);
                }
                None => {
                    held.strays.push(Stray {
                        attr,
                        element,
                        reason: format!(
                            "'{attr}': no mapping row holds {element}; there are rows for {}",
                            described(&slots)
                        ),
                    });
                }
            }
        }
        for element in untyped {
            // What is there already is not there once more.
            if given.iter().any(|whole| repeats(element, whole)) {
                continue;
            }
            let enumerated = || slots.iter().enumerate();
            let free = enumerated()
                .find(|(at, slot)| slot.is_primary && !taken[*at])
                .or_else(|| enumerated().find(|(_, slot)| slot.many && self.is_writable(slot)));
            match free {
                Some((at, slot)) => self.give(slot, element, &mut taken[at], held),
                None => held.strays.push(Stray {
                    attr,
                    element,
                    reason: format!(
                        "'{attr}': {element} does not say which it is; there are rows for {}",
                        described(&slots)
                    ),
                }),
            }
        }
    }

    fn is_writable(&self, slot: &Slot) -> bool {
        self.slot_rows(slot).any(|(_, row)| row.is_written())
    }

    pub(super) fn slot_rows<'a>(
        &'a self,
        slot: &'a Slot,
    ) -> impl Iterator<Item = (usize, &'a Row)> {
        slot.rows
            .iter()
            .filter_map(|index| Some((*index, self.rows.get(*index)?)))
    }

    /// Gives an element to a slot: each of its members to the row that holds it.
    fn give<'a>(
        &'a self,
        slot: &'a Slot,
        element: &'a Value,
        taken: &mut bool,
        held: &mut Held<'a>,
    ) {
        if *taken && !slot.many {
            held.strays.push(Stray {
                attr: &slot.attr,
                element,
                reason: format!(
                    "'{}': Entra ID holds only one value with {}",
                    slot.attr,
                    slot.describe()
                ),
            });
            return;
        }
        *taken = true;
        for (name, value) in element.as_object().into_iter().flatten() {
            if value.is_null() || slot.fixes(name) || is_decided_here(name) {
                continue;
            }
            let row = self
                .slot_rows(slot)
                .find(|(_, row)| row.place().sub() == Some(name));
            match row {
                Some((index, _)) => {
                    if let Some(values) = held.values.get_mut(index) {
                        values.push(value);
                    }
                }
                None => held.strays.push(Stray {
                    attr: &slot.attr,
                    element,
                    reason: format!(
                        "'{}.{name}' has no mapping row for the element with {}",
                        slot.attr,
                        slot.describe()
                    ),
                }),
            }
        }
    }
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

fn described(slots: &[&Slot]) -> String {
    let known: Vec<String> = slots.iter().map(|slot| slot.describe()).collect();
    known.join(", ")
}

/// Sub-attributes that the mapping and not the client decides.
fn is_decided_here(name: &str) -> bool {
    matches!(name, "type" | "primary" | "display" | "$ref")
}

/// Whether the element has what tells the slot's elements from others.
pub(super) fn fits(slot: &Slot, element: &Value) -> bool {
    slot.equalities
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

fn is_primary_right(slot: &Slot, element: &Value) -> bool {
    let given = element.get("primary") == Some(&Value::Bool(true));
    let wanted = slot
        .equalities
        .iter()
        .any(|(name, value)| name == "primary" && *value == Value::Bool(true));
    given == wanted
}

/// Whether the element has none of the members that tell the slot's elements apart.
fn says_nothing(slot: &Slot, element: &Value) -> bool {
    slot.equalities
        .iter()
        .filter(|(name, _)| name != "primary")
        .all(|(name, _)| element.get(name).is_none_or(Value::is_null))
}
