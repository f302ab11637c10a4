//! One attribute's value, from what clients send to what the schema says.

use std::{cell::RefCell, collections::BTreeSet, fmt::Display};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use super::{List, Unknown, is_blank, is_reference, is_value_object, labels_only};
use crate::scim::{
    Document,
    attr::AttrPath,
    datetime,
    error::{Error, Kind},
    filter::{boolean, type_name},
    reference,
    schema::{Attribute, Mutability, ResourceSchema, Type},
};

/// The most values of one attribute in one body.
pub const MAX_ELEMENTS: usize = 100_000;

/// The names of what a client said and what is taken without being kept.
#[derive(Debug, Default)]
pub(crate) struct Ignored(RefCell<BTreeSet<String>>);

impl Ignored {
    pub(crate) fn note(&self, name: impl Display) {
        self.0.borrow_mut().insert(name.to_string());
    }

    pub(crate) fn into_names(self) -> Vec<String> {
        self.0.into_inner().into_iter().collect()
    }
}

/// How far values are bent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// What is known.
    pub schema: &'a ResourceSchema,
    /// What is taken and not kept.
    pub ignored: &'a Ignored,
    /// Unknown sub-attributes.
    pub unknown: Unknown,
    /// A single plain value for a multi-valued attribute that is not complex (PATCH).
    pub wrap: bool,
    /// The value is what PATCH removes: plain values may stand for elements of a complex
    /// attribute, and what names nobody matches nothing. In what is assigned it is refused.
    pub removal: bool,
    /// The value is laid over an element that a filter has found, and that says who it is.
    pub partial: bool,
}

/// The canonical form of `value` for `attribute`; `path` is for messages.
///
/// `Some(Null)`: the client unassigns it. `None`: it says nothing (only readOnly
/// sub-attributes). Nulls of a single complex value's sub-attributes are kept, as Null.
pub(crate) fn coerce(
    attribute: &Attribute,
    path: &AttrPath,
    value: &Value,
    rules: Rules<'_>,
) -> Result<Option<Value>, Error> {
    if attribute.multi_valued {
        many(attribute, path, value, rules)
    } else {
        one(attribute, path, value, rules)
    }
}

fn many(
    attribute: &Attribute,
    path: &AttrPath,
    value: &Value,
    rules: Rules<'_>,
) -> Result<Option<Value>, Error> {
    let must_name = is_reference(attribute) && !rules.removal;
    let elements = match value {
        Value::Object(_) if must_name => std::slice::from_ref(value),
        _ if is_blank(value) => return Ok(Some(Value::Null)),
        Value::Array(elements) => elements.as_slice(),
        Value::Object(_) if attribute.kind == Type::Complex => std::slice::from_ref(value),
        Value::Object(_) => return Err(wrong(attribute, path, value)),
        _ if rules.removal || (rules.wrap && attribute.kind != Type::Complex) => {
            std::slice::from_ref(value)
        }
        // {"op":"add","path":"members","value":"<id>"}
        Value::String(_) if attribute.kind == Type::Complex && !refuses_bare(attribute, rules) => {
            std::slice::from_ref(value)
        }
        _ => return Err(wrong(attribute, path, value)),
    };
    if elements.len() > MAX_ELEMENTS {
        return Err(Error::new(
            Kind::TooLarge,
            format!("'{path}' has more than {MAX_ELEMENTS} values: send them in parts"),
        ));
    }
    let mut list = List::new(attribute, Vec::new());
    let mut said = false;
    for element in primary_first(attribute, elements) {
        if element.is_array() || (element.is_string() && refuses_bare(attribute, rules)) {
            return Err(wrong(attribute, path, element));
        }
        if must_name && (element.is_null() || element.as_str() == Some("")) {
            return Err(nameless(attribute, path));
        }
        let Some(mut element) = one(attribute, path, element, rules)? else {
            continue;
        };
        said = true;
        strip_nulls(&mut element);
        // Labels of nothing say nothing.
        let says = must_name || rules.removal || !labels_only(attribute, &element);
        if says && !is_blank(&element) {
            list.add(element);
        }
    }
    let list = list.into_inner();
    if list.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(Error::invalid_value(format!(
            "'{path}' has more than one primary value"
        )));
    }
    if list.is_empty() {
        return Ok(said.then_some(Value::Null));
    }
    Ok(Some(Value::Array(list)))
}

