//! The closed list of transforms: named pure functions from a Graph value to a SCIM value, with
//! their inverse or read-only.
//!
//! | name | Graph | SCIM | written back |
//! |---|---|---|---|
//! | `identity` | any simple value | the same | as it is |
//! | `not` | boolean | its negation | negated |
//! | `lower` | string | in small letters | read-only |
//! | `dateTime` | dateTime | UTC, without trailing zeros | UTC, to the second |
//! | `date` | dateTime | its date, `2026-01-31` | midnight UTC |
//! | `dateTimeTimeZone` | `{dateTime, timeZone: "UTC"}` | dateTime | UTC, to the second |
//! | `booleanText` | `"true"`/`"false"` as text | boolean | as text |
//! | `integerText` | a number as text | integer | as text |
//! | `csv` | `"a,b"` | list of strings | joined |
//! | `smtpAddress` | `SMTP:a@b` | `a@b`; other kinds are left out | read-only |
//! | `constant` | – | the row's `value` | read-only |
//! | `photoUrl` | the id | `/Users/{id}/photo`, completed by the answer | read-only |
//! | `friendlySkuName` | a SKU id | the product's name | read-only |
//! | `availableSeats` | `consumedUnits` | seats bought and not used | read-only |
//! | `qualifiedName` | `{prefix}{name}@{domain}` | the name; of another form, whole | prefix and domain added where there is no `@` |
//! | `fullName` | the id | given name and surname | taken, not kept |
//! | `postalAddress` | the id | the parts of the address, as on an envelope | taken, not kept |
//!
//! `dateTime` is what a `DateTimeOffset` gets when its row names no transform, so that the same
//! instant is always spelled in the same way and does not look like a change.

use serde_json::{Value, json};

use super::qualified::Qualified;
use crate::{
    odata::facts::Kind,
    resources::skus,
    scim::{datetime, schema::Type},
};

/// A transform.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the module documentation describes each")]
pub enum Transform {
    Identity,
    Not,
    Lower,
    DateTime,
    Date,
    DateTimeTimeZone,
    BooleanText,
    IntegerText,
    Csv,
    SmtpAddress,
    Constant(Value),
    PhotoUrl,
    FriendlySkuName,
    AvailableSeats,
    QualifiedName(Qualified),
    FullName,
    PostalAddress,
}

/// What a transform may look at beside the value itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The whole Graph entity.
    pub entity: &'a Value,
}

const NAMED: &[(&str, Transform)] = &[
    ("identity", Transform::Identity),
    ("not", Transform::Not),
    ("lower", Transform::Lower),
    ("dateTime", Transform::DateTime),
    ("date", Transform::Date),
    ("dateTimeTimeZone", Transform::DateTimeTimeZone),
    ("booleanText", Transform::BooleanText),
    ("integerText", Transform::IntegerText),
    ("csv", Transform::Csv),
    ("smtpAddress", Transform::SmtpAddress),
    ("constant", Transform::Constant(Value::Null)),
    ("photoUrl", Transform::PhotoUrl),
    ("friendlySkuName", Transform::FriendlySkuName),
    ("availableSeats", Transform::AvailableSeats),
    (
        "qualifiedName",
        Transform::QualifiedName(Qualified {
            prefix: String::new(),
            domain: String::new(),
        }),
    ),
    ("fullName", Transform::FullName),
    ("postalAddress", Transform::PostalAddress),
];

