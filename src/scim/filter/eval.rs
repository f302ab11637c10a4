//! A checked filter against documents.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{CompareOp, Filter, Literal};
use crate::scim::{
    Document,
    attr::AttrPath,
    datetime::{self, Instant},
    schema::{Attribute, ResourceSchema, Type},
    text,
};

/// Whether `doc` satisfies `filter`, which [`super::check`] has returned. For many documents,
/// build one [`Matcher`].
pub fn matches(filter: &Filter, doc: &Document, schema: &ResourceSchema) -> bool {
    Matcher::new(filter, schema).matches(doc)
}

/// A filter made ready for many documents: attributes are resolved and values folded and parsed
/// once, and matching allocates nothing (but for text that is not ASCII).
///
/// - Strings compare without case unless the attribute is `caseExact`; dateTimes as instants.
/// - Of a multi-valued attribute or sub-attribute, any one value may satisfy a comparison.
/// - An attribute without a value satisfies `eq null` and `ne` anything but null, nothing else.
#[derive(Clone, Debug)]
pub struct Matcher {
    root: Node,
}

impl Matcher {
    /// Prepares a filter that [`super::check`] has returned.
    pub fn new(filter: &Filter, schema: &ResourceSchema) -> Self {
        Self {
            root: prepare(filter, &|path: &AttrPath| {
                let found = schema.resolve(path).ok();
                let attribute = found.as_ref().and_then(|f| f.attribute);
                (attribute, found.and_then(|f| f.sub).or(attribute))
            }),
        }
    }

    /// Prepares a filter from inside a value path, that [`super::check_within`] has returned,
    /// for [`Self::matches_element`].
    pub fn within(filter: &Filter, attribute: &Attribute) -> Self {
        Self {
            root: prepare_within(filter, attribute),
        }
    }

    /// Whether `doc` satisfies the filter.
    pub fn matches(&self, doc: &Document) -> bool {
        self.root.holds(Scope::Object(doc))
    }

    /// Whether one element of a multi-valued attribute satisfies the filter.
    pub fn matches_element(&self, element: &Value) -> bool {
        self.root.holds(Scope::of(element))
    }
}

#[derive(Clone, Debug)]
enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Test(Place, Test),
    /// One element satisfies the whole.
    Element(Place, Box<Node>),
}

#[derive(Clone, Debug)]
struct Place {
    container: Option<String>,
    attr: String,
    sub: Option<String>,
}

#[derive(Clone, Debug)]
enum Test {
    Present,
    Absent,
    Compare(CompareOp, Probe),
}

/// The right side, in the form in which it is compared.
#[derive(Clone, Debug)]
enum Probe {
    Bool(bool),
    Number(Number),
    Exact(String),
    Folded(String),
    Instant(Instant),
}

/// Where names are looked up.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Object(&'a Document),
    /// An element that is not an object: its only name is `value`.
    Plain(&'a Value),
}

impl<'a> Scope<'a> {
    fn of(element: &'a Value) -> Self {
        match element {
            Value::Object(object) => Self::Object(object),
            other => Self::Plain(other),
        }
    }
}

type Definitions<'a> = (Option<&'a Attribute>, Option<&'a Attribute>);

fn prepare<'a>(filter: &Filter, find: &dyn Fn(&AttrPath) -> Definitions<'a>) -> Node {
    let boxed = |filter: &Filter| Box::new(prepare(filter, find));
    match filter {
        Filter::And(a, b) => Node::And(boxed(a), boxed(b)),
        Filter::Or(a, b) => Node::Or(boxed(a), boxed(b)),
        Filter::Not(a) => Node::Not(boxed(a)),
        Filter::Present(path) => Node::Test(Place::new(path), Test::Present),
        Filter::Compare(path, op, literal) => {
            Node::Test(Place::new(path), Test::new(*op, literal, find(path).1))
        }
        Filter::ValuePath(path, inner) => {
            let inner = match find(path).0 {
                Some(attribute) => prepare_within(inner, attribute),
                None => prepare(inner, &|_| (None, None)),
            };
            Node::Element(Place::new(path), Box::new(inner))
        }
    }
}

fn prepare_within(filter: &Filter, attribute: &Attribute) -> Node {
    prepare(filter, &|path: &AttrPath| {
        let leaf = if attribute.kind == Type::Complex {
            attribute.sub(&path.attr)
        } else {
            Some(attribute)
        };
        (leaf, leaf)
    })
}

impl Place {
    fn new(path: &AttrPath) -> Self {
        Self {
            container: path.urn.clone(),
            attr: path.attr.clone(),
            sub: path.sub.clone(),
        }
    }