/// The elements with what the client calls primary at the head, where that is not kept: of two that
/// want the same place it is the one to have it.
fn primary_first<'a>(attribute: &Attribute, elements: &'a [Value]) -> Vec<&'a Value> {
    let is_primary = |element: &Value| match element.as_object().and_then(|e| member(e, "primary"))
    {
        Some(Value::Bool(said)) => *said,
        Some(Value::String(said)) => boolean(said) == Some(true),
        _ => false,
    };
    let mut ordered: Vec<&Value> = elements.iter().collect();
    let sub = attribute.sub("primary");
    if sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly) {
        ordered.sort_by_key(|element| !is_primary(element));
    }
    ordered
}

/// Whether a text cannot stand for an element: an id does for a reference, but an e-mail address
/// would not say which it is.
fn refuses_bare(attribute: &Attribute, rules: Rules<'_>) -> bool {
    attribute.kind == Type::Complex && !rules.removal && !is_reference(attribute)
}

fn one(
    attribute: &Attribute,
    path: &AttrPath,
    value: &Value,
    rules: Rules<'_>,
) -> Result<Option<Value>, Error> {
    let wrong = || wrong(attribute, path, value);
    let kept = match (attribute.kind, value) {
        (_, Value::Null) => Value::Null,
        // No empty text is a time or a URI; form-driven clients send it for "nothing".
        (Type::DateTime | Type::Reference, Value::String(text)) if text.is_empty() => Value::Null,
        (Type::Complex, Value::Object(object)) => return complex(attribute, path, object, rules),
        // Entra: {"op":"Add","path":"manager","value":[{"value":"…"}]}
        (Type::Complex, Value::Array(elements)) => match elements.as_slice() {
            [] => Value::Null,
            [single] => {
                // An element of a list says who; only the reference itself can say nobody.
                return match one(attribute, path, single, rules)? {
                    Some(Value::Null) if is_reference(attribute) && !rules.removal => {
                        Err(nameless(attribute, path))
                    }
                    found => Ok(found),
                };
            }
            _ => {
                return Err(Error::invalid_value(format!(
                    "'{path}' takes one value, not {}",
                    elements.len()
                )));
            }
        },
        // A bare id; "" clears. Some clients send the object itself as text.
        (Type::Complex, Value::String(text)) if is_value_object(attribute) => {
            if let Some(object) = object_text(attribute, text) {
                return complex(attribute, path, &object, rules);
            }
            if text.is_empty() {
                Value::Null
            } else {
                let mut object = Document::new();
                object.insert("value".to_owned(), value.clone());
                return complex(attribute, path, &object, rules);
            }
        }
        // A mapping that has `manager` as a plain id still gets the forms of the RFC's.
        (Type::String, _) if is_plain_reference(attribute) && !filled(value) => {
            return match value {
                Value::Array(elements) if elements.len() == 1 => {
                    match one(attribute, path, &elements[0], rules)? {
                        Some(Value::Null) if !rules.removal => Err(nameless(attribute, path)),
                        found => Ok(found),
                    }
                }
                Value::Object(object) => match member(object, "value") {
                    Some(id) if filled(id) => Ok(Some(id.clone())),
                    said => match (referenced(object, ["Users"]), said) {
                        (Some(id), _) => Ok(Some(Value::String(id))),
                        (None, Some(id)) => one(attribute, path, id, rules),
                        (None, None) => Err(nameless(attribute, path)),
                    },
                },
                _ if is_blank(value) || value.is_string() => Ok(Some(Value::Null)),
                _ => Err(wrong()),
            };
        }
        (Type::Boolean, Value::Bool(_))
        | (Type::Decimal, Value::Number(_))
        | (Type::String | Type::Reference, Value::String(_)) => value.clone(),
        (Type::Boolean, Value::String(text)) => boolean(text).map(Value::from).ok_or_else(wrong)?,
        (Type::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            value.clone()
        }
        (Type::DateTime, Value::String(text)) if datetime::instant(text).is_some() => value.clone(),
        (Type::Binary, Value::String(text)) if is_base64(text) => value.clone(),
        _ => return Err(wrong()),
    };
    Ok(Some(kept))
}

