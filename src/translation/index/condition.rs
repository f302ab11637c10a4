//! A filter as conditions on keys, ids, moments and edges. What they cannot say is left out, so that
//! they hold of every match, and of others too: then the filter is evaluated on what they leave.

use super::{
    key::{self, Test},
    plan::IndexPlan,
};
use crate::{
    resources::{EdgeKind, Side, is_object_id},
    scim::{
        attr::AttrPath,
        datetime,
        filter::{CompareOp, Filter, Literal},
    },
};

/// What the store is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Everything.
    All,
    /// Nothing.
    None,
    /// All of them.
    And(Vec<Condition>),
    /// One of them.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A value of the indexed attribute passes the test.
    Value {
        /// [`super::Leaf::attr`]
        attr: i64,
        /// The test; [`Test::Differs`] also holds where there is no value.
        test: Test,
    },
    /// One element of a multi-valued attribute passes all these tests, of its sub-attributes.
    Element(Vec<(i64, Test)>),
    /// The object has this id.
    Id(String),
    /// The bytes of its id are these, or behind them.
    From(Vec<u8>),
    /// Its id comes behind this one, in the order of ids.
    Behind(String),
    /// The present state was first seen then: (microseconds, included) or later, or earlier.
    Modified {
        /// Not before.
        from: Option<(i64, bool)>,
        /// Not after.
        to: Option<(i64, bool)>,
    },
    /// There is such an edge.
    Edge(EdgeTest),
}

/// Asks for an edge of the object.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeTest {
    /// What it says.
    pub kind: EdgeKind,
    /// The end that the object is.
    pub side: Side,
    /// The other end; any when `None`.
    pub far: Option<String>,
}

/// Conditions, and whether they say all that the filter says.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// What can be asked of the store.
    pub condition: Condition,
    /// Whether what satisfies it satisfies the filter.
    pub exact: bool,
}

/// A relation of the resource type, as filters name it.
#[derive(Clone, Debug)]
pub struct RelationPlace {
    /// Its path.
    pub path: AttrPath,
    /// Its edges.
    pub kind: EdgeKind,
    /// The end that the object is.
    pub side: Side,
}

const fn exact(condition: Condition) -> Compiled {
    Compiled {
        condition,
        exact: true,
    }
}

const fn unknown() -> Compiled {
    Compiled {
        condition: Condition::All,
        exact: false,
    }
}

/// Compiles a checked filter.
pub fn compile(filter: &Filter, plan: &IndexPlan, relations: &[RelationPlace]) -> Compiled {
    match filter {
        Filter::And(..) => {
            let parts: Vec<Compiled> = filter
                .conjuncts()
                .into_iter()
                .map(|part| compile(part, plan, relations))
                .collect();
            Compiled {
                exact: parts.iter().all(|part| part.exact),
                condition: Condition::And(parts.into_iter().map(|part| part.condition).collect()),
            }
        }
        Filter::Or(a, b) => {
            let (a, b) = (compile(a, plan, relations), compile(b, plan, relations));
            Compiled {
                exact: a.exact && b.exact,
                condition: Condition::Or(vec![a.condition, b.condition]),
            }
        }
        Filter::Not(inner) => {
            let inner = compile(inner, plan, relations);
            if inner.exact {
                exact(Condition::Not(Box::new(inner.condition)))
            } else {
                unknown()
            }
        }
        Filter::Present(path) => present(path, plan, relations),
        Filter::Compare(path, op, literal) => compare(path, *op, literal, plan, relations),
        Filter::ValuePath(path, inner) => value_path(path, inner, plan, relations),
    }
}

fn relation<'a>(path: &AttrPath, relations: &'a [RelationPlace]) -> Option<&'a RelationPlace> {
    relations
        .iter()
        .find(|r| r.path.urn == path.urn && r.path.attr == path.attr)
}

fn present(path: &AttrPath, plan: &IndexPlan, relations: &[RelationPlace]) -> Compiled {
    if let Some(relation) = relation(path, relations) {
        let named = path.sub.is_none() || path.sub.as_deref() == Some("value");
        return if named {
            edge(relation, None)
        } else {
            unknown()
        };
    }
    // An empty string is a value, and is not present: only its own kind of test says so.
    match plan.leaf(path).filter(|leaf| leaf.path == *path) {
        Some(leaf) => exact(Condition::Value {
            attr: leaf.attr,
            test: Test::Any,
        }),
        None => unknown(),
    }
}

