//! The elements of a multi-valued attribute: which are the same, and what stays of one.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
};

use serde_json::Value;

use super::{coerce::is_primary, crowd::Crowd};
use crate::scim::{
    Document, datetime,
    error::Error,
    schema::{Attribute, Mutability, Type},
    text,
};

/// The elements of a multi-valued attribute, each at a place that it keeps.
///
/// Elements are found by their `value`, so that what is done to one of them takes no longer in a
/// long list than in a short one.
#[derive(Debug)]
pub(crate) struct List<'a> {
    attribute: &'a Attribute,
    /// By place; `None`: taken out.
    items: Vec<Option<Value>>,
    count: usize,
    /// Places by key. What is taken out or has another key by now stays listed: whoever looks up
    /// compares.
    index: HashMap<String, Vec<usize>>,
    /// For the keys that more than a few elements have.
    crowds: HashMap<String, Crowd>,
    /// How many elements were looked at by going through all of them.
    looked: Cell<usize>,
}

/// From how many elements with one key on they are told apart by a [`Crowd`].
const CROWDED: usize = 16;

impl<'a> List<'a> {
    /// A list of `items`, taken as they are.
    pub(crate) fn new(attribute: &'a Attribute, items: Vec<Value>) -> Self {
        let mut list = Self {
            attribute,
            items: Vec::with_capacity(items.len()),
            count: 0,
            index: HashMap::with_capacity(items.len()),
            crowds: HashMap::new(),
            looked: Cell::new(0),
        };
        for item in items {
            list.push(item);
        }
        list
    }

    /// How many elements were looked at, over all the times that every one of them was.
    pub(crate) fn looked(&self) -> usize {
        self.looked.get()
    }

