//! Resources as documents: bodies made canonical, and attributes read and written by path.

mod coerce;
mod crowd;
mod elements;
mod normalize;

use serde_json::Value;

pub(crate) use coerce::{
    Ignored, Rules, coerce, filled, is_primary, nameless, plain_role, strip_nulls,
};
pub(crate) use elements::{List, labels_only, same_value};
pub use normalize::normalize;
pub(crate) use normalize::{is_blank, is_not_given, walk};

use super::{
    Document,
    attr::AttrPath,
    error::Error,
    schema::{Attribute, Mutability, ResourceSchema, Type},
};

/// What happens to attributes that the schema does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// The request is refused, naming the attribute (unless its value is null or empty, or
    /// RFC 7643 defines it).
    #[default]
    Refuse,
    /// They are dropped.
    Ignore,
}

/// How request bodies are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputRules {
    /// What happens to unknown attributes.
    pub unknown: Unknown,
}

/// A body of POST or PUT, made canonical.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// What the body assigns: the schema's spelling, no nulls, no readOnly attributes, no
    /// `schemas`.
    pub document: Document,
    /// The attributes (and sub-attributes of single-valued ones) that the body explicitly
    /// unassigns: null, `[]`, `{}`; canonical paths.
    pub cleared: Vec<AttrPath>,
    /// What the body says and what is not kept, by name: for the client to be told.
    pub ignored: Vec<String>,
}

impl Input {
    /// The attributes that the body assigns; of single complex ones each sub-attribute.
    pub fn paths(&self, schema: &ResourceSchema) -> Vec<AttrPath> {
        let mut paths = Vec::new();
        let mut add = |urn: Option<&str>, container: &Document| {
            for (name, value) in container {
                let path = AttrPath {
                    urn: urn.map(str::to_owned),
                    ..AttrPath::core(name)
                };
                let subs = value.as_object().into_iter().flat_map(Document::keys);
                paths.extend(subs.map(|sub| path.with_sub(sub)));
                paths.push(path);
            }
        };
        for (name, value) in &self.document {
            match (schema.extension(name), value) {
                (Some(extension), Value::Object(members)) => add(Some(&extension.id), members),
                _ => add(None, &Document::from_iter([(name.clone(), value.clone())])),
            }
        }
        paths
    }
}

/// The value at a canonical path. A sub-attribute is found in a single-valued attribute only;
/// the path of a bare extension URN gives its container.
pub fn get<'a>(doc: &'a Document, path: &AttrPath) -> Option<&'a Value> {
    let value = match &path.urn {
        None => doc.get(&path.attr),
        Some(urn) if path.attr.is_empty() => doc.get(urn),
        Some(urn) => doc.get(urn)?.get(&path.attr),
    }?;
    match &path.sub {
        None => Some(value),
        Some(sub) => value.as_object()?.get(sub),
    }
}

/// The value at a canonical path without sub-attribute, to be changed.
pub(crate) fn get_mut<'a>(doc: &'a mut Document, path: &AttrPath) -> Option<&'a mut Value> {
    match &path.urn {
        None => doc.get_mut(&path.attr),
        Some(urn) => doc.get_mut(urn)?.as_object_mut()?.get_mut(&path.attr),
    }
}

/// Writes the value at a canonical path, creating the containers on the way.
pub fn set(doc: &mut Document, path: &AttrPath, value: Value) {
    let mut keys: Vec<&str> = Vec::with_capacity(3);
    keys.extend(path.urn.as_deref());
    if !path.attr.is_empty() {
        keys.push(&path.attr);
    }
    keys.extend(path.sub.as_deref());
    let Some((last, containers)) = keys.split_last() else {
        return;
    };
    let mut at = doc;
    for key in containers {
        let inner = at
            .entry(*key)
            .or_insert_with(|| Value::Object(Document::new()));
        if !inner.is_object() {
            *inner = Value::Object(Document::new());
        }
        let Value::Object(inner) = inner else {
            return;
        };
        at = inner;
    }
    at.insert((*last).to_owned(), value);
}

/// Takes out the value at a canonical path; a container that becomes empty goes with it.
pub fn remove(doc: &mut Document, path: &AttrPath) -> Option<Value> {
    fn take(object: &mut Document, keys: &[&str]) -> Option<Value> {
        let (first, rest) = keys.split_first()?;
        if rest.is_empty() {
            return object.shift_remove(*first);
        }
        let inner = object.get_mut(*first)?.as_object_mut()?;
        let taken = take(inner, rest);
        if inner.is_empty() {
            object.shift_remove(*first);
        }
        taken
    }
    let mut keys: Vec<&str> = Vec::with_capacity(3);
    keys.extend(path.urn.as_deref());
    if !path.attr.is_empty() {
        keys.push(&path.attr);
    }
    keys.extend(path.sub.as_deref());
    take(doc, &keys)
}

