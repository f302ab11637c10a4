//! Operations on a document.

use serde_json::Value;

use super::{Op, Operation, Options};
use crate::scim::{
    Document,
    attr::AttrPath,
    error::Error,
    filter::{CompareOp, Filter, Literal, Matcher},
    resource::{
        List, filled, get, immutable, is_blank, is_primary, is_reference, labels_only, nameless,
        only_primary, remove, same_value, set, set_schemas, strip_nulls,
    },
    schema::{Attribute, Mutability, ResourceSchema, Type},
};

/// Applies operations that [`super::parse`] has returned, in order, each to the result of the one
/// before. `doc` stays as it is, so a failing operation undoes all; a patch that changes nothing
/// gives an equal document.
///
/// - Setting `primary` on one element clears it on the others.
/// - An element that a removal leaves with nothing but its labels (`type`, `primary`, `display`)
///   goes; an attribute without elements goes.
/// - An element of a reference (`members`, `manager`) without a `value` is refused, however it
///   came to be.
/// - Where a `value` changes, `$ref` and readOnly sub-attributes, which describe the old one, go.
///
/// # Errors
/// `noTarget` for a replacement through a filter that matches nothing (see
/// [`Options::create_on_no_match`]); `mutability` for an immutable attribute that has another
/// value and for a required one that would be left without; `invalidPath`; `invalidValue` for
/// more than one primary.
pub fn apply(
    doc: &Document,
    operations: &[Operation],
    schema: &ResourceSchema,
    options: &Options,
) -> Result<Document, Error> {
    let mut after = doc.clone();
    for operation in operations {
        let resolved = schema.resolve(&operation.target.path)?;
        let Some(attribute) = resolved.attribute else {
            return Err(Error::invalid_path(format!(
                "'{}' names no attribute",
                operation.target.path
            )));
        };
        let whole = operation.target.path.without_sub();
        let before = get(&after, &whole).cloned();
        let step = Step {
            attribute,
            operation,
            options,
        };
        let result = match &operation.target.filter {
            Some(filter) => step.through_filter(filter, before.clone())?,
            None if attribute.multi_valued => step.on_list(before.clone())?,
            None => step.on_single(before.clone())?,
        };
        if is_reference(attribute) && elements_of(result.as_ref()).iter().any(is_nameless) {
            return Err(nameless(attribute, &whole));
        }
        if attribute.mutability == Mutability::Immutable
            && let Some(old) = &before
            && !result
                .as_ref()
                .is_some_and(|new| same_value(attribute, old, new))
        {
            return Err(immutable(&whole));
        }
        if let Some(value) = result.filter(|value| !is_blank(value)) {
            set(&mut after, &whole, value);
        } else {
            remove(&mut after, &whole);
            if attribute.required && before.is_some() {
                return Err(Error::mutability(format!(
                    "'{whole}' is required and cannot be unassigned"
                )));
            }
        }
    }
    let joined = |urn: &str| doc.contains_key(urn) != after.contains_key(urn);
    if doc.contains_key("schemas") && schema.extensions.iter().any(|s| joined(&s.id)) {
        set_schemas(&mut after, schema);
    }
    Ok(after)
}

struct Step<'a> {
    attribute: &'a Attribute,
    operation: &'a Operation,
    options: &'a Options,
}

