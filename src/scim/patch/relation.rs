//! What a PATCH does to one relation (members, owners, manager …), told without knowing its
//! current list, so that a group of 100,000 is not loaded to add one member.

use serde_json::{Value, json};

use super::{Op, Operation};
use crate::scim::{
    attr::AttrPath,
    filter::{CompareOp, Filter, Literal},
};

/// The change of one relation.
#[derive(Clone, Debug, PartialEq)]
pub enum RelationDelta {
    /// These, one after the other; none when the relation is not touched.
    Steps(Vec<Step>),
}

impl RelationDelta {
    /// The steps.
    pub fn into_steps(self) -> Vec<Step> {
        let Self::Steps(steps) = self;
        steps
    }
}

/// One step of a relation's change.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// These elements join (each an object with `value`). To a single-valued relation this is a
    /// replacement.
    Add(Vec<Value>),
    /// The elements with these `value`s leave.
    Remove(Vec<String>),
    /// All leave.
    RemoveAll,
    /// These are all there is afterwards.
    Replace(Vec<Value>),
}

/// The steps that `operations` mean for the attribute `attr` (canonical, no sub-attribute);
/// `None` when one of them cannot be told without the current list.
pub fn relation_delta(operations: &[Operation], attr: &AttrPath) -> Option<RelationDelta> {
    let mut steps = Vec::new();
    for operation in operations.iter().filter(|o| on(o, attr)) {
        steps.extend(step(operation)?);
    }
    Some(RelationDelta::Steps(steps))
}

/// Whether any operation is on the attribute `attr` (canonical, no sub-attribute).
pub fn touches(operations: &[Operation], attr: &AttrPath) -> bool {
    operations.iter().any(|operation| on(operation, attr))
}

fn on(operation: &Operation, attr: &AttrPath) -> bool {
    let path = &operation.target.path;
    path.attr == attr.attr && path.urn == attr.urn
}

/// The step of one operation, if it does anything; `None` when it cannot be told.
fn step(operation: &Operation) -> Option<Vec<Step>> {
    let target = &operation.target;
    if target.path.sub.is_some() {
        return None;
    }
    if let Some(filter) = &target.filter {
        // Taking an element's `value` away takes the element.
        let whole = target.sub.as_deref().is_none_or(|sub| sub == "value");
        if operation.op != Op::Remove || !whole {
            return None;
        }
        let mut values = Vec::new();
        pinned(filter, &mut values)?;
        return Some(vec![Step::Remove(values)]);
    }
    Some(match (operation.op, &operation.value) {
        (Op::Remove, None) | (Op::Replace, Some(Value::Null)) => vec![Step::RemoveAll],
        (Op::Remove, Some(value)) => {
            let elements = elements(value);
            if elements.is_empty() {
                return Some(Vec::new());
            }
            // The same value may stand in several elements (one role at two scopes): then what
            // else the element says picks one, which needs the list.
            if !elements.iter().all(says_value_only) {
                return None;
            }
            let text = |element: &Value| Some(element.get("value")?.as_str()?.to_owned());
            vec![Step::Remove(
                elements.iter().map(text).collect::<Option<_>>()?,
            )]
        }
        (Op::Add, Some(value)) if !value.is_null() => vec![Step::Add(elements(value))],
        (Op::Replace, Some(value)) => vec![Step::Replace(elements(value))],
        (Op::Add, _) | (Op::Replace, None) => Vec::new(),
    })
}

fn says_value_only(element: &Value) -> bool {
    // A type that names a kind of object says no more than the id does.
    const KINDS: [&str; 5] = ["User", "Group", "ServicePrincipal", "Device", "Application"];
    let kind = |value: &Value| {
        let text = value.as_str();
        text.is_some_and(|text| KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(text)))
    };
    element.as_object().is_some_and(|object| {
        object.iter().all(|(name, value)| match name.as_str() {
            "value" | "display" | "$ref" => true,
            "type" => kind(value),
            _ => false,
        })
    })
}

/// The elements of a canonical value; a plain one becomes `{"value": …}`.
fn elements(value: &Value) -> Vec<Value> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter()
        .map(|element| match element {
            Value::Object(_) => element.clone(),
            plain => json!({ "value": plain }),
        })
        .collect()
}

/// The values of `value eq "a" or value eq "b" …`.
fn pinned(filter: &Filter, values: &mut Vec<String>) -> Option<()> {
    match filter {
        Filter::Compare(path, CompareOp::Eq, Literal::String(value)) if path.attr == "value" => {
            values.push(value.clone());
            Some(())
        }
        Filter::Or(a, b) => {
            pinned(a, values)?;
            pinned(b, values)
        }
        _ => None,
    }
}
