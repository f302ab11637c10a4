//! The properties of one object in one allocation: a tenant of a million users must fit in memory.
//!
//! Layout, repeated: key (2 bytes), tag (1 byte), payload. Null is not stored, nor is an empty
//! collection.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::odata::facts;

/// A property name as a number.
pub type Key = u16;

/// Property names in use, each numbered once.
#[derive(Debug, Default)]
pub struct Names {
    list: Vec<Name>,
    index: HashMap<Box<str>, Key>,
}

#[derive(Debug)]
struct Name {
    text: Box<str>,
    is_time: bool,
}

/// Names of properties that hold a moment, in any entity type.
static TIMES: LazyLock<std::collections::HashSet<&'static str>> = LazyLock::new(|| {
    facts::entities()
        .flat_map(facts::EntityType::properties)
        .filter(|p| p.kind == facts::Kind::DateTimeOffset && !p.collection)
        .map(|p| p.name.as_str())
        .collect()
});

impl Names {
    /// The number of a name that is in use.
    pub fn get(&self, name: &str) -> Option<Key> {
        self.index.get(name).copied()
    }

    /// The number of a name, given now if it has none. The 65,536th name gets none.
    pub fn intern(&mut self, name: &str) -> Option<Key> {
        if let Some(key) = self.get(name) {
            return Some(key);
        }
        let key = Key::try_from(self.list.len()).ok()?;
        self.list.push(Name {
            text: name.into(),
            is_time: TIMES.contains(name) || name == "createdDateTime",
        });
        self.index.insert(name.into(), key);
        Some(key)
    }

    /// The name behind a number.
    pub fn text(&self, key: Key) -> &str {
        self.list.get(usize::from(key)).map_or("", |n| &n.text)
    }

    fn is_time(&self, key: Key) -> bool {
        self.list.get(usize::from(key)).is_some_and(|n| n.is_time)
    }
}

/// A stored value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stored<'a> {
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A moment, in ticks of 100 ns since 1970.
    Time(i64),
    /// Text.
    Str(&'a str),
    /// A collection of texts.
    List(List<'a>),
    /// Anything else, as JSON text.
    Json(&'a str),
}

/// A stored collection of texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct List<'a>(&'a [u8]);

impl<'a> List<'a> {
    /// The items.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (text, after) = take_text(rest)?;
            rest = after;
            Some(text)
        })
    }
}

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INT: u8 = 2;
const TIME: u8 = 3;
const STR: u8 = 4;
const LIST: u8 = 5;
const JSON: u8 = 6;

/// Ticks of 100 ns since 1970.
pub fn ticks(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 100).unwrap_or(i64::MAX)
}

/// Ticks of a text like `2024-01-01T00:00:00Z`.
pub fn parse_time(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(ticks)
}

/// The moment of a number of ticks.
pub fn moment(ticks: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ticks) * 100)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `2024-01-01T00:00:00Z`: whole seconds, as Graph shows moments in a GET.
pub fn time_text(ticks: i64) -> String {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp(ticks.div_euclid(10_000_000)) else {
        return String::new();
    };
    let (date, time) = (moment.date(), moment.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

impl Stored<'_> {
    /// As Graph's JSON.
    pub fn to_json(self) -> Value {
        match self {
            Self::Bool(b) => Value::Bool(b),
            Self::Int(n) => Value::from(n),
            Self::Time(ticks) => Value::String(time_text(ticks)),
            Self::Str(text) => Value::String(text.to_owned()),
            Self::List(list) => list.iter().collect(),
            Self::Json(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        }
    }
}

/// The properties of one object.
#[derive(Clone, Debug, Default)]
pub struct Record(Box<[u8]>);

impl Record {
    /// The value of one property.
    pub fn get(&self, key: Key) -> Option<Stored<'_>> {
        self.entries().find(|entry| entry.key == key)?.value()
    }

    /// All properties.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Stored<'_>)> {
        self.entries()
            .filter_map(|entry| Some((entry.key, entry.value()?)))
    }

    /// The entries, undecoded: whoever looks for one property passes the others over unread.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let start = rest;
            let (key, after) = rest.split_first_chunk::<2>()?;
            let (tag, after) = after.split_first()?;
            let (payload, after) = match *tag {
                FALSE | TRUE => after.split_at(0),
                INT | TIME => after.split_at_checked(8)?,
                _ => {
                    let (length, after) = take_length(after)?;
                    after.split_at_checked(length)?
                }
            };
            rest = after;
            Some(Entry {
                key: u16::from_le_bytes(*key),
                tag: *tag,
                payload,
                raw: &start[..start.len() - after.len()],
            })
        })
    }

    /// Sets and (with null or an empty collection) clears properties; the others stay.
    pub fn set(&mut self, names: &Names, changes: &[(Key, &Value)]) {
        let mut bytes = Vec::with_capacity(self.0.len() + 32);
        for entry in self.entries() {
            if !changes.iter().any(|(changed, _)| *changed == entry.key) {
                bytes.extend_from_slice(entry.raw);
            }
        }
        for (key, value) in changes {
            encode(&mut bytes, *key, value, names.is_time(*key));
        }
        self.0 = bytes.into_boxed_slice();
    }
}