    fn find<'a>(&self, scope: Scope<'a>) -> Option<&'a Value> {
        match scope {
            Scope::Plain(value) => (self.attr == "value").then_some(value),
            Scope::Object(object) => match &self.container {
                None => object.get(&self.attr),
                Some(urn) if self.attr.is_empty() => object.get(urn),
                Some(urn) => object.get(urn)?.get(&self.attr),
            },
        }
    }

    /// Calls `test` with each value at this place until it says yes.
    fn any(&self, scope: Scope<'_>, mut test: impl FnMut(&Value) -> bool) -> bool {
        let mut leaf = |value: &Value| !value.is_null() && test(value);
        let Some(found) = self.find(scope) else {
            return false;
        };
        values(found).iter().any(|value| match &self.sub {
            None => leaf(value),
            // An element may have many values of one sub-attribute.
            Some(sub) => value
                .get(sub)
                .is_some_and(|inner| values(inner).iter().any(&mut leaf)),
        })
    }
}

/// The values of an attribute, be it multi-valued or not.
fn values(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        single => std::slice::from_ref(single),
    }
}

impl Test {
    fn new(op: CompareOp, literal: &Literal, leaf: Option<&Attribute>) -> Self {
        let probe = match literal {
            Literal::Null if op == CompareOp::Ne => return Self::Present,
            Literal::Null => return Self::Absent,
            Literal::Bool(value) => Probe::Bool(*value),
            Literal::Number(value) => Probe::Number(value.clone()),
            Literal::String(value) => {
                let kind = leaf.map_or(Type::String, |a| a.kind);
                let textual = matches!(op, CompareOp::Co | CompareOp::Sw | CompareOp::Ew);
                match datetime::instant(value) {
                    Some(instant) if kind == Type::DateTime && !textual => Probe::Instant(instant),
                    _ if kind == Type::Binary || leaf.is_some_and(|a| a.case_exact) => {
                        Probe::Exact(value.clone())
                    }
                    _ => Probe::Folded(text::fold(value)),
                }
            }
        };
        Self::Compare(op, probe)
    }
}

impl Node {
    fn holds(&self, scope: Scope<'_>) -> bool {
        match self {
            Self::And(a, b) => a.holds(scope) && b.holds(scope),
            Self::Or(a, b) => a.holds(scope) || b.holds(scope),
            Self::Not(a) => !a.holds(scope),
            Self::Element(place, inner) => {
                place.any(scope, |element| inner.holds(Scope::of(element)))
            }
            Self::Test(place, Test::Present) => place.any(scope, is_present),
            Self::Test(place, Test::Absent) => !place.any(scope, is_present),
            Self::Test(place, Test::Compare(CompareOp::Ne, probe)) => {
                let mut seen = false;
                let differs = place.any(scope, |value| {
                    seen = true;
                    !probe.holds(CompareOp::Eq, value)
                });
                differs || !seen
            }
            Self::Test(place, Test::Compare(op, probe)) => {
                place.any(scope, |value| probe.holds(*op, value))
            }
        }
    }
}

/// "has a non-empty or non-null value, or contains a non-empty node for complex attributes"
fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(is_present),
        Value::Object(object) => object.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Probe {
    fn holds(&self, op: CompareOp, value: &Value) -> bool {
        let order = match (self, value) {
            (Self::Bool(probe), Value::Bool(value)) => value.cmp(probe),
            (Self::Number(probe), Value::Number(value)) => match compare_numbers(value, probe) {
                Some(order) => order,
                None => return false,
            },
            (Self::Instant(probe), Value::String(value)) => match datetime::instant(value) {
                Some(value) => value.cmp(probe),
                None => return false,
            },
            (Self::Exact(probe), Value::String(value)) => match op {
                CompareOp::Eq => return value == probe,
                CompareOp::Co => return value.contains(probe),
                CompareOp::Sw => return value.starts_with(probe),
                CompareOp::Ew => return value.ends_with(probe),
                _ => value.as_str().cmp(probe),
            },
            (Self::Folded(probe), Value::String(value)) => match op {
                CompareOp::Eq => return text::equals(value, probe),
                CompareOp::Co => return text::contains(value, probe),
                CompareOp::Sw => return text::starts_with(value, probe),
                CompareOp::Ew => return text::ends_with(value, probe),
                _ => text::compare(value, probe),
            },
            _ => return false,
        };
        match op {
            CompareOp::Eq => order == Ordering::Equal,
            CompareOp::Ne => order != Ordering::Equal,
            CompareOp::Gt => order == Ordering::Greater,
            CompareOp::Ge => order != Ordering::Less,
            CompareOp::Lt => order == Ordering::Less,
            CompareOp::Le => order != Ordering::Greater,
            CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
        }
    }
}

/// The order of two JSON numbers; integers are compared as such.
pub(crate) fn compare_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}
