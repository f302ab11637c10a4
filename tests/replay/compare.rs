//! Comparing an answer with the recorded one: property sets and JSON types throughout, values
//! where they are no accident of time or chance.

use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::names::{Names, is_guid};

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The status.
    Status,
    /// A header.
    Header,
    /// A property that the recording lacks.
    Extra,
    /// A property that the simulator lacks.
    Missing,
    /// A property's JSON type.
    Type,
    /// A property's value.
    Value,
    /// An item of a list that the recording lacks.
    ExtraItem,
    /// An item of a list that the simulator lacks.
    MissingItem,
}

/// One difference.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// Its kind.
    pub kind: Kind,
    /// Where: property names joined by dots, `[]` for an item.
    pub path: String,
    /// What was recorded.
    pub recorded: Value,
    /// What the simulator said.
    pub simulated: Value,
    /// What it is a part of, as recorded and as simulated: the item of the list that was asked
    /// for, else the whole answer.
    pub whole: Rc<(Value, Value)>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: &Value| value.to_string().chars().take(160).collect::<String>();
        write!(
            f,
            "{:?} {}: recorded {} simulated {}",
            self.kind,
            self.path,
            short(&self.recorded),
            short(&self.simulated)
        )?;
        if self.kind == Kind::Status {
            write!(f, ": {}", short(&self.whole.1))?;
        }
        Ok(())
    }
}

/// Names of properties whose values are chance.
const CHANCE: [&str; 7] = [
    "hint",
    "secretText",
    "date",
    "request-id",
    "client-request-id",
    "securityIdentifier",
    "@odata.nextLink",
];

/// Compares bodies, and learns ids where both have one that is new.
pub struct Comparison<'a> {
    /// The mapping, learnt on.
    pub names: &'a mut Names,
    /// What was found.
    pub found: Vec<Mismatch>,
    /// What is being compared, as [`Mismatch::whole`] has it.
    pub whole: Rc<(Value, Value)>,
}

