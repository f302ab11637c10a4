//! A compiled filter, and running it over objects.

use std::borrow::Cow;

use serde_json::Value;
use uuid::Uuid;

use super::values::{self, Scalar};
use crate::odata::expr::Op;
use crate::simulator::directory::{
    Key, Kind, Range, Reader, Relation, Slot, Sought, State, Stored, parse_time,
};

/// An index helps when it tells of less than one in so many objects…
const FEW: usize = 8;
/// …or of no more than this.
const ALWAYS: usize = 1_000;

/// Where a value comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The property.
    pub name: String,
    /// Its number, if any object has it.
    pub key: Option<Key>,
}

/// A literal; texts in lower case, as Graph compares without case.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A moment in ticks.
    Time(i64),
    /// Text.
    Text(String),
}

/// A test of one value.
#[derive(Clone, Debug)]
pub enum Test {
    /// Null, or not.
    IsNull(bool),
    /// Equal.
    Eq(Literal),
    /// Not equal; null is not equal to anything.
    Ne(Literal),
    /// At least.
    Ge(Literal),
    /// At most.
    Le(Literal),
    /// One of these.
    In(Vec<Literal>),
    /// Begins so.
    StartsWith(String),
    /// Ends so.
    EndsWith(String),
}

/// A compiled filter.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// Not.
    Not(Box<Self>),
    /// A property, or a part of it.
    Test(Source, Vec<String>, Test),
    /// Some item of a collection, or of one inside a structure.
    Lambda(Source, Vec<String>, Box<Self>),
    /// The lambda's item, or a part of it.
    Item(Vec<String>, Test),
    /// The length of a collection.
    Count(Source, Op, i64),
}

impl Predicate {
    /// `id eq '…'`
    pub fn is(id: &str) -> Self {
        let source = Source {
            name: "id".to_owned(),
            key: None,
        };
        Self::Test(
            source,
            Vec::new(),
            Test::Eq(Literal::Text(id.to_lowercase())),
        )
    }

    /// Whether it holds of an object.
    pub fn holds(&self, dir: Reader<'_>, slot: Slot) -> bool {
        match self {
            Self::And(a, b) => a.holds(dir, slot) && b.holds(dir, slot),
            Self::Or(a, b) => a.holds(dir, slot) || b.holds(dir, slot),
            Self::Not(inner) => !inner.holds(dir, slot),
            Self::Test(source, path, test) => test_property(dir, slot, source, path, test),
            Self::Lambda(source, path, inner) => match source.stored(dir, slot) {
                Some(Stored::List(list)) if path.is_empty() => {
                    list.iter().any(|item| inner.holds_item(&Item::Text(item)))
                }
                _ => {
                    let value = values::value(dir, slot, &source.name);
                    let items = path.iter().try_fold(&value, |value, name| value.get(name));
                    items
                        .and_then(Value::as_array)
                        .is_some_and(|items| items.iter().any(|i| inner.holds_item(&Item::Json(i))))
                }
            },
            Self::Item(..) => false,
            Self::Count(source, op, n) => {
                let length = if source.name == "ownedObjects" {
                    dir.sources(Relation::Owner, slot, None)
                        .filter(|s| dir.is_live(*s))
                        .count()
                } else {
                    values::value(dir, slot, &source.name)
                        .as_array()
                        .map_or(0, Vec::len)
                };
                let equal = i64::try_from(length) == Ok(*n);
                equal == (*op == Op::Eq)
            }
        }
    }

    fn holds_item(&self, item: &Item<'_>) -> bool {
        match self {
            Self::And(a, b) => a.holds_item(item) && b.holds_item(item),
            Self::Or(a, b) => a.holds_item(item) || b.holds_item(item),
            Self::Not(inner) => !inner.holds_item(item),
            Self::Item(path, test) => match item {
                Item::Text(text) => {
                    path.is_empty() && test.holds(&Scalar::Str(Cow::Borrowed(text)))
                }
                Item::Json(value) => test.holds(&at_path(value, path)),
            },
            _ => false,
        }
    }

    /// Objects that an index tells; every other object fails the filter. `None`: no index helps, or
    /// it tells of so many that looking at all is no worse.
    pub fn candidates(&self, dir: Reader<'_>, kind: Kind) -> Option<Vec<Slot>> {
        match self {
            Self::And(a, b) => match (a.candidates(dir, kind), b.candidates(dir, kind)) {
                (Some(a), Some(b)) => Some(if a.len() <= b.len() { a } else { b }),
                (a, b) => a.or(b),
            },
            Self::Or(a, b) => {
                let mut all = a.candidates(dir, kind)?;
                all.extend(b.candidates(dir, kind)?);
                Some(sorted(all))
            }
            Self::Test(source, path, test) if path.is_empty() => {
                by_key(source, test, dir, kind).or_else(|| by_value(source, path, test, dir, kind))
            }
            Self::Test(source, path, test) => by_value(source, path, test, dir, kind),
            Self::Lambda(source, path, inner) => inner.item_candidates(source, path, dir, kind),
            _ => None,
        }
    }

    /// Of the items of a collection.
    fn item_candidates(
        &self,
        source: &Source,
        path: &[String],
        dir: Reader<'_>,
        kind: Kind,
    ) -> Option<Vec<Slot>> {
        let of = |inner: &Self| inner.item_candidates(source, path, dir, kind);
        match self {
            Self::And(a, b) => of(a).or_else(|| of(b)),
            Self::Or(a, b) => {
                let mut all = of(a)?;
                all.extend(of(b)?);
                Some(sorted(all))
            }
            Self::Item(sub, test) => by_value(source, &[path, sub].concat(), test, dir, kind),
            _ => None,
        }
    }
}