impl Transform {
    /// The transform of that name; `constant` comes without its value.
    pub fn named(name: &str) -> Option<Self> {
        NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, transform)| transform.clone())
    }

    /// The names of all transforms.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        NAMED
            .iter()
            .find(|(_, known)| std::mem::discriminant(known) == std::mem::discriminant(self))
            .map_or("identity", |(name, _)| name)
    }

    /// Whether SCIM values can be turned back.
    pub fn has_inverse(&self) -> bool {
        match self {
            Self::Identity
            | Self::Not
            | Self::DateTime
            | Self::Date
            | Self::DateTimeTimeZone
            | Self::BooleanText
            | Self::IntegerText
            | Self::QualifiedName(_)
            | Self::Csv => true,
            Self::Lower
            | Self::SmtpAddress
            | Self::Constant(_)
            | Self::PhotoUrl
            | Self::FriendlySkuName
            | Self::AvailableSeats
            | Self::FullName
            | Self::PostalAddress => false,
        }
    }

    /// Whether the value is made of other attributes, which are what can be written: what a client
    /// sends for it is taken, and not kept.
    pub fn is_derived(&self) -> bool {
        matches!(self, Self::FullName | Self::PostalAddress)
    }

    /// Whether one Graph value becomes a list.
    pub fn makes_list(&self) -> bool {
        *self == Self::Csv
    }

    /// Graph properties that it reads beside the row's own.
    pub fn also_reads(&self) -> &'static [&'static str] {
        match self {
            Self::AvailableSeats => &["prepaidUnits"],
            Self::FullName => &["givenName", "surname"],
            Self::PostalAddress => &["streetAddress", "city", "state", "postalCode", "country"],
            _ => &[],
        }
    }

    /// The SCIM type that a Graph value of `kind` becomes.
    ///
    /// # Errors
    /// Why it does not apply to that kind.
    pub fn scim_type(&self, kind: &Kind) -> Result<Type, String> {
        let textual = matches!(kind, Kind::String | Kind::Guid | Kind::Enum(_));
        let of = |fits: bool, kind_name: &str, result: Type| {
            fits.then_some(result).ok_or_else(|| {
                format!(
                    "transform '{}' takes {kind_name}, not {}",
                    self.name(),
                    kind.name()
                )
            })
        };
        match self {
            Self::Identity => simple_type(kind),
            Self::Not => of(*kind == Kind::Boolean, "a boolean", Type::Boolean),
            Self::Lower
            | Self::SmtpAddress
            | Self::Csv
            | Self::QualifiedName(_)
            | Self::FullName
            | Self::PostalAddress => of(textual, "a string", Type::String),
            Self::PhotoUrl => of(textual, "the id", Type::Reference),
            Self::FriendlySkuName => of(textual, "a SKU id", Type::String),
            Self::DateTime => of(*kind == Kind::DateTimeOffset, "a dateTime", Type::DateTime),
            Self::Date => of(*kind == Kind::DateTimeOffset, "a dateTime", Type::String),
            Self::DateTimeTimeZone => of(
                *kind == Kind::Complex("dateTimeTimeZone".to_owned()),
                "a dateTimeTimeZone",
                Type::DateTime,
            ),
            Self::BooleanText => of(textual, "a string", Type::Boolean),
            Self::IntegerText => of(textual, "a string", Type::Integer),
            Self::AvailableSeats => of(*kind == Kind::Int32, "consumedUnits", Type::Integer),
            Self::Constant(value) => Ok(match value {
                Value::Bool(_) => Type::Boolean,
                Value::Number(_) => Type::Integer,
                _ => Type::String,
            }),
        }
    }

    /// The SCIM value of a Graph value; `None` when there is none to show.
    pub fn read(&self, value: &Value, context: Context<'_>) -> Option<Value> {
        match self {
            Self::Identity => Some(value.clone()),
            Self::Not => Some((!value.as_bool()?).into()),
            Self::Lower => Some(value.as_str()?.to_lowercase().into()),
            Self::DateTime => Some(value.as_str().map_or_else(
                || value.clone(),
                |text| normal_date_time(text).map_or_else(|| value.clone(), Value::String),
            )),
            Self::Date => {
                let text = normal_date_time(value.as_str()?)?;
                Some(text.get(..10)?.into())
            }
            Self::DateTimeTimeZone => {
                let zone = value.get("timeZone").and_then(Value::as_str)?;
                let at = value.get("dateTime").and_then(Value::as_str)?;
                // Other zones have Windows names, which say no offset: better none than a wrong one.
                if !zone.eq_ignore_ascii_case("UTC") {
                    return None;
                }
                normal_date_time(at).map(Value::String)
            }
            Self::BooleanText => match value.as_str()?.trim() {
                text if text.eq_ignore_ascii_case("true") => Some(true.into()),
                text if text.eq_ignore_ascii_case("false") => Some(false.into()),
                _ => None,
            },
            Self::IntegerText => value.as_str()?.trim().parse::<i64>().ok().map(Value::from),
            Self::Csv => {
                let parts: Vec<Value> = value
                    .as_str()?
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .map(Value::from)
                    .collect();
                (!parts.is_empty()).then_some(Value::Array(parts))
            }
            Self::SmtpAddress => {
                let text = value.as_str()?;
                let (kind, address) = text.split_once(':')?;
                kind.eq_ignore_ascii_case("smtp").then(|| address.into())
            }
            Self::QualifiedName(names) => Some(names.read(value.as_str()?).into()),
            Self::Constant(constant) => Some(constant.clone()),
            Self::PhotoUrl => Some(format!("/Users/{}/photo", value.as_str()?).into()),
            Self::FriendlySkuName => skus::friendly_name(value.as_str()?).map(Value::from),
            Self::AvailableSeats => {
                let units = context.entity.get("prepaidUnits")?;
                let count = |name: &str| units.get(name).and_then(Value::as_i64).unwrap_or(0);
                let usable = count("enabled") + count("warning");
                Some((usable - value.as_i64()?).max(0).into())
            }
            Self::FullName => {
                joined(context.entity, &["givenName", "surname"], " ").map(Value::from)
            }
            Self::PostalAddress => {
                let entity = context.entity;
                let area = joined(entity, &["state", "postalCode", "country"], " ");
                let city = joined(entity, &["city"], "");
                let place: Vec<String> = [city, area].into_iter().flatten().collect();
                let street = joined(entity, &["streetAddress"], "");
                let place = (!place.is_empty()).then(|| place.join(", "));
                let lines: Vec<String> = [street, place].into_iter().flatten().collect();
                (!lines.is_empty()).then(|| lines.join("\n").into())
            }
        }
    }

    /// The Graph value of a SCIM value.
    ///
    /// # Errors
    /// Why there is none.
    pub fn write(&self, value: &Value) -> Result<Value, String> {
        let text = || {
            value
                .as_str()
                .ok_or_else(|| format!("{value} is not a string"))
        };
        match self {
            Self::Identity => Ok(value.clone()),
            Self::Not => match value {
                Value::Bool(truth) => Ok((!truth).into()),
                other => Err(format!("{other} is not a boolean")),
            },
            Self::DateTime => kept_date_time(text()?).map(Value::String),
            Self::Date => {
                let text = text()?;
                let at = kept_date_time(&format!("{text}T00:00:00Z"))
                    .map_err(|_| format!("'{text}' is not a date such as 2026-01-31"))?;
                Ok(at.into())
            }
            Self::DateTimeTimeZone => {
                let at = kept_date_time(text()?)?;
                Ok(json!({"dateTime": at.trim_end_matches('Z'), "timeZone": "UTC"}))
            }
            Self::QualifiedName(names) => Ok(names.write(text()?).into()),
            Self::BooleanText => match value {
                Value::Bool(truth) => Ok(truth.to_string().into()),
                other => Err(format!("{other} is not a boolean")),
            },
            Self::IntegerText => match value {
                Value::Number(number) => Ok(number.to_string().into()),
                other => Err(format!("{other} is not an integer")),
            },
            Self::Csv => {
                let parts: Vec<&str> = value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                match parts.iter().find(|part| part.contains(',')) {
                    Some(part) => Err(format!(
                        "'{part}' contains a comma, which separates the stored values"
                    )),
                    None => Ok(parts.join(",").into()),
                }
            }
            Self::Lower
            | Self::SmtpAddress
            | Self::Constant(_)
            | Self::PhotoUrl
            | Self::FriendlySkuName
            | Self::AvailableSeats
            | Self::FullName
            | Self::PostalAddress => Err(format!("'{}' is read-only", self.name())),
        }
    }
}