    fn look(&self) {
        self.looked.set(self.looked.get() + self.items.len());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Puts an element at the end, be it there already or not; gives its place.
    pub(crate) fn push(&mut self, element: Value) -> usize {
        let at = self.items.len();
        self.list_under(key(self.attribute, &element), &element, at);
        self.items.push(Some(element));
        self.count += 1;
        at
    }

    /// Lets the element be found at its place.
    fn list_under(&mut self, key: String, element: &Value, at: usize) {
        if let Some(crowd) = self.crowds.get_mut(&key) {
            crowd.insert(self.attribute, element, at);
        }
        self.index.entry(key).or_default().push(at);
    }

    /// The places of the elements that are the same as `element`, in order.
    fn places_like(&mut self, element: &Value) -> Vec<usize> {
        let key = key(self.attribute, element);
        let Some(places) = self.index.get(&key) else {
            return Vec::new();
        };
        if places.len() < CROWDED || !element.is_object() {
            let mut found = places.clone();
            found.retain(|at| {
                self.get(*at)
                    .is_some_and(|item| same(self.attribute, item, element))
            });
            found.sort_unstable();
            found.dedup();
            return found;
        }
        let crowd = self.crowds.entry(key).or_insert_with(|| {
            let mut crowd = Crowd::default();
            for &at in places {
                if let Some(Some(item)) = self.items.get(at) {
                    crowd.insert(self.attribute, item, at);
                }
            }
            crowd
        });
        crowd.find(self.attribute, &self.items, element)
    }

    /// Adds an element, or lays its sub-attributes over the same one; gives its place.
    pub(crate) fn add(&mut self, element: Value) -> usize {
        let Some(&at) = self.places_like(&element).first() else {
            return self.push(element);
        };
        let mut says_more = false;
        if let (Some(Some(Value::Object(old))), Value::Object(new)) =
            (self.items.get_mut(at), element)
        {
            // What differs only in case is no change.
            for (name, value) in new {
                let sub = self.attribute.sub(&name);
                let equal = |old| sub.is_some_and(|sub| same_value(sub, old, &value));
                if !old.get(&name).is_some_and(equal) {
                    old.insert(name, value);
                    says_more = true;
                }
            }
        }
        if says_more && let Some(item) = self.get(at).cloned() {
            let key = key(self.attribute, &item);
            if let Some(crowd) = self.crowds.get_mut(&key) {
                crowd.insert(self.attribute, &item, at);
            }
        }
        at
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Value> {
        self.items.get(at)?.as_ref()
    }

    /// The places of all elements.
    pub(crate) fn places(&self) -> Vec<usize> {
        self.look();
        let live = |(at, item): (usize, &Option<Value>)| item.is_some().then_some(at);
        self.items.iter().enumerate().filter_map(live).collect()
    }

    /// The places of the elements whose `value` is `text`, of a complex attribute that has one.
    pub(crate) fn places_of(&self, text: &str) -> Option<Vec<usize>> {
        let sub = self.attribute.sub("value")?;
        if sub.kind != Type::String || self.attribute.kind != Type::Complex {
            return None;
        }
        let places = self.index.get(&text_key(sub, text));
        let mut live: Vec<usize> = places.into_iter().flatten().copied().collect();
        live.retain(|at| self.get(*at).is_some());
        live.sort_unstable();
        live.dedup();
        Some(live)
    }

    /// Changes the element at `at`, if there is one.
    pub(crate) fn change(
        &mut self,
        at: usize,
        change: impl FnOnce(&mut Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(Some(item)) = self.items.get_mut(at) else {
            return Ok(());
        };
        let before = key(self.attribute, item);
        change(item)?;
        let after = key(self.attribute, item);
        if let Some(crowd) = self.crowds.get_mut(&after) {
            crowd.insert(self.attribute, item, at);
        }
        if before != after {
            self.index.entry(after).or_default().push(at);
        }
        Ok(())
    }

    /// Takes the element at `at` out.
    pub(crate) fn take(&mut self, at: usize) -> Option<Value> {
        let item = self.items.get_mut(at)?.take()?;
        self.count -= 1;
        Some(item)
    }

    /// Takes out every element that one of `wanted` describes.
    pub(crate) fn take_described(&mut self, wanted: &[Value]) {
        let mut nameless = Shapes::default();
        for one in wanted {
            match one {
                Value::Object(said) if !said.contains_key("value") => {
                    nameless.insert(self.attribute, said);
                }
                _ => {
                    for at in self.places_like(one) {
                        self.take(at);
                    }
                }
            }
        }
        if nameless.is_empty() {
            return;
        }
        for at in self.places() {
            if self
                .get(at)
                .is_some_and(|held| nameless.describes(self.attribute, held))
            {
                self.take(at);
            }
        }
    }

    /// Sets `primary` to false wherever it is true, but at `kept`.
    pub(crate) fn only_primary(&mut self, kept: usize) {
        self.look();
        for (at, element) in self.items.iter_mut().enumerate() {
            if let Some(element) = element
                && at != kept
                && is_primary(element)
            {
                element["primary"] = Value::Bool(false);
            }
        }
    }

    /// Takes all elements out.
    pub(crate) fn clear(&mut self) {
        self.refill(Vec::new());
    }

    /// Puts `items` in place of all elements.
    pub(crate) fn refill(&mut self, items: Vec<Value>) {
        let looked = self.looked.get();
        *self = Self::new(self.attribute, items);
        self.looked.set(looked);
    }

    pub(crate) fn into_inner(self) -> Vec<Value> {
        self.items.into_iter().flatten().collect()
    }
}

/// Descriptions of elements without a `value`, by the names that they say: an element is looked
/// up once for each set of names.
#[derive(Default)]
struct Shapes(Vec<(Vec<String>, HashSet<String>)>);

impl Shapes {
    fn insert(&mut self, attribute: &Attribute, said: &Document) {
        let mut names: Vec<String> = said.keys().cloned().collect();
        names.sort_unstable();
        let Some(key) = key_of(attribute, &names, said) else {
            return;
        };
        match self.0.iter_mut().find(|(known, _)| *known == names) {
            Some((_, keys)) => {
                keys.insert(key);
            }
            None => self.0.push((names, HashSet::from([key]))),
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all that one of them says is so in `element`.
    fn describes(&self, attribute: &Attribute, element: &Value) -> bool {
        let Value::Object(element) = element else {
            return false;
        };
        self.0.iter().any(|(names, keys)| {
            key_of(attribute, names, element).is_some_and(|key| keys.contains(&key))
        })
    }
}

/// What the same elements have in common: the `value`; for elements without one, all of them.
fn key(attribute: &Attribute, element: &Value) -> String {
    let (Type::Complex, Value::Object(object)) = (attribute.kind, element) else {
        // Two spellings of a plain value are two values: there is nothing else to tell them by.
        return match element {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
    };
    if let (Some(sub), Some(value)) = (attribute.sub("value"), object.get("value")) {
        return value_key(sub, value);
    }
    let mut names: Vec<String> = object.keys().cloned().collect();
    names.sort_unstable();
    let parts = names.iter().map(|name| {
        let value = object.get(name).map(Value::to_string);
        format!("{name}={};", value.unwrap_or_default())
    });
    parts.collect::<Vec<_>>().concat()
}

/// The values of `names`, each in the form in which its sub-attribute is compared; `None` when one
/// is missing or no sub-attribute.
pub(super) fn key_of(attribute: &Attribute, names: &[String], object: &Document) -> Option<String> {
    let mut key = String::new();
    for name in names {
        let part = value_key(attribute.sub(name)?, object.get(name)?);
        key.push_str(&measured(&part));
    }
    Some(key)
}

/// With its length, so that no two lists of parts make one text.
fn measured(part: &str) -> String {
    format!("{}:{part}", part.len())
}

/// Equal for two values exactly when [`same_value`] says so.
fn value_key(attribute: &Attribute, value: &Value) -> String {
    match value {
        Value::String(text) => text_key(attribute, text),
        Value::Array(values) => {
            let parts = values
                .iter()
                .map(|value| measured(&value_key(attribute, value)));
            parts.collect::<Vec<_>>().concat()
        }
        other => other.to_string(),
    }
}

fn text_key(attribute: &Attribute, text: &str) -> String {
    let instant = || datetime::instant(text)?.text();
    match attribute.kind {
        Type::DateTime => instant().unwrap_or_else(|| text.to_owned()),
        _ if attribute.case_exact => text.to_owned(),
        _ => text::fold(text),
    }
}

/// Two elements are the same when their `value` is, and no other sub-attribute that says what
/// they are contradicts (so that one role at two scopes is two elements, and one e-mail address
/// of two types as well). Without a `value`: when all is equal.
pub(super) fn same(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    let (Value::Object(left), Value::Object(right)) = (a, b) else {
        return a == b;
    };
    if !(left.contains_key("value") && right.contains_key("value")) {
        return a == b;
    }
    if is_eligible(attribute, left) != is_eligible(attribute, right) {
        return false;
    }
    left.iter().all(|(name, value)| {
        !is_identity(attribute, name)
            || right.get(name).is_none_or(|other| {
                let sub = attribute.sub(name);
                sub.is_some_and(|sub| same_value(sub, value, other))
            })
    })
}

/// Whether an element says that its role may be taken, which is another one than that it is held: the
/// one that does not say is held.
fn is_eligible(attribute: &Attribute, object: &Document) -> bool {
    const HOW: &str = "assignment";
    let said = object.get(HOW).and_then(Value::as_str);
    is_identity(attribute, HOW) && said.is_some_and(|how| how.eq_ignore_ascii_case("eligible"))
}

/// Whether a sub-attribute tells one element from another, and does not only describe it.
pub(super) fn is_identity(attribute: &Attribute, name: &str) -> bool {
    let derived = |sub: &Attribute| sub.mutability == Mutability::ReadOnly;
    !matches!(name, "primary" | "display" | "$ref") && !attribute.sub(name).is_some_and(derived)
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
