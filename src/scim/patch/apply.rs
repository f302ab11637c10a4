//! Operations on a document.

use serde_json::Value;

use super::{CreateOnNoMatch, Op, Operation, Options};
use crate::scim::{
    Document,
    attr::AttrPath,
    error::{Error, Kind},
    filter::{CompareOp, Filter, Literal, Matcher},
    resource::{
        List, filled, get, get_mut, immutable, is_blank, is_primary, is_reference, labels_only,
        nameless, remove, same_value, set, set_schemas, strip_nulls,
    },
    schema::{Attribute, Mutability, ResourceSchema, Type},
    vocabulary,
};

/// How many values the operations of one PATCH may go through, because a filter that no index
/// serves looks at each: a thousand operations on a list of two thousand.
pub const MAX_LOOKED: usize = 2_000_000;

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
/// [`Options::create_on_no_match`]); 413 past [`MAX_LOOKED`]; `mutability` for an immutable attribute that has another
/// value and for a required one that would be left without; `invalidPath`; `invalidValue` for
/// more than one primary.
pub fn apply(
    doc: &Document,
    operations: &[Operation],
    schema: &ResourceSchema,
    options: &Options,
) -> Result<Document, Error> {
    let mut after = doc.clone();
    let mut lists: Vec<(AttrPath, List<'_>)> = Vec::new();
    let mut looked = 0;
    for operation in operations {
        let resolved = schema.resolve(&operation.target.path)?;
        let Some(attribute) = resolved.attribute else {
            return Err(Error::invalid_path(format!(
                "'{}' names no attribute",
                operation.target.path
            )));
        };
        let whole = operation.target.path.without_sub();
        let assignment = Assignment {
            attribute,
            operation,
            options,
        };
        if !attribute.multi_valued {
            on_single(&assignment, &whole, &mut after)?;
            continue;
        }
        // A list is opened once, however many operations are on it.
        let open = lists.iter().position(|(path, _)| *path == whole);
        let at = open.unwrap_or_else(|| {
            let held = get_mut(&mut after, &whole).map(Value::take);
            lists.push((whole, List::new(attribute, elements(held))));
            lists.len() - 1
        });
        let (whole, list) = &mut lists[at];
        let was_there = !list.is_empty();
        let before = list.looked();
        assignment.on_list(list)?;
        looked += list.looked() - before;
        if looked > MAX_LOOKED {
            return Err(Error::new(
                Kind::TooLarge,
                "the operations go through too many values: send them in parts",
            ));
        }
        if attribute.required && was_there && list.is_empty() {
            return Err(unassigned(whole));
        }
    }
    for (path, list) in lists {
        let after_all = Value::Array(list.into_inner());
        if let Some(attribute) = schema.resolve(&path)?.attribute
            && attribute.mutability == Mutability::Immutable
            && let Some(before) = get(doc, &path)
            && !same_value(attribute, before, &after_all)
        {
            return Err(immutable(&path));
        }
        if is_blank(&after_all) {
            remove(&mut after, &path);
        } else {
            set(&mut after, &path, after_all);
        }
    }
    let joined = |urn: &str| doc.contains_key(urn) != after.contains_key(urn);
    if doc.contains_key("schemas") && schema.extensions.iter().any(|s| joined(&s.id)) {
        set_schemas(&mut after, schema);
    }
    Ok(after)
}

/// An operation on a single-valued attribute.
fn on_single(
    assignment: &Assignment<'_>,
    path: &AttrPath,
    doc: &mut Document,
) -> Result<(), Error> {
    let Assignment {
        attribute,
        operation,
        ..
    } = *assignment;
    let before = get(doc, path).cloned();
    let result = if operation.target.filter.is_some() {
        // A list of at most one.
        let mut list = List::new(attribute, elements(before.clone()));
        assignment.on_list(&mut list)?;
        list.into_inner().pop()
    } else {
        assignment.on_value(before.clone())?
    };
    if is_reference(attribute) && result.as_ref().is_some_and(is_nameless) {
        return Err(nameless(attribute, path));
    }
    if attribute.mutability == Mutability::Immutable
        && let Some(old) = &before
        && !result
            .as_ref()
            .is_some_and(|new| same_value(attribute, old, new))
    {
        return Err(immutable(path));
    }
    if let Some(value) = result.filter(|value| !is_blank(value)) {
        set(doc, path, value);
    } else {
        remove(doc, path);
        if attribute.required && before.is_some() {
            return Err(unassigned(path));
        }
    }
    Ok(())
}

fn unassigned(path: &AttrPath) -> Error {
    Error::mutability(format!("'{path}' is required and cannot be unassigned"))
}

struct Assignment<'a> {
    attribute: &'a Attribute,
    operation: &'a Operation,
    options: &'a Options,
}

