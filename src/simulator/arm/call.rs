//! One request to Resource Manager, and what answers share.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::errors::ArmError;
use super::scope::Scope;
use super::store::Store;
use crate::odata::request::Method;
use crate::simulator::core::Graph;

/// An answer: status and body, null for none.
pub type Answer = Result<(u16, Value), ArmError>;

/// One request.
pub struct Call<'a> {
    /// The tenant.
    pub graph: &'a Graph,
    /// What is kept.
    pub store: &'a mut Store,
    /// The service principal that calls.
    pub caller: String,
    /// The method.
    pub method: Method,
    /// Where.
    pub scope: Scope,
    /// The name of the resource, and what follows it.
    pub rest: Vec<String>,
    /// `$filter`
    pub filter: Option<String>,
    /// `api-version`
    pub version: String,
    /// The body, null for none.
    pub body: Value,
    /// The present moment.
    pub now: OffsetDateTime,
}

impl Call<'_> {
    /// A resource's properties in a body.
    pub fn properties(&self) -> Result<&serde_json::Map<String, Value>, ArmError> {
        self.body
            .get("properties")
            .and_then(Value::as_object)
            .ok_or_else(ArmError::content)
    }

    /// The name of the resource as a GUID.
    pub fn name(&self) -> Result<String, ArmError> {
        let name = self.rest.first().ok_or_else(ArmError::method)?;
        Uuid::parse_str(name)
            .map(|id| id.to_string())
            .map_err(|_| ArmError::name(name))
    }
}

/// `2023-08-23T12:44:00.9627354Z`: ticks of 100 ns, all seven digits.
pub fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.nanosecond() / 100
    )
}

/// The terms of a `$filter`, joined by `and`; inside quotes it joins nothing, and its case does not
/// matter.
pub fn terms(filter: Option<&str>) -> Vec<Term> {
    let all = filter
        .into_iter()
        .flat_map(|text| split_outside_quotes(text, " and "));
    all.map(|term| term_of(term.trim())).collect()
}

fn term_of(term: &str) -> Term {
    if let [name, value] = split_outside_quotes(term, " eq ").as_slice() {
        return Term::Equals(name.trim().to_owned(), unquoted(value.trim()));
    }
    match term.strip_suffix(')').and_then(|t| t.split_once('(')) {
        Some((name, value)) => Term::Call(name.to_owned(), unquoted(value)),
        None => Term::Unknown(term.to_owned()),
    }
}

fn split_outside_quotes<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        quoted ^= c == '\'';
        let here = text.get(at..at + word.len());
        if !quoted && at >= start && here.is_some_and(|w| w.eq_ignore_ascii_case(word)) {
            parts.push(&text[start..at]);
            start = at + word.len();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A term of a `$filter`.
pub enum Term {
    /// `name eq 'value'`
    Equals(String, String),
    /// `name('value')`
    Call(String, String),
    /// Anything else.
    Unknown(String),
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\''));
    inner.unwrap_or(text).replace("''", "'")
}

/// A list as Resource Manager shows it.
pub fn list(items: impl Iterator<Item = Value>) -> (u16, Value) {
    (200, json!({"value": items.collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conjunctions_stand_outside_quotes() {
        let shown = |filter| -> Vec<String> {
            let all = terms(Some(filter)).into_iter().map(|term| match term {
                Term::Equals(name, value) => format!("{name}={value}"),
                Term::Call(name, value) => format!("{name}({value})"),
                Term::Unknown(text) => format!("?{text}"),
            });
            all.collect()
        };
        for (filter, expected) in [
            (
                "roleName eq 'Read and write'",
                vec!["roleName=Read and write"],
            ),
            (
                "roleName eq 'a eq b' AND atScope()",
                vec!["roleName=a eq b", "atScope()"],
            ),
            (
                "roleName EQ 'O''Brien and sons'",
                vec!["roleName=O'Brien and sons"],
            ),
            (
                "assignedTo('x') and principalId eq y",
                vec!["assignedTo(x)", "principalId=y"],
            ),
            ("nonsense", vec!["?nonsense"]),
        ] {
            assert_eq!(shown(filter), expected, "{filter}");
        }
    }
}