/// The texts of those properties that have one, side by side.
fn joined(entity: &Value, names: &[&str], between: &str) -> Option<String> {
    let texts = names.iter().filter_map(|name| entity.get(*name)?.as_str());
    let texts: Vec<&str> = texts.filter(|text| !text.trim().is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join(between))
}

fn simple_type(kind: &Kind) -> Result<Type, String> {
    Ok(match kind {
        Kind::String
        | Kind::Guid
        | Kind::Enum(_)
        | Kind::Date
        | Kind::TimeOfDay
        | Kind::Duration => Type::String,
        Kind::Boolean => Type::Boolean,
        Kind::Int32 | Kind::Int64 => Type::Integer,
        Kind::Double => Type::Decimal,
        Kind::DateTimeOffset => Type::DateTime,
        Kind::Binary => Type::Binary,
        Kind::Stream => return Err("a stream is not a value".to_owned()),
        Kind::Complex(_) => {
            return Err(format!(
                "{} is complex: name one of its members",
                kind.name()
            ));
        }
    })
}

/// A dateTime in its canonical spelling, to compare with what Graph holds.
///
/// # Errors
/// Not a dateTime.
pub fn date_time(text: &str) -> Result<String, String> {
    normal_date_time(text).ok_or_else(|| no_date_time(text))
}