fn compare(
    path: &AttrPath,
    op: CompareOp,
    literal: &Literal,
    plan: &IndexPlan,
    relations: &[RelationPlace],
) -> Compiled {
    if *literal == Literal::Null {
        let present = present(path, plan, relations);
        return match op {
            _ if !present.exact => unknown(),
            CompareOp::Ne => present,
            CompareOp::Eq => exact(Condition::Not(Box::new(present.condition))),
            _ => unknown(),
        };
    }
    if let Some(relation) = relation(path, relations) {
        let of_value = path.sub.as_deref() == Some("value");
        return match (op, literal) {
            (CompareOp::Eq, Literal::String(value)) if of_value => {
                edge(relation, Some(value.clone()))
            }
            _ => unknown(),
        };
    }
    if *path == AttrPath::core("id") {
        return match (op, literal) {
            (CompareOp::Eq, Literal::String(id)) => exact(Condition::Id(id.clone())),
            // In small letters the texts of ids have the order of their bytes.
            (CompareOp::Gt, Literal::String(id))
                if is_object_id(id) && !id.contains(|c: char| c.is_ascii_uppercase()) =>
            {
                exact(Condition::Behind(id.clone()))
            }
            _ => unknown(),
        };
    }
    if *path == AttrPath::core("meta").with_sub("lastModified") {
        return modified(op, literal);
    }
    let Some(leaf) = plan.leaf(path).filter(|leaf| leaf.path == *path) else {
        return unknown();
    };
    match key::test(op, literal, &leaf.definition) {
        Some(test) => exact(Condition::Value {
            attr: leaf.attr,
            test,
        }),
        None => unknown(),
    }
}

/// The edge to `value`. Ids of relations may be spelled in more than one way, and of a user's
/// groups the nested ones count: the caller settles what `far` means.
fn edge(relation: &RelationPlace, far: Option<String>) -> Compiled {
    exact(Condition::Edge(EdgeTest {
        kind: relation.kind,
        side: relation.side,
        far,
    }))
}

fn modified(op: CompareOp, literal: &Literal) -> Compiled {
    let Literal::String(text) = literal else {
        return unknown();
    };
    let Some(at) = datetime::instant(text) else {
        return unknown();
    };
    // Moments are kept in microseconds: a finer one lies between two of them.
    let nanos = at.nanoseconds();
    let Ok(micros) = i64::try_from(nanos.div_euclid(1000)) else {
        return unknown();
    };
    let between = nanos.rem_euclid(1000) != 0;
    let range = |from, to| exact(Condition::Modified { from, to });
    match op {
        CompareOp::Gt => range(Some((micros, false)), None),
        CompareOp::Ge => range(Some((micros, !between)), None),
        CompareOp::Lt => range(None, Some((micros, between))),
        CompareOp::Le => range(None, Some((micros, true))),
        CompareOp::Eq if between => exact(Condition::None),
        CompareOp::Eq => range(Some((micros, true)), Some((micros, true))),
        CompareOp::Ne if between => exact(Condition::All),
        CompareOp::Ne => exact(Condition::Not(Box::new(Condition::Modified {
            from: Some((micros, true)),
            to: Some((micros, true)),
        }))),
        _ => unknown(),
    }
}

fn value_path(
    path: &AttrPath,
    inner: &Filter,
    plan: &IndexPlan,
    relations: &[RelationPlace],
) -> Compiled {
    if let Some(relation) = relation(path, relations) {
        // `members[value eq "x" and …]`: at least the edge must be there.
        let value = inner.conjuncts().into_iter().find_map(|part| match part {
            Filter::Compare(sub, CompareOp::Eq, Literal::String(value)) if sub.attr == "value" => {
                Some(value.clone())
            }
            _ => None,
        });
        let alone = !matches!(inner, Filter::And(..));
        return match value {
            Some(value) => Compiled {
                exact: alone,
                ..edge(relation, Some(value))
            },
            None => Compiled {
                exact: false,
                ..edge(relation, None)
            },
        };
    }
    let mut tests = Vec::new();
    let mut all = true;
    for part in inner.conjuncts() {
        let test = match part {
            Filter::Compare(sub, op, literal) if *op != CompareOp::Ne => plan
                .leaf(&path.with_sub(&sub.attr))
                .and_then(|leaf| Some((leaf.attr, key::test(*op, literal, &leaf.definition)?))),
            Filter::Present(sub) => plan
                .leaf(&path.with_sub(&sub.attr))
                .map(|leaf| (leaf.attr, Test::Any)),
            _ => None,
        };
        match test {
            Some(test) => tests.push(test),
            None => all = false,
        }
    }
    if tests.is_empty() {
        return unknown();
    }
    Compiled {
        condition: Condition::Element(tests),
        exact: all,
    }
}