impl Step<'_> {
    fn path(&self) -> &AttrPath {
        &self.operation.target.path
    }

    /// What is assigned; `None` when something is taken away.
    fn assigned(&self) -> Option<&Value> {
        match self.operation.op {
            Op::Remove => None,
            Op::Add | Op::Replace => self.operation.value.as_ref().filter(|v| !v.is_null()),
        }
    }

    fn on_single(&self, before: Option<Value>) -> Result<Option<Value>, Error> {
        if let Some(sub) = &self.path().sub {
            let mut object = before.unwrap_or_else(empty_object);
            self.change_sub(&mut object, sub)?;
            return Ok(Some(object));
        }
        match (self.assigned(), before) {
            (Some(new @ Value::Object(_)), Some(mut old)) => {
                self.merge(&mut old, new)?;
                Ok(Some(old))
            }
            (Some(new), _) => {
                let mut new = new.clone();
                strip_nulls(&mut new);
                Ok(Some(new))
            }
            // `remove manager` with a value takes that manager only.
            (None, Some(old)) => Ok(match self.removed() {
                Some(wanted) if !self.holds(wanted, &old) => Some(old),
                _ => None,
            }),
            (None, None) => Ok(None),
        }
    }

    /// The elements that a removal names.
    fn removed(&self) -> Option<&Value> {
        match self.operation.op {
            Op::Remove => self.operation.value.as_ref(),
            Op::Add | Op::Replace => None,
        }
    }

    fn holds(&self, wanted: &Value, element: &Value) -> bool {
        List::new(self.attribute, elements(Some(wanted.clone()))).holds(element)
    }

    fn on_list(&self, before: Option<Value>) -> Result<Option<Value>, Error> {
        let mut list = elements(before);
        if let Some(sub) = &self.path().sub {
            let all: Vec<usize> = (0..list.len()).collect();
            if all.is_empty() && self.assigned().is_some() {
                list.push(empty_object());
                return self.subs(list, vec![0], sub);
            }
            return self.subs(list, all, sub);
        }
        let Some(new) = self.assigned() else {
            let Some(wanted) = self.removed() else {
                return Ok(None);
            };
            let wanted = List::new(self.attribute, elements(Some(wanted.clone())));
            list.retain(|element| !wanted.holds(element));
            return Ok(Some(Value::Array(list)));
        };
        let new = elements(Some(new.clone()));
        if self.operation.op == Op::Replace {
            return Ok(Some(Value::Array(new)));
        }
        let mut list = List::new(self.attribute, list);
        let mut primary = None;
        for element in new {
            let is_primary = is_primary(&element);
            let at = list.add(element);
            if is_primary {
                primary = Some(at);
            }
        }
        let mut list = list.into_inner();
        if let Some(kept) = primary {
            only_primary(&mut list, kept);
        }
        Ok(Some(Value::Array(list)))
    }

    fn through_filter(
        &self,
        filter: &Filter,
        before: Option<Value>,
    ) -> Result<Option<Value>, Error> {
        let matcher = Matcher::within(filter, self.attribute);
        let mut list = elements(before);
        let mut matching: Vec<usize> = (0..list.len())
            .filter(|at| matcher.matches_element(&list[*at]))
            .collect();
        let was_created = matching.is_empty();
        if was_created {
            if self.operation.op == Op::Remove {
                return Ok(self.shaped(list));
            }
            let may_create = self.operation.op == Op::Add || self.options.create_on_no_match;
            let room = self.attribute.multi_valued || list.is_empty();
            let created = created(filter, self.attribute)
                .filter(|element| may_create && room && matcher.matches_element(element));
            if self.assigned().is_none() && may_create {
                return Ok(self.shaped(list));
            }
            let Some(created) = created else {
                return Err(Error::no_target(format!(
                    "no value of '{}' matches [{filter}]",
                    self.path()
                )));
            };
            matching.push(list.len());
            let primary = is_primary(&created);
            list.push(created);
            if primary {
                self.one_primary(&mut list, &matching)?;
            }
        }
        if let Some(sub) = &self.operation.target.sub {
            let changed = self.subs(list, matching, sub)?;
            return Ok(if was_created {
                self.once(changed)
            } else {
                changed
            });
        }
        let Some(new) = self.assigned() else {
            let mut at = 0;
            list.retain(|_| {
                at += 1;
                matching.binary_search(&(at - 1)).is_err()
            });
            return Ok(self.shaped(list));
        };
        for &at in &matching {
            if self.operation.op == Op::Replace && new.is_object() {
                // What the filter says of the element stays true unless the value says
                // otherwise.
                let mut element = created(filter, self.attribute).unwrap_or_else(empty_object);
                self.refuse_immutable(&list[at], new)?;
                overlay(&mut element, new);
                list[at] = element;
            } else {
                let mut element = list[at].take();
                self.merge(&mut element, new)?;
                list[at] = element;
            }
        }
        if is_primary(new) {
            self.one_primary(&mut list, &matching)?;
        }
        let changed = self.shaped(list);
        Ok(if was_created {
            self.once(changed)
        } else {
            changed
        })
    }

    /// The list without its last element if that is one of the others: what a filter had to
    /// create although it is there.
    fn once(&self, value: Option<Value>) -> Option<Value> {
        match value {
            Some(Value::Array(mut list)) if self.attribute.multi_valued => {
                let created = list.pop();
                let mut list = List::new(self.attribute, list);
                if let Some(created) = created {
                    list.add(created);
                }
                Some(Value::Array(list.into_inner()))
            }
            other => other,
        }
    }

    /// Sets or takes away one sub-attribute of the elements at `places`.
    fn subs(
        &self,
        mut list: Vec<Value>,
        places: Vec<usize>,
        sub: &str,
    ) -> Result<Option<Value>, Error> {
        let assigned = self.assigned();
        for &at in &places {
            self.change_sub(&mut list[at], sub)?;
        }
        if sub == "primary" && assigned == Some(&Value::Bool(true)) {
            self.one_primary(&mut list, &places)?;
        }
        if assigned.is_none() {
            let mut at = 0;
            list.retain(|element| {
                at += 1;
                places.binary_search(&(at - 1)).is_err() || !self.is_spent(element, sub)
            });
        }
        Ok(self.shaped(list))
    }

    /// Whether an element that lost `sub` is nothing any more.
    fn is_spent(&self, element: &Value, sub: &str) -> bool {
        // A reference without a value leads to nobody, whatever else is said of it.
        if sub == "value" && is_reference(self.attribute) {
            return true;
        }
        let is_label = matches!(sub, "type" | "primary" | "display" | "$ref");
        element.is_null()
            || element.as_object().is_some_and(Document::is_empty)
            || (!is_label && labels_only(self.attribute, element))
    }

    fn one_primary(&self, list: &mut [Value], places: &[usize]) -> Result<(), Error> {
        let [kept] = places else {
            return Err(Error::invalid_value(format!(
                "'{}' would have {} primary values",
                self.path(),
                places.len()
            )));
        };
        only_primary(list, *kept);
        Ok(())
    }

    /// What the operation does to one sub-attribute of one element: of a sub-attribute with many
    /// values, an addition and a removal concern the values that they name.
    fn change_sub(&self, element: &mut Value, sub: &str) -> Result<(), Error> {
        let definition = self.attribute.sub(sub).filter(|sub| sub.multi_valued);
        let Some(definition) = definition else {
            return self.set_sub(element, sub, self.assigned());
        };
        let present = elements(element.get(sub).cloned());
        let changed = match (self.operation.op, self.assigned(), self.removed()) {
            (Op::Add, Some(new), _) => {
                let mut list = List::new(definition, present);
                for value in elements(Some(new.clone())) {
                    list.add(value);
                }
                list.into_inner()
            }
            (Op::Remove, _, Some(wanted)) => {
                let wanted = List::new(definition, elements(Some(wanted.clone())));
                let mut present = present;
                present.retain(|value| !wanted.holds(value));
                present
            }
            (_, assigned, _) => elements(assigned.cloned()),
        };
        let changed = (!changed.is_empty()).then_some(Value::Array(changed));
        self.set_sub(element, sub, changed.as_ref())
    }

    fn set_sub(&self, element: &mut Value, sub: &str, value: Option<&Value>) -> Result<(), Error> {
        if self.attribute.kind != Type::Complex {
            *element = value.cloned().unwrap_or_default();
            return Ok(());
        }
        let mut new = Document::new();
        new.insert(sub.to_owned(), value.cloned().unwrap_or_default());
        self.merge(element, &Value::Object(new))
    }

    /// Lays `new` over `old`: what `new` does not name stays, what it has null for goes.
    fn merge(&self, old: &mut Value, new: &Value) -> Result<(), Error> {
        self.refuse_immutable(old, new)?;
        if let (Value::Object(before), Some(value)) = (&mut *old, new.get("value"))
            && before.get("value").is_some_and(|before| before != value)
        {
            before.retain(|name, _| {
                let sub = self.attribute.sub(name);
                name != "$ref" && sub.is_none_or(|sub| sub.mutability != Mutability::ReadOnly)
            });
        }
        overlay(old, new);
        Ok(())
    }

    fn refuse_immutable(&self, old: &Value, new: &Value) -> Result<(), Error> {
        let Value::Object(new) = new else {
            return Ok(());
        };
        for (name, value) in new {
            let Some(sub) = self.attribute.sub(name) else {
                continue;
            };
            if !value.is_null()
                && sub.mutability == Mutability::Immutable
                && old.get(name).is_some_and(|old| !same_value(sub, old, value))
                // A single-valued reference is replaced as a whole.
                && (self.attribute.multi_valued || name != "value")
            {
                return Err(immutable(&self.path().with_sub(name)));
            }
        }
        Ok(())
    }

    /// The list as the attribute holds it.
    fn shaped(&self, mut list: Vec<Value>) -> Option<Value> {
        if self.attribute.multi_valued {
            Some(Value::Array(list))
        } else {
            list.pop()
        }
    }
}