impl Comparison<'_> {
    fn note(&mut self, kind: Kind, path: &str, recorded: &Value, simulated: &Value) {
        self.found.push(Mismatch {
            kind,
            path: path.to_owned(),
            recorded: recorded.clone(),
            simulated: simulated.clone(),
            whole: Rc::clone(&self.whole),
        });
    }

    /// Compares two values.
    pub fn values(&mut self, path: &str, recorded: &Value, simulated: &Value, strict: bool) {
        match (recorded, simulated) {
            (Value::Null, _) => {
                // Null and a value of a property are of one type; but a value where none is
                // expected is worth a look.
                if strict && !simulated.is_null() && !path.ends_with("hint") {
                    self.note(Kind::Value, path, recorded, simulated);
                }
            }
            (Value::Object(r), Value::Object(s)) => self.objects(path, r, s, strict),
            (Value::Array(r), Value::Array(s)) => self.lists(path, r, s, strict),
            (Value::String(r), Value::String(s)) => self.texts(path, r, s, strict),
            (Value::Bool(_), Value::Bool(_)) | (Value::Number(_), Value::Number(_)) => {
                if strict && recorded != simulated {
                    self.note(Kind::Value, path, recorded, simulated);
                }
            }
            _ if !strict && simulated.is_null() => {}
            _ => self.note(Kind::Type, path, recorded, simulated),
        }
    }

    fn objects(
        &mut self,
        path: &str,
        recorded: &Map<String, Value>,
        simulated: &Map<String, Value>,
        strict: bool,
    ) {
        let id = recorded.get("id").and_then(Value::as_str);
        let stand_in = id
            .and_then(|id| self.names.id(id))
            .is_some_and(|id| self.names.stand_ins.contains(id));
        let strict = strict && !stand_in;
        for (name, value) in recorded {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match simulated.get(name) {
                Some(own) => self.values(&path, value, own, strict),
                None => self.note(Kind::Missing, &path, value, &Value::Null),
            }
        }
        for (name, value) in simulated {
            if !recorded.contains_key(name) {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                self.note(Kind::Extra, &path, &Value::Null, value);
            }
        }
    }

    /// How an item of a list is told from others.
    fn key(item: &Value) -> Option<&str> {
        ["id", "keyId", "name", "uri", "resourceAppId"]
            .iter()
            .find_map(|n| item.get(n)?.as_str())
    }

    fn lists(&mut self, path: &str, recorded: &[Value], simulated: &[Value], strict: bool) {
        let path = format!("{path}[]");
        let own: Vec<&str> = simulated.iter().filter_map(Self::key).collect();
        let known = |names: &Names, item: &Value| {
            let key = names.rewrite(Self::key(item)?);
            own.iter()
                .any(|o| o.eq_ignore_ascii_case(&key))
                .then_some(())
        };
        let plain = recorded.iter().chain(simulated).all(|i| !i.is_object());
        let by_key = plain
            || recorded
                .iter()
                .chain(simulated)
                .all(|i| Self::key(i).is_some())
                && (recorded.iter().any(|i| known(self.names, i).is_some()) || path == "value[]");
        if !by_key {
            for (i, item) in recorded.iter().enumerate() {
                match simulated.get(i) {
                    Some(own) => self.values(&path, item, own, strict),
                    None => self.note(Kind::MissingItem, &path, item, &Value::Null),
                }
            }
            for extra in simulated.iter().skip(recorded.len()) {
                self.note(Kind::ExtraItem, &path, &Value::Null, extra);
            }
            return;
        }
        let text = |item: &Value| {
            Self::key(item).map_or_else(
                || {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                },
                str::to_owned,
            )
        };
        let mut open: Vec<&Value> = simulated.iter().collect();
        for item in recorded {
            let key = text(item);
            if self.names.foreign.contains(&key) {
                continue;
            }
            let wanted = self.names.rewrite(&key);
            match open
                .iter()
                .position(|own| text(own).eq_ignore_ascii_case(&wanted))
            {
                Some(at) => {
                    let own = open.remove(at);
                    if path == "value[]" {
                        self.whole = Rc::new((item.clone(), own.clone()));
                    }
                    self.values(&path, item, own, strict);
                }
                None if strict || !plain => {
                    self.note(Kind::MissingItem, &path, item, &Value::Null);
                }
                None => {}
            }
        }
        for extra in open.into_iter().filter(|_| strict || !plain) {
            self.note(Kind::ExtraItem, &path, &Value::Null, extra);
        }
    }

    fn texts(&mut self, path: &str, recorded: &str, simulated: &str, strict: bool) {
        let name = path.rsplit('.').next().unwrap_or(path);
        if is_guid(recorded) && is_guid(simulated) {
            match self.names.id(recorded).map(str::to_owned) {
                Some(known) if !known.eq_ignore_ascii_case(simulated) => {
                    self.note(Kind::Value, path, &known.into(), &simulated.into());
                }
                None if recorded != simulated => self.names.learn(recorded, simulated),
                Some(_) | None => {}
            }
            return;
        }
        if is_moment(recorded) {
            // Whether a moment has a fraction is a habit of the service; its value is not.
            let fraction = |t: &str| t.contains('.');
            let same = name != "createdDateTime" || fraction(recorded) == fraction(simulated);
            if !is_moment(simulated) || !same {
                self.note(Kind::Value, path, &recorded.into(), &simulated.into());
            }
            return;
        }
        if !strict || CHANCE.contains(&name) {
            return;
        }
        let wanted = self.names.rewrite(recorded);
        if name == "id" && path != "value[].id" && !wanted.contains('/') {
            self.names.learn(recorded, simulated);
        } else if !wanted.eq_ignore_ascii_case(simulated) && !same_place(&wanted, simulated) {
            self.note(Kind::Value, path, &wanted.into(), &simulated.into());
        }
    }
}

fn is_moment(text: &str) -> bool {
    text.get(..11).is_some_and(|t| {
        let b = t.as_bytes();
        b[4] == b'-' && b[7] == b'-' && b[10] == b'T' && b[..4].iter().all(u8::is_ascii_digit)
    })
}

/// Addresses that differ in their host only.
pub fn same_place(recorded: &str, simulated: &str) -> bool {
    fn path(url: &str) -> Option<&str> {
        let rest = url.split_once("://")?.1;
        Some(rest.find('/').map_or("", |at| &rest[at..]))
    }
    recorded.starts_with("https://graph.microsoft.com")
        && path(recorded)
            .is_some_and(|r| path(simulated).is_some_and(|s| r.eq_ignore_ascii_case(s)))
}