/// A dateTime as Graph keeps it: to the second.
fn kept_date_time(text: &str) -> Result<String, String> {
    datetime::instant(text.trim())
        .and_then(|at| at.whole_seconds().text())
        .ok_or_else(|| no_date_time(text))
}

fn normal_date_time(text: &str) -> Option<String> {
    datetime::instant(text.trim())?.text()
}

fn no_date_time(text: &str) -> String {
    format!("'{text}' is not a dateTime such as 2026-01-31T08:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(entity: &Value) -> Context<'_> {
        Context { entity }
    }

    /// (transform, Graph, SCIM, Graph when written back; null: refused)
    #[test]
    fn there_and_back() {
        let sku = json!({"consumedUnits": 7, "prepaidUnits": {"enabled": 10, "warning": 2, "suspended": 5}});
        for (transform, graph, scim, back) in [
            (Transform::Identity, json!("x"), json!("x"), json!("x")),
            (Transform::Not, json!(true), json!(false), json!(true)),
            (Transform::Not, json!("true"), json!(null), json!(null)),
            (Transform::Lower, json!("ÄbC"), json!("äbc"), json!(null)),
            (
                Transform::DateTime,
                json!("2026-01-31T08:00:00.1200000Z"),
                json!("2026-01-31T08:00:00.12Z"),
                json!("2026-01-31T08:00:00Z"),
            ),
            (
                Transform::DateTime,
                json!("2026-01-31T01:00:00+02:00"),
                json!("2026-01-30T23:00:00Z"),
                json!("2026-01-30T23:00:00Z"),
            ),
            (
                Transform::Date,
                json!("2026-01-31T08:00:00Z"),
                json!("2026-01-31"),
                json!("2026-01-31T00:00:00Z"),
            ),
            (
                Transform::DateTimeTimeZone,
                json!({"dateTime": "2016-03-20T18:00:00.0000000", "timeZone": "UTC"}),
                json!("2016-03-20T18:00:00Z"),
                json!({"dateTime": "2016-03-20T18:00:00", "timeZone": "UTC"}),
            ),
            (
                Transform::DateTimeTimeZone,
                json!({"dateTime": "2016-03-20T18:00:00.0000000", "timeZone": "Pacific Standard Time"}),
                json!(null),
                json!(null),
            ),
            (
                Transform::BooleanText,
                json!("True"),
                json!(true),
                json!("true"),
            ),
            (
                Transform::BooleanText,
                json!("yes"),
                json!(null),
                json!(null),
            ),
            (
                Transform::IntegerText,
                json!(" 42 "),
                json!(42),
                json!("42"),
            ),
            (
                Transform::IntegerText,
                json!("many"),
                json!(null),
                json!(null),
            ),
            (
                Transform::Csv,
                json!("a, b,,c"),
                json!(["a", "b", "c"]),
                json!("a,b,c"),
            ),
            (Transform::Csv, json!(","), json!(null), json!("")),
            (
                Transform::SmtpAddress,
                json!("SMTP:a@b.c"),
                json!("a@b.c"),
                json!(null),
            ),
            (
                Transform::SmtpAddress,
                json!("smtp:a@b.c"),
                json!("a@b.c"),
                json!(null),
            ),
            (
                Transform::SmtpAddress,
                json!("sip:a@b.c"),
                json!(null),
                json!(null),
            ),
            (
                Transform::Constant(json!("k")),
                json!("x"),
                json!("k"),
                json!(null),
            ),
            (
                Transform::PhotoUrl,
                json!("1"),
                json!("/Users/1/photo"),
                json!(null),
            ),
            (
                Transform::FriendlySkuName,
                json!("06EBC4EE-1BB5-47DD-8120-11324BC54E06"),
                json!("Microsoft 365 E5"),
                json!(null),
            ),
            (
                Transform::FriendlySkuName,
                json!("no"),
                json!(null),
                json!(null),
            ),
            (Transform::AvailableSeats, json!(7), json!(5), json!(null)),
            (Transform::AvailableSeats, json!(70), json!(0), json!(null)),
        ] {
            let read = transform.read(&graph, context(&sku)).unwrap_or_default();
            assert_eq!(read, scim, "{} of {graph}", transform.name());
            let written = transform.write(&read).unwrap_or_default();
            assert_eq!(written, back, "{} back from {read}", transform.name());
            if !transform.has_inverse() {
                assert!(transform.write(&read).is_err(), "{}", transform.name());
            }
            assert_eq!(
                Transform::named(transform.name()).map(|t| t.name()),
                Some(transform.name())
            );
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold() {
        for (transform, value, part) in [
            (Transform::Csv, json!(["a", "b,c"]), "comma"),
            (Transform::DateTime, json!("tomorrow"), "dateTime"),
            (Transform::Date, json!("2026-02-30"), "date"),
            (Transform::DateTimeTimeZone, json!(3), "string"),
            (Transform::Not, json!("x"), "boolean"),
            (Transform::IntegerText, json!("x"), "integer"),
            (Transform::PhotoUrl, json!("x"), "read-only"),
        ] {
            let error = transform.write(&value).unwrap_err();
            assert!(error.contains(part), "{}: {error}", transform.name());
        }
    }

    #[test]
    fn types() {
        for (name, kind, expected) in [
            ("identity", Kind::Guid, Ok(Type::String)),
            ("identity", Kind::Int64, Ok(Type::Integer)),
            ("identity", Kind::Complex("x".into()), Err("complex")),
            ("not", Kind::Boolean, Ok(Type::Boolean)),
            ("not", Kind::String, Err("boolean")),
            ("date", Kind::DateTimeOffset, Ok(Type::String)),
            ("dateTimeTimeZone", Kind::String, Err("dateTimeTimeZone")),
            ("csv", Kind::Int32, Err("string")),
            ("booleanText", Kind::String, Ok(Type::Boolean)),
            ("photoUrl", Kind::String, Ok(Type::Reference)),
            ("fullName", Kind::String, Ok(Type::String)),
            ("qualifiedName", Kind::String, Ok(Type::String)),
            ("postalAddress", Kind::Boolean, Err("string")),
        ] {
            let found = Transform::named(name).unwrap().scim_type(&kind);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(*found, expected, "{name}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{name}: {found}"),
                _ => panic!("{name}: {found:?}"),
            }
        }
        assert_eq!(Transform::named("eval"), None);
        assert_eq!(Transform::names().count(), 17);
    }
}