/// By the indexes that keep keys unique.
fn by_key(source: &Source, test: &Test, dir: Reader<'_>, kind: Kind) -> Option<Vec<Slot>> {
    let texts: Vec<&str> = match test {
        Test::Eq(Literal::Text(text)) => vec![text],
        Test::In(values) => values
            .iter()
            .filter_map(|v| match v {
                Literal::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect(),
        _ => return None,
    };
    let by = |text: &&str| match source.name.as_str() {
        "id" => Uuid::parse_str(text).ok().and_then(|id| dir.find(id)),
        "userPrincipalName" => dir.find_upn(text),
        _ => Uuid::parse_str(text)
            .ok()
            .and_then(|id| dir.find_app(kind, id)),
    };
    let indexed = match source.name.as_str() {
        "id" => !kind.has_text_id(),
        "userPrincipalName" => kind == Kind::User,
        "appId" => matches!(kind, Kind::Application | Kind::ServicePrincipal),
        _ => false,
    };
    indexed.then(|| sorted(texts.iter().filter_map(by).collect()))
}

/// By the index of a property's values.
fn by_value(
    source: &Source,
    path: &[String],
    test: &Test,
    dir: Reader<'_>,
    kind: Kind,
) -> Option<Vec<Slot>> {
    if source.name == "id" || values::is_computed(kind, &source.name) {
        return None;
    }
    let sought = |literal: &Literal| match literal {
        Literal::Bool(b) => Some(Sought::Bool(*b)),
        Literal::Int(n) => Some(Sought::Int(*n)),
        // Moments inside structures are kept as texts.
        Literal::Time(at) => path.is_empty().then_some(Sought::Time(*at)),
        Literal::Text(text) => Some(Sought::text(text)),
    };
    let (one, many);
    let range = match test {
        Test::Eq(literal) => {
            one = [sought(literal)?];
            Range::Any(&one)
        }
        Test::In(literals) => {
            many = literals.iter().map(sought).collect::<Option<Vec<_>>>()?;
            Range::Any(&many)
        }
        Test::StartsWith(text) => Range::Prefix(text),
        Test::Ge(literal) => {
            one = [sought(literal)?];
            Range::From(&one[0])
        }
        Test::Le(literal) => {
            one = [sought(literal)?];
            Range::UpTo(&one[0])
        }
        Test::IsNull(_) | Test::Ne(_) | Test::EndsWith(_) => return None,
    };
    let Some(key) = source.key else {
        // No object has it.
        return Some(Vec::new());
    };
    let most = (dir.count_in(kind, State::Live) + dir.count_in(kind, State::Deleted)) / FEW;
    dir.with_value(kind, key, path, &range, most.max(ALWAYS))
}

fn sorted(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_unstable();
    slots.dedup();
    slots
}

enum Item<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl Source {
    fn stored<'a>(&self, dir: Reader<'a>, slot: Slot) -> Option<Stored<'a>> {
        dir.stored(slot, self.key?)
    }
}

fn test_property(
    dir: Reader<'_>,
    slot: Slot,
    source: &Source,
    path: &[String],
    test: &Test,
) -> bool {
    if source.name == "id" {
        return test.holds(&Scalar::Str(dir.id_text(slot).into()));
    }
    if values::is_computed(dir.object(slot).kind, &source.name) {
        return test.holds(&at_path(&values::value(dir, slot, &source.name), path));
    }
    match source.stored(dir, slot) {
        stored if path.is_empty() => test.holds(&Scalar::stored(stored)),
        Some(stored) => test.holds(&at_path(&stored.to_json(), path)),
        None => test.holds(&Scalar::Null),
    }
}

fn at_path(value: &Value, path: &[String]) -> Scalar<'static> {
    let found = path.iter().try_fold(value, |value, name| value.get(name));
    found.map_or(Scalar::Null, Scalar::json)
}

impl Test {
    /// Whether it holds of a value.
    pub fn holds(&self, value: &Scalar<'_>) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = |literal: &Literal| compare(value, literal);
        match self {
            Self::IsNull(null) => (*value == Scalar::Null) == *null,
            Self::Eq(literal) => order(literal) == Some(Equal),
            Self::Ne(literal) => order(literal) != Some(Equal),
            Self::Ge(literal) => matches!(order(literal), Some(Greater | Equal)),
            Self::Le(literal) => matches!(order(literal), Some(Less | Equal)),
            Self::In(literals) => literals.iter().any(|literal| order(literal) == Some(Equal)),
            Self::StartsWith(text) => {
                matches!(value, Scalar::Str(have) if lower(have).starts_with(text.as_str()))
            }
            Self::EndsWith(text) => {
                matches!(value, Scalar::Str(have) if lower(have).ends_with(text.as_str()))
            }
        }
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    let is_lower = text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_lower {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

fn compare(value: &Scalar<'_>, literal: &Literal) -> Option<std::cmp::Ordering> {
    match (value, literal) {
        (Scalar::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        (Scalar::Int(a), Literal::Int(b)) | (Scalar::Time(a), Literal::Time(b)) => Some(a.cmp(b)),
        (Scalar::Str(a), Literal::Text(b)) => Some(lower(a).as_ref().cmp(b.as_str())),
        (Scalar::Str(a), Literal::Time(b)) => parse_time(a).map(|a| a.cmp(b)),
        _ => None,
    }
}