/// One property as it is stored.
#[derive(Debug)]
pub struct Entry<'a> {
    key: Key,
    tag: u8,
    payload: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The property's number.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The value, decoded.
    pub fn value(&self) -> Option<Stored<'a>> {
        let number = || Some(i64::from_le_bytes(self.payload.try_into().ok()?));
        let text = || std::str::from_utf8(self.payload).ok();
        Some(match self.tag {
            FALSE => Stored::Bool(false),
            TRUE => Stored::Bool(true),
            INT => Stored::Int(number()?),
            TIME => Stored::Time(number()?),
            STR => Stored::Str(text()?),
            JSON => Stored::Json(text()?),
            _ => Stored::List(List(self.payload)),
        })
    }
}

fn encode(bytes: &mut Vec<u8>, key: Key, value: &Value, is_time: bool) {
    let start = bytes.len();
    bytes.extend_from_slice(&key.to_le_bytes());
    match value {
        Value::Null => bytes.truncate(start),
        Value::Array(items) if items.is_empty() => bytes.truncate(start),
        Value::Bool(b) => bytes.push(if *b { TRUE } else { FALSE }),
        Value::Number(n) if n.is_i64() => {
            bytes.push(INT);
            bytes.extend_from_slice(&n.as_i64().unwrap_or_default().to_le_bytes());
        }
        Value::String(text) => {
            if let Some(ticks) = parse_time(text).filter(|_| is_time) {
                bytes.push(TIME);
                bytes.extend_from_slice(&ticks.to_le_bytes());
            } else {
                bytes.push(STR);
                put_text(bytes, text);
            }
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            bytes.push(LIST);
            let mut list = Vec::new();
            for item in items {
                put_text(&mut list, item.as_str().unwrap_or_default());
            }
            put_length(bytes, list.len());
            bytes.extend_from_slice(&list);
        }
        other => {
            bytes.push(JSON);
            put_text(bytes, &other.to_string());
        }
    }
}

/// A length in one byte below 255, else in five.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < u8::MAX => bytes.push(short),
        _ => {
            bytes.push(u8::MAX);
            let long = u32::try_from(length).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&long.to_le_bytes());
        }
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, after) = bytes.split_first()?;
    if *first < u8::MAX {
        return Some((usize::from(*first), after));
    }
    let (long, after) = after.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*long)).ok()?, after))
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, after) = take_length(bytes)?;
    let (text, after) = after.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_value_comes_back() {
        let mut names = Names::default();
        let long = "x".repeat(300);
        let values = [
            ("a", json!(true)),
            ("b", json!(false)),
            ("c", json!(-5)),
            ("createdDateTime", json!("2024-02-29T23:59:58Z")),
            ("d", json!("2024-02-29T23:59:58Z")),
            ("e", json!("O'Brien ü")),
            ("f", json!(["x", "", "é"])),
            ("g", json!({"x": [1, 2], "y": null})),
            ("h", json!([{"x": 1}])),
            ("i", json!(long)),
            ("j", json!("")),
        ];
        let mut record = Record::default();
        let keys: Vec<Key> = values
            .iter()
            .map(|(n, _)| names.intern(n).unwrap())
            .collect();
        let changes: Vec<(Key, &Value)> = keys
            .iter()
            .copied()
            .zip(values.iter().map(|(_, v)| v))
            .collect();
        record.set(&names, &changes);
        for (key, value) in &changes {
            assert_eq!(&record.get(*key).unwrap().to_json(), *value);
        }
        assert!(matches!(record.get(keys[3]), Some(Stored::Time(_))));
        assert!(matches!(record.get(keys[4]), Some(Stored::Str(_))));

        record.set(
            &names,
            &[
                (keys[0], &Value::Null),
                (keys[6], &json!([])),
                (keys[2], &json!(7)),
            ],
        );
        assert_eq!(record.get(keys[0]), None);
        assert_eq!(record.get(keys[6]), None);
        assert_eq!(record.get(keys[2]), Some(Stored::Int(7)));
        assert_eq!(record.get(keys[9]).unwrap().to_json(), json!(long));
        assert_eq!(record.iter().count(), values.len() - 2);
    }
}