impl<'a> Assignment<'a> {
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

    /// The elements that a removal names.
    fn removed(&self) -> Option<&Value> {
        match self.operation.op {
            Op::Remove => self.operation.value.as_ref(),
            Op::Add | Op::Replace => None,
        }
    }

    fn on_value(&self, before: Option<Value>) -> Result<Option<Value>, Error> {
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
            (None, Some(old)) => Ok(match self.removed() {
                // `remove manager` with a value takes that manager only.
                Some(wanted) => {
                    let mut list = List::new(self.attribute, vec![old]);
                    list.take_described(&elements(Some(wanted.clone())));
                    list.into_inner().pop()
                }
                None => None,
            }),
            (None, None) => Ok(None),
        }
    }

    fn on_list(&self, list: &mut List<'a>) -> Result<(), Error> {
        if let Some(filter) = &self.operation.target.filter {
            return self.through_filter(filter, list);
        }
        if let Some(sub) = &self.path().sub {
            let mut all = list.places();
            if all.is_empty() && self.assigned().is_some() {
                all.push(list.push(empty_object()));
            }
            return self.subs(list, &all, sub);
        }
        match (self.assigned(), self.removed()) {
            (None, Some(wanted)) => {
                list.take_described(value_elements(wanted));
            }
            (None, None) => list.clear(),
            (Some(new), _) if self.operation.op == Op::Replace => {
                list.refill(elements(Some(new.clone())));
            }
            (Some(new), _) => {
                let mut primary = None;
                for element in value_elements(new) {
                    let at = list.add(element.clone());
                    if is_primary(element) {
                        primary = Some(at);
                    }
                }
                if let Some(kept) = primary {
                    list.only_primary(kept);
                }
            }
        }
        Ok(())
    }

    /// The places of the elements that satisfy a filter.
    fn matching(&self, filter: &Filter, list: &List<'_>) -> Vec<usize> {
        let matcher = Matcher::within(filter, self.attribute);
        let mut places = match pinned(filter) {
            Some(values) => values
                .into_iter()
                .map(|value| list.places_of(value))
                .collect::<Option<Vec<_>>>()
                .map(|found| found.concat()),
            None => None,
        }
        .unwrap_or_else(|| list.places());
        places.sort_unstable();
        places.dedup();
        places.retain(|at| {
            list.get(*at)
                .is_some_and(|element| matcher.matches_element(element))
        });
        places
    }

    fn through_filter(&self, filter: &Filter, list: &mut List<'a>) -> Result<(), Error> {
        let mut matching = self.matching(filter, list);
        let new = self.assigned();
        let mut creating = None;
        if matching.is_empty() {
            if self.operation.op == Op::Remove {
                return Ok(());
            }
            let described = created(filter, self.attribute);
            let may_create = self.operation.op == Op::Add
                || match self.options.create_on_no_match {
                    CreateOnNoMatch::Always => true,
                    CreateOnNoMatch::Never => false,
                    CreateOnNoMatch::KnownTypes => described
                        .as_ref()
                        .is_some_and(|new| self.is_of_known_type(new)),
                };
            if new.is_none() && may_create {
                return Ok(());
            }
            let room = self.attribute.multi_valued || list.is_empty();
            let matcher = Matcher::within(filter, self.attribute);
            let created =
                described.filter(|element| may_create && room && matcher.matches_element(element));
            let Some(created) = created else {
                return Err(Error::no_target(format!(
                    "no value of '{}' matches [{filter}]",
                    self.path()
                )));
            };
            let primary = is_primary(&created);
            let at = list.push(created);
            if primary {
                list.only_primary(at);
            }
            matching.push(at);
            creating = Some(at);
        }
        match (&self.operation.target.sub, new) {
            (Some(sub), _) => self.subs(list, &matching, sub)?,
            (None, None) => {
                for at in matching {
                    list.take(at);
                }
            }
            (None, Some(new)) => self.assign(filter, new, list, &matching)?,
        }
        // What a filter had to create although it is there is there once.
        if let Some(created) = creating.and_then(|at| list.take(at)) {
            list.add(created);
        }
        Ok(())
    }

    /// Whether an element is of a `type` that the schema or RFC 7643 names.
    fn is_of_known_type(&self, element: &Value) -> bool {
        let Some(named) = element.get("type").and_then(Value::as_str) else {
            return false;
        };
        let declared = self.attribute.sub("type").map(|sub| &sub.canonical_values);
        let mut declared = declared.into_iter().flatten().map(String::as_str);
        let of_the_rfc = vocabulary::types(&self.attribute.name);
        declared.any(|known| known.eq_ignore_ascii_case(named))
            || of_the_rfc.iter().any(|k| k.eq_ignore_ascii_case(named))
    }

    /// Lays a value over the elements that a filter has found, or puts it in their place.
    fn assign(
        &self,
        filter: &Filter,
        new: &Value,
        list: &mut List<'a>,
        places: &[usize],
    ) -> Result<(), Error> {
        for &at in places {
            list.change(at, |element| {
                if self.operation.op == Op::Replace && new.is_object() {
                    // What the filter says of the element stays true unless the value says
                    // otherwise.
                    let mut whole = created(filter, self.attribute).unwrap_or_else(empty_object);
                    self.refuse_immutable(element, new)?;
                    overlay(&mut whole, new);
                    *element = whole;
                    return Ok(());
                }
                self.merge(element, new)
            })?;
            self.refuse_nameless(list, at)?;
        }
        if is_primary(new) {
            self.one_primary(list, places)?;
        }
        Ok(())
    }

    fn refuse_nameless(&self, list: &List<'_>, at: usize) -> Result<(), Error> {
        if is_reference(self.attribute) && list.get(at).is_some_and(is_nameless) {
            return Err(nameless(self.attribute, &self.path().without_sub()));
        }
        Ok(())
    }

    /// Sets or takes away one sub-attribute of the elements at `places`.
    fn subs(&self, list: &mut List<'a>, places: &[usize], sub: &str) -> Result<(), Error> {
        let assigned = self.assigned();
        for &at in places {
            list.change(at, |element| self.change_sub(element, sub))?;
            let is_spent = list
                .get(at)
                .is_some_and(|element| assigned.is_none() && self.is_spent(element, sub));
            if is_spent {
                list.take(at);
            }
            self.refuse_nameless(list, at)?;
        }
        if sub == "primary" && assigned == Some(&Value::Bool(true)) {
            self.one_primary(list, places)?;
        }
        Ok(())
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

    fn one_primary(&self, list: &mut List<'a>, places: &[usize]) -> Result<(), Error> {
        let [kept] = places else {
            return Err(Error::invalid_value(format!(
                "'{}' would have {} primary values",
                self.path(),
                places.len()
            )));
        };
        list.only_primary(*kept);
        Ok(())
    }

    /// What the operation does to one sub-attribute of one element: of a sub-attribute with many
    /// values, an addition and a removal concern the values that they name.
    fn change_sub(&self, element: &mut Value, sub: &str) -> Result<(), Error> {
        let definition = self.attribute.sub(sub).filter(|sub| sub.multi_valued);
        let Some(definition) = definition else {
            return self.set_sub(element, sub, self.assigned());
        };
        let mut list = List::new(definition, elements(element.get(sub).cloned()));
        match (self.operation.op, self.assigned(), self.removed()) {
            (Op::Add, Some(new), _) => {
                for value in value_elements(new) {
                    list.add(value.clone());
                }
            }
            (Op::Remove, _, Some(wanted)) => list.take_described(value_elements(wanted)),
            (_, assigned, _) => list = List::new(definition, elements(assigned.cloned())),
        }
        let changed = list.into_inner();
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
}

fn empty_object() -> Value {
    Value::Object(Document::new())
}

/// Whether an element of a reference does not say to whom.
fn is_nameless(element: &Value) -> bool {
    !element.get("value").is_some_and(filled)
}

/// The values of `value eq "a"`, joined by `or` or narrowed by `and`: of these elements alone the
/// filter can be true.
fn pinned(filter: &Filter) -> Option<Vec<&str>> {
    match filter {
        Filter::Compare(path, CompareOp::Eq, Literal::String(value)) if path.attr == "value" => {
            Some(vec![value])
        }
        Filter::Or(a, b) => Some([pinned(a)?, pinned(b)?].concat()),
        Filter::And(a, b) => pinned(a).or_else(|| pinned(b)),
        _ => None,
    }
}

fn value_elements(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(list) => list,
        single => std::slice::from_ref(single),
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