fn empty_object() -> Value {
    Value::Object(Document::new())
}

/// Whether an element of a reference does not say to whom.
fn is_nameless(element: &Value) -> bool {
    !element.get("value").is_some_and(filled)
}

fn elements_of(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(single) => std::slice::from_ref(single),
    }
}

fn elements(value: Option<Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(single) => vec![single],
    }
}

fn overlay(old: &mut Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                if value.is_null() {
                    old.shift_remove(name);
                } else {
                    old.insert(name.clone(), value.clone());
                }
            }
        }
        (old, new) => *old = new.clone(),
    }
}

/// The element that a filter describes: its `eq` terms as values.
fn created(filter: &Filter, attribute: &Attribute) -> Option<Value> {
    fn terms(filter: &Filter, attribute: &Attribute, into: &mut Document) {
        match filter {
            Filter::And(a, b) => {
                terms(a, attribute, into);
                terms(b, attribute, into);
            }
            Filter::Compare(path, CompareOp::Eq, literal) => {
                let value = match literal {
                    Literal::Null => return,
                    Literal::Bool(value) => Value::from(*value),
                    Literal::Number(value) => Value::Number(value.clone()),
                    Literal::String(value) => Value::from(value.as_str()),
                };
                if attribute
                    .sub(&path.attr)
                    .is_some_and(|sub| sub.multi_valued)
                {
                    let list = into.entry(path.attr.clone());
                    if let Value::Array(list) = list.or_insert_with(|| Value::Array(Vec::new())) {
                        list.push(value);
                    }
                } else {
                    into.insert(path.attr.clone(), value);
                }
            }
            _ => {}
        }
    }
    let mut element = Document::new();
    terms(filter, attribute, &mut element);
    if element.is_empty() {
        return None;
    }
    if attribute.kind == Type::Complex {
        Some(Value::Object(element))
    } else {
        element.shift_remove("value")
    }
}