/// Puts `schemas` first: the core schema and those extensions that have a container.
/// RFC 7643 §3
pub fn set_schemas(doc: &mut Document, schema: &ResourceSchema) {
    let mut urns = vec![Value::from(schema.core.id.as_str())];
    urns.extend(
        schema
            .extensions
            .iter()
            .filter(|extension| doc.contains_key(&extension.id))
            .map(|extension| Value::from(extension.id.as_str())),
    );
    doc.shift_insert(0, "schemas".to_owned(), Value::Array(urns));
}

/// Checks that every required attribute has a value; those of an extension, and required
/// sub-attributes, only where the extension or the attribute itself has one.
///
/// # Errors
/// `invalidValue`, naming the attribute.
pub fn require(doc: &Document, schema: &ResourceSchema) -> Result<(), Error> {
    let within = |container: &Document, attributes: &[Attribute], urn: Option<&str>| {
        for attribute in attributes {
            let path = AttrPath {
                urn: urn.map(str::to_owned),
                ..AttrPath::core(&attribute.name)
            };
            let value = container.get(&attribute.name).filter(|v| !is_empty(v));
            // A readOnly attribute is the server's to fill in.
            if attribute.required && value.is_none() && attribute.mutability != Mutability::ReadOnly
            {
                return Err(missing(&path));
            }
            let elements = match value {
                Some(Value::Array(elements)) => elements.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            let required =
                |sub: &&Attribute| sub.required && sub.mutability != Mutability::ReadOnly;
            for sub in attribute.sub_attributes.iter().filter(required) {
                if elements
                    .iter()
                    .any(|element| element.get(&sub.name).is_none_or(is_empty))
                {
                    return Err(missing(&path.with_sub(&sub.name)));
                }
            }
        }
        Ok(())
    };
    within(doc, &schema.core.attributes, None)?;
    for extension in &schema.extensions {
        if let Some(container) = doc.get(&extension.id).and_then(Value::as_object) {
            within(container, &extension.attributes, Some(&extension.id))?;
        }
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    is_blank(value) || value.as_str().is_some_and(str::is_empty)
}

fn missing(path: &AttrPath) -> Error {
    Error::invalid_value(format!("'{path}' is required and has no value"))
}

/// RFC 7644 §3.5.1 for immutable attributes in a PUT: what is set must be matched, what is left
/// out is carried over from `before`, what was not set may be set.
///
/// # Errors
/// `mutability`, naming the attribute.
pub fn keep_immutable(
    before: &Document,
    after: &mut Document,
    schema: &ResourceSchema,
) -> Result<(), Error> {
    let core = schema.core.attributes.iter().map(|a| (None, a));
    let extended = schema
        .extensions
        .iter()
        .flat_map(|s| s.attributes.iter().map(|a| (Some(&s.id), a)));
    for (urn, attribute) in core.chain(extended) {
        if attribute.mutability != Mutability::Immutable {
            continue;
        }
        let path = AttrPath {
            urn: urn.cloned(),
            ..AttrPath::core(&attribute.name)
        };
        let Some(old) = get(before, &path) else {
            continue;
        };
        match get(after, &path) {
            None => set(after, &path, old.clone()),
            Some(new) if same_value(attribute, old, new) => {}
            Some(_) => return Err(immutable(&path)),
        }
    }
    Ok(())
}

/// The error for an immutable attribute that would change.
pub(crate) fn immutable(path: &AttrPath) -> Error {
    Error::mutability(format!(
        "'{path}' is immutable: it has a value and cannot be given another"
    ))
}

/// Whether an attribute refers to other resources: `members`, `manager`, `roles`.
pub(crate) fn is_reference(attribute: &Attribute) -> bool {
    is_value_object(attribute) && attribute.sub("$ref").is_some()
}

/// Whether an attribute is complex and has a `value`: a reference, or a value with labels.
pub(crate) fn is_value_object(attribute: &Attribute) -> bool {
    attribute.kind == Type::Complex && attribute.sub("value").is_some()
}

#[cfg(test)]
mod tests;