fn is_plain_reference(attribute: &Attribute) -> bool {
    attribute.kind == Type::String && !attribute.multi_valued && attribute.name == "manager"
}

/// Whether a text says anything.
pub(crate) fn filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

/// A member by its name in any case.
fn member<'a>(object: &'a Document, wanted: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value)
}

/// The id that an object's `$ref` leads to.
fn referenced<'a>(
    object: &Document,
    endpoints: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    reference::id_of(member(object, "$ref")?.as_str()?, endpoints)
}

/// Gives a reference that says no `value` the one that its `$ref` leads to: a resource of one of
/// the types that the attribute refers to, whose endpoints are their names in the plural. Given
/// both, `value` wins, because clients send a `$ref` that leads nowhere.
fn resolve(attribute: &Attribute, object: &Document, kept: &mut Document) {
    if kept.get("value").is_some_and(filled) {
        return;
    }
    let types = attribute.sub("$ref").map(|sub| &sub.reference_types);
    let endpoints: Vec<String> = types
        .into_iter()
        .flatten()
        .map(|name| format!("{name}s"))
        .collect();
    if let Some(id) = referenced(object, endpoints.iter().map(String::as_str)) {
        kept.insert("value".to_owned(), Value::String(id));
    }
}

/// The error for an element that refers to nobody.
pub(crate) fn nameless(attribute: &Attribute, path: &AttrPath) -> Error {
    let what = if attribute.multi_valued {
        "each element of "
    } else {
        ""
    };
    Error::invalid_value(format!(
        "{what}'{path}' needs a 'value', or a '$ref' that leads to a resource of this server"
    ))
}

