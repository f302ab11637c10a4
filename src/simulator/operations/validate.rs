//! Bodies of writes, held against the type.

use serde_json::{Map, Value};

use crate::odata::facts::{self, Property};
use crate::simulator::directory::{Directory, Kind, guid, parse_time};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;

/// A checked body.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Properties, their types checked.
    pub properties: Map<String, Value>,
    /// `relation@odata.bind`: addresses.
    pub binds: Vec<(String, Vec<String>)>,
}

impl Input {
    /// The properties as the directory takes them.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.properties
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// A property that is given and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.properties.get(name).filter(|value| !value.is_null())
    }

    /// A text that is given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A truth value that is given.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    /// Whether a collection of texts holds an item.
    pub fn lists(&self, name: &str, item: &str) -> bool {
        self.get(name)
            .and_then(Value::as_array)
            .is_some_and(|items| items.iter().any(|i| i.as_str() == Some(item)))
    }

    /// Refuses a body without these.
    pub fn require(&self, names: &[&str]) -> Result<(), SimError> {
        match names.iter().find(|name| self.get(name).is_none()) {
            Some(name) => Err(SimError::invalid_property(name)),
            None => Ok(()),
        }
    }
}

/// What a kind of object does not take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Properties that callers cannot set.
    pub read_only: &'static [&'static str],
    /// The longest texts.
    pub lengths: &'static [(&'static str, usize)],
    /// Properties that cannot be cleared.
    pub required: &'static [&'static str],
}

/// Reads and checks a body.
pub fn body(ctx: &Ctx<'_>, kind: Kind, limits: &Limits) -> Result<Input, SimError> {
    let mut input = Input::default();
    for (name, value) in ctx.request.body_object()? {
        if let Some(relation) = name.strip_suffix("@odata.bind") {
            input
                .binds
                .push((relation.to_owned(), addresses(&name, &value)?));
            continue;
        }
        if name.contains("@odata.") {
            continue;
        }
        let property = facts::entity(kind.entity())
            .and_then(|entity| entity.property(&name).cloned())
            .or_else(|| extension(ctx.dir, kind, &name))
            .ok_or_else(|| SimError::invalid_property(&name))?;
        let property = &property;
        if limits.read_only.contains(&name.as_str()) {
            return Err(SimError::read_only(&name));
        }
        let cleared = value.is_null() && limits.required.contains(&name.as_str());
        if cleared || !fits(property, &value) {
            return Err(SimError::invalid_value(&name, kind));
        }
        let longest = limits
            .lengths
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, max)| *max);
        if longest.is_some_and(|max| value.as_str().is_some_and(|t| t.chars().count() > max)) {
            return Err(SimError::invalid_value(&name, kind));
        }
        input.properties.insert(name, value);
    }
    Ok(input)
}

/// A directory extension as a property.
fn extension(dir: &Directory, kind: Kind, name: &str) -> Option<Property> {
    let dir = dir.present();
    let slot = dir.extension(kind.entity(), name)?;
    Some(Property {
        name: name.to_owned(),
        kind: match dir.text(slot, "dataType")? {
            "Boolean" => facts::Kind::Boolean,
            "DateTime" => facts::Kind::DateTimeOffset,
            "Integer" => facts::Kind::Int32,
            "LargeInteger" => facts::Kind::Int64,
            "Binary" => facts::Kind::Binary,
            _ => facts::Kind::String,
        },
        collection: dir.flag(slot, "isMultiValued"),
        nullable: true,
    })
}

fn addresses(name: &str, value: &Value) -> Result<Vec<String>, SimError> {
    let one = |v: &Value| v.as_str().map(str::to_owned);
    let all = match value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|address| vec![address]),
    };
    all.ok_or_else(|| SimError::invalid_property(name))
}

/// Whether a value is one of the property.
pub fn fits(property: &Property, value: &Value) -> bool {
    if value.is_null() {
        return property.nullable && !property.collection;
    }
    if property.collection {
        return value
            .as_array()
            .is_some_and(|items| items.iter().all(|item| fits_kind(&property.kind, item)));
    }
    // An empty text is no value of any property of the directory.
    value.as_str() != Some("") && fits_kind(&property.kind, value)
}

fn fits_kind(kind: &facts::Kind, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        facts::Kind::Boolean => value.is_boolean(),
        facts::Kind::Int32 | facts::Kind::Int64 => value.is_i64(),
        facts::Kind::Double => value.is_number(),
        facts::Kind::String
        | facts::Kind::Duration
        | facts::Kind::TimeOfDay
        | facts::Kind::Binary
        | facts::Kind::Date => text.is_some(),
        facts::Kind::DateTimeOffset => text.is_some_and(|t| parse_time(t).is_some()),
        facts::Kind::Guid => text.is_some_and(|t| guid(t).is_some()),
        facts::Kind::Stream => false,
        facts::Kind::Enum(name) => text.is_some_and(|t| {
            facts::enumeration(name)
                .is_some_and(|members| members.iter().any(|m| m.eq_ignore_ascii_case(t)))
        }),
        facts::Kind::Complex(name) => match (facts::complex(name), value) {
            (Some(complex), Value::Object(parts)) => parts.iter().all(|(part, value)| {
                part.contains("@odata.")
                    || match complex.property(part) {
                        Some(property) => fits_part(property, value),
                        None => complex.is_open(),
                    }
            }),
            (None, _) => value.is_object() || value.is_string(),
            _ => false,
        },
    }
}

/// Parts of a structure may be empty texts.
fn fits_part(property: &Property, value: &Value) -> bool {
    value.as_str() == Some("") && property.kind == facts::Kind::String || fits(property, value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_types() {
        let user = facts::entity("user").unwrap();
        for (name, value, expected) in [
            ("displayName", json!("x"), true),
            ("displayName", json!(""), false),
            ("displayName", json!(5), false),
            ("displayName", json!(null), true),
            ("accountEnabled", json!(true), true),
            ("accountEnabled", json!("true"), false),
            ("businessPhones", json!(["1"]), true),
            ("businessPhones", json!([]), true),
            ("businessPhones", json!(null), false),
            ("businessPhones", json!("1"), false),
            ("employeeHireDate", json!("2024-01-01T00:00:00Z"), true),
            ("employeeHireDate", json!("2024-01-01"), false),
            (
                "employeeOrgData",
                json!({"division": "a", "costCenter": null}),
                true,
            ),
            ("employeeOrgData", json!({"nope": "a"}), false),
            ("employeeOrgData", json!("a"), false),
            (
                "passwordProfile",
                json!({"password": "x", "forceChangePasswordNextSignIn": 1}),
                false,
            ),
            ("birthday", json!(null), false),
        ] {
            assert_eq!(
                fits(user.property(name).unwrap(), &value),
                expected,
                "{name} {value}"
            );
        }
    }
}
