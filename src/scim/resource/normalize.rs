//! Bodies of POST and PUT to canonical documents.

use std::collections::HashSet;

use serde_json::Value;

use super::{Ignored, Input, InputRules, Rules, Unknown, coerce, get, set, strip_nulls};
use crate::scim::{
    Document,
    attr::AttrPath,
    error::Error,
    schema::{Attribute, Mutability, ResourceSchema, Type},
};

/// Makes a body canonical: names in the schema's spelling and in their containers, values of the
/// attributes' types, each element once, nothing that is null, empty or readOnly.
///
/// Beyond the RFC it takes what clients send: booleans as strings, core attributes under the core
/// schema's URN, extension attributes at the top level (`manager`, `department`) or as
/// `urn:…:attr`, a single-valued complex attribute as array or bare `value`.
///
/// # Errors
/// `invalidSyntax` for a body that is not an object, for an unknown attribute with a value
/// ([`Unknown::Refuse`]) and for an attribute given twice; `invalidValue` for a value of the
/// wrong type and for more than one primary value.
pub fn normalize(
    body: &Value,
    schema: &ResourceSchema,
    rules: &InputRules,
) -> Result<Input, Error> {
    let Value::Object(body) = body else {
        return Err(Error::invalid_syntax("the body must be a JSON object"));
    };
    let mut input = Input::default();
    let mut seen: HashSet<AttrPath> = HashSet::new();
    let ignored = Ignored::default();
    let coercion = Rules {
        schema,
        ignored: &ignored,
        unknown: rules.unknown,
        wrap: false,
        removal: false,
        partial: false,
    };
    walk(body, schema, &mut |name, value| {
        let path = AttrPath::parse(name).ok();
        let found = path.as_ref().and_then(|path| schema.resolve(path).ok());
        let Some((found, attribute)) = found.and_then(|f| f.attribute.map(|a| (f, a))) else {
            // Every object of some clients has `schemas`, also that of an extension.
            let is_schemas = path.as_ref().is_some_and(|path| path.attr == "schemas");
            if is_blank(value) || is_schemas {
                return Ok(());
            }
            let defined = path.is_some_and(|path| schema.is_defined(&path));
            if defined || rules.unknown == Unknown::Ignore {
                ignored.note(name);
                return Ok(());
            }
            return Err(Error::invalid_syntax(format!(
                "'{name}' is not an attribute of resource type {}",
                schema.name
            )));
        };
        // A null beside a value says nothing (Entra's old form: `"manager": null` at the top).
        if !is_blank(value) && !seen.insert(found.path.clone()) {
            return Err(Error::invalid_syntax(format!(
                "'{}' is given twice",
                found.path
            )));
        }
        if attribute.name == "schemas" && found.path.urn.is_none() {
            return schema_uris(value);
        }
        let leaf = found.sub.unwrap_or(attribute);
        if [attribute, leaf]
            .iter()
            .any(|a| a.mutability == Mutability::ReadOnly || a.unkept)
        {
            if leaf.unkept && !is_blank(value) {
                ignored.note(&found.path);
            }
            return Ok(());
        }
        if is_not_given(leaf, value) {
            return Ok(());
        }
        if found.sub.is_some() && attribute.multi_valued {
            return Err(Error::invalid_syntax(format!(
                "'{name}': '{}' has many values, give them as an array",
                attribute.name
            )));
        }
        match coerce(leaf, &found.path, value, coercion)? {
            None => {}
            Some(Value::Null) => input.cleared.push(found.path),
            Some(mut value) => {
                if let Value::Object(object) = &value {
                    let nulls = object.iter().filter(|(_, value)| value.is_null());
                    let paths = nulls.map(|(sub, _)| found.path.with_sub(sub));
                    input.cleared.extend(paths);
                }
                strip_nulls(&mut value);
                if !is_blank(&value) {
                    set(&mut input.document, &found.path, value);
                }
            }
        }
        Ok(())
    })?;
    input.ignored = ignored.into_names();
    let Input {
        document, cleared, ..
    } = &mut input;
    cleared.retain(|path| get(document, path).is_none());
    Ok(input)
}

/// Whether a value says nothing where others would say "none": a user is active or is not.
pub(crate) fn is_not_given(leaf: &Attribute, value: &Value) -> bool {
    value.is_null() && leaf.kind == Type::Boolean && leaf.name == "active"
}

/// `schemas` must be an array of strings. Which ones they are says nothing that the containers
/// do not say, and clients name schemas that nobody publishes.
fn schema_uris(value: &Value) -> Result<(), Error> {
    match value {
        Value::Null => Ok(()),
        Value::Array(urns) if urns.iter().all(Value::is_string) => Ok(()),
        _ => Err(Error::invalid_syntax("'schemas' must be an array of URIs")),
    }
}

/// Visits each attribute of a body as (path text, value); containers are opened: that of an
/// extension, and one under the core schema's URN. A container that is null unassigns each of
/// its attributes.
pub(crate) fn walk(
    object: &Document,
    schema: &ResourceSchema,
    visit: &mut dyn FnMut(&str, &Value) -> Result<(), Error>,
) -> Result<(), Error> {
    for (name, value) in object {
        let (container, prefix) = if name.eq_ignore_ascii_case(&schema.core.id) {
            (&schema.core, None)
        } else if let Some(extension) = schema.extension(name) {
            (extension, Some(&extension.id))
        } else {
            visit(name, value)?;
            continue;
        };
        let full = |name: &str| match prefix {
            Some(urn) => format!("{urn}:{name}"),
            None => name.to_owned(),
        };
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    visit(&full(name), value)?;
                }
            }
            blank if is_blank(blank) => {
                for attribute in &container.attributes {
                    if attribute.mutability != Mutability::ReadOnly {
                        visit(&full(&attribute.name), &Value::Null)?;
                    }
                }
            }
            _ => {
                return Err(Error::invalid_syntax(format!(
                    "'{name}' is a schema: its value must be an object"
                )));
            }
        }
    }
    Ok(())
}

/// Null, `[]` and `{}` are one state: unassigned. RFC 7643 §2.5
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}