fn complex(
    attribute: &Attribute,
    path: &AttrPath,
    object: &Document,
    rules: Rules<'_>,
) -> Result<Option<Value>, Error> {
    let mut kept = Document::new();
    let unpacked = json_text(attribute, object);
    for (name, value) in unpacked.as_ref().unwrap_or(object) {
        // A reference is its `value`, which its `$ref` may say in its place.
        if is_reference(attribute) && name.eq_ignore_ascii_case("$ref") {
            continue;
        }
        let Some(sub) = attribute.sub(name) else {
            // What a server derives may be sent back to it even where the schema lacks it.
            let derived = ["$ref", "display"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            if derived || is_blank(value) {
                continue;
            }
            let path = path.with_sub(name);
            if rules.unknown == Unknown::Ignore || rules.schema.is_defined(&path) {
                rules.ignored.note(path);
                continue;
            }
            return Err(Error::invalid_syntax(format!(
                "'{path}' has no sub-attribute '{name}'"
            )));
        };
        if sub.mutability == Mutability::ReadOnly {
            // Labels come with every element.
            if sub.unkept && !is_blank(value) && !matches!(sub.name.as_str(), "primary" | "display")
            {
                rules.ignored.note(path.with_sub(&sub.name));
            }
            continue;
        }
        let sub_path = path.with_sub(&sub.name);
        if let Some(value) = coerce(sub, &sub_path, value, rules)? {
            // Two spellings of one name: which of them counts is anybody's guess.
            let earlier = kept.insert(sub.name.clone(), value);
            if earlier.is_some_and(|earlier| !earlier.is_null()) {
                return Err(Error::invalid_syntax(format!(
                    "'{sub_path}' is given twice"
                )));
            }
        }
    }
    if is_reference(attribute) {
        resolve(attribute, object, &mut kept);
    }
    let emptied = |value: &Value| value.is_null() || (value.is_string() && !filled(value));
    let cleared = kept.get("value").is_some_and(emptied);
    if is_reference(attribute) && rules.partial {
        if cleared || object.is_empty() {
            return Err(nameless(attribute, path));
        }
    } else if !attribute.multi_valued && cleared {
        // {"value": ""} and {"value": null} clear a reference such as manager.
        return Ok(Some(Value::Null));
    } else if is_reference(attribute) && !rules.removal && !kept.get("value").is_some_and(filled) {
        return Err(nameless(attribute, path));
    }
    if kept.is_empty() && !object.is_empty() {
        return Ok(None);
    }
    if kept.is_empty() {
        return Ok(Some(Value::Null));
    }
    Ok(Some(Value::Object(kept)))
}

/// Entra's app-role mappings PATCH `roles` with JSON text as the value:
/// `{"value":"{\"id\":\"…\",\"value\":\"25\",\"displayName\":\"Role1234\"}"}`. What POST would
/// have sent as `value` is its `value`; a role without one goes by its `id`.
fn json_text(attribute: &Attribute, object: &Document) -> Option<Document> {
    if !matches!(attribute.name.as_str(), "roles" | "entitlements") {
        return None;
    }
    let (name, text) = object
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("value"))
        .and_then(|(name, value)| Some((name, value.as_str()?)))?;
    let (value, display) = unpack_json_text(text)?;
    let mut unpacked = object.clone();
    unpacked.insert(name.clone(), value);
    if let Some(display) = display {
        unpacked.entry("display").or_insert(display);
    }
    Some(unpacked)
}

/// The object that a text is, of an attribute whose values are no JSON themselves.
fn object_text(attribute: &Attribute, text: &str) -> Option<Document> {
    let of_role = matches!(attribute.name.as_str(), "roles" | "entitlements");
    if of_role || !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// `value` (else `id`) and `displayName` of a JSON object in a string.
fn unpack_json_text(text: &str) -> Option<(Value, Option<Value>)> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let inner: Document = serde_json::from_str(text).ok()?;
    let member = |wanted: &str| {
        inner
            .iter()
            .find(|(name, value)| {
                name.eq_ignore_ascii_case(wanted) && value.as_str().is_some_and(|v| !v.is_empty())
            })
            .map(|(_, value)| value.clone())
    };
    let value = member("value").or_else(|| member("id"))?;
    Some((value, member("displayName")))
}

/// [`json_text`] for `roles[primary eq "True"].value`, where the text is the sub-attribute's.
pub(crate) fn plain_role(attribute: &Attribute, sub: &str, value: &Value) -> Option<Value> {
    let role = matches!(attribute.name.as_str(), "roles" | "entitlements") && sub == "value";
    if !role {
        return None;
    }
    unpack_json_text(value.as_str()?).map(|(value, _)| value)
}

/// Drops the null members of an object.
pub(crate) fn strip_nulls(value: &mut Value) {
    if let Value::Object(object) = value {
        object.retain(|_, value| !value.is_null());
    }
}

pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

fn is_base64(text: &str) -> bool {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE]
        .iter()
        .any(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).is_ok())
}

fn wrong(attribute: &Attribute, path: &AttrPath, value: &Value) -> Error {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        // The text itself could be a secret.
        Value::String(_) => "a string that is none",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let many = if attribute.multi_valued {
        "an array of type "
    } else {
        "of type "
    };
    Error::invalid_value(format!(
        "'{path}' is {many}{}, not {found}",
        type_name(attribute.kind)
    ))
}
