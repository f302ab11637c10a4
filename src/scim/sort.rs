//! Sorting, RFC 7644 §3.4.2.3.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{
    Document,
    attr::AttrPath,
    datetime::{self, Instant},
    filter::compare_numbers,
    schema::{ResourceSchema, Type},
    text,
};

/// The direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The default. Resources without a value come last.
    #[default]
    Ascending,
    /// Resources without a value come first.
    Descending,
}

/// A value in the form in which it is ordered.
#[derive(Debug)]
enum Key {
    Bool(bool),
    Number(Number),
    Text(String),
    Instant(Instant),
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => compare_numbers(a, b).unwrap_or(Ordering::Equal),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            // One attribute has one type, so this is for documents that break their schema.
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::Instant(_) => 2,
            Self::Text(_) => 3,
        }
    }
}

/// Sorts documents by a canonical path, stably. Strings compare without case unless `caseExact`,
/// dateTimes as instants; a multi-valued attribute counts by its primary value, else its first;
/// a complex one by its `value`.
pub fn sort(docs: &mut Vec<Document>, by: &AttrPath, order: SortOrder, schema: &ResourceSchema) {
    let sorter = Sorter::new(by, order, schema);
    let mut keyed: Vec<(SortKey, Document)> = std::mem::take(docs)
        .into_iter()
        .map(|doc| (sorter.key(&doc), doc))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| sorter.compare(a, b));
    docs.extend(keyed.into_iter().map(|(_, doc)| doc));
}

/// What a document is ordered by: all that has to be kept of it.
#[derive(Debug)]
pub struct SortKey(Option<Key>);

/// How documents are ordered.
#[derive(Clone, Debug)]
pub struct Sorter {
    whole: AttrPath,
    sub: Option<String>,
    exact: bool,
    dated: bool,
    order: SortOrder,
}

impl Sorter {
    /// By a canonical path.
    pub fn new(by: &AttrPath, order: SortOrder, schema: &ResourceSchema) -> Self {
        let resolved = schema.resolve(by).ok();
        let attribute = resolved.as_ref().and_then(|r| r.attribute);
        let sub = by.sub.clone().or_else(|| {
            attribute
                .filter(|a| a.kind == Type::Complex)
                .map(|_| "value".to_owned())
        });
        let leaf = match (attribute, &sub) {
            (Some(attribute), Some(sub)) => attribute.sub(sub),
            (attribute, _) => attribute,
        };
        Self {
            whole: by.without_sub(),
            sub,
            exact: leaf.is_some_and(|a| a.case_exact),
            dated: leaf.is_some_and(|a| a.kind == Type::DateTime),
            order,
        }
    }

    /// The key of a document.
    pub fn key(&self, doc: &Document) -> SortKey {
        SortKey(self.value(doc))
    }

    fn value(&self, doc: &Document) -> Option<Key> {
        let value = match super::resource::get(doc, &self.whole)? {
            Value::Array(elements) => elements
                .iter()
                .find(|element| element.get("primary") == Some(&Value::Bool(true)))
                .or_else(|| elements.first())?,
            single => single,
        };
        let value = match self
            .sub
            .as_ref()
            .map_or(Some(value), |sub| value.get(sub))?
        {
            Value::Array(values) => values.first()?,
            single => single,
        };
        Some(match value {
            Value::Bool(value) => Key::Bool(*value),
            Value::Number(value) => Key::Number(value.clone()),
            Value::String(value) if self.dated => match datetime::instant(value) {
                Some(instant) => Key::Instant(instant),
                None => Key::Text(value.clone()),
            },
            Value::String(value) if self.exact => Key::Text(value.clone()),
            Value::String(value) => Key::Text(text::fold(value)),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        })
    }

    /// Which of two keys comes first.
    pub fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
        let ascending = match (&a.0, &b.0) {
            (Some(a), Some(b)) => a.compare(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        match self.order {
            SortOrder::Ascending => ascending,
            SortOrder::Descending => ascending.reverse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::fixture::user;

    fn sorted(by: &str, order: SortOrder, docs: Value) -> String {
        let schema = user();
        let path = schema.resolve(&AttrPath::parse(by).unwrap()).unwrap().path;
        let mut docs: Vec<Document> = serde_json::from_value(docs).unwrap();
        sort(&mut docs, &path, order, &schema);
        docs.iter().map(|d| d["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn sorts() {
        let emails = json!([
            {"id": "1", "emails": [{"value": "c"}, {"value": "a", "primary": true}]},
            {"id": "2", "emails": [{"value": "b"}, {"value": "z"}]},
            {"id": "3"},
        ]);
        let names = json!([
            {"id": "1", "userName": "b"}, {"id": "2", "userName": "A"},
            {"id": "3", "userName": "C"}, {"id": "4", "userName": "B"},
        ]);
        let titles =
            json!([{"id": "1"}, {"id": "2", "title": "x"}, {"id": "3"}, {"id": "4", "title": "a"}]);
        let external = json!([{"id": "1", "externalId": "a"}, {"id": "2", "externalId": "B"}]);
        let dates = json!([
            {"id": "1", "meta": {"lastModified": "2026-01-01T00:00:00Z"}},
            {"id": "2", "meta": {"lastModified": "2026-01-01T04:00:00+05:00"}},
            {"id": "3", "meta": {"lastModified": "0001-01-01T00:00:00Z"}},
        ]);
        let numbers = json!([{"id": "1", "logins": 10}, {"id": "2", "logins": 9}]);
        let bools = json!([{"id": "1", "active": true}, {"id": "2", "active": false}]);
        let managers = json!([{"id": "1", crate::scim::urn::ENTERPRISE_USER: {"manager": {"value": "b"}}},
            {"id": "2", crate::scim::urn::ENTERPRISE_USER: {"manager": {"value": "a"}}}]);
        let plans = json!([
            {"id": "1", "roles": [{"value": "x", "plans": ["B", "a"]}]},
            {"id": "2", "roles": [{"value": "x", "plans": ["a"]}]},
            {"id": "3", "roles": [{"value": "x"}]},
        ]);
        let rows = [
            ("S01, stable", "userName", &names, "2143", "3142"),
            ("S03", "title", &titles, "4213", "1324"),
            ("S04", "emails", &emails, "123", "321"),
            ("S04", "emails.value", &emails, "123", "321"),
            ("Z10, caseExact", "externalId", &external, "21", "12"),
            ("Z10, instants", "meta.lastModified", &dates, "321", "123"),
            ("Z10, numbers", "logins", &numbers, "21", "12"),
            ("Z10, booleans", "active", &bools, "21", "12"),
            ("by the value", "manager", &managers, "21", "12"),
            ("the first of many", "roles.plans", &plans, "213", "312"),
        ];
        for (id, by, docs, ascending, descending) in rows {
            assert_eq!(
                sorted(by, SortOrder::Ascending, docs.clone()),
                ascending,
                "{id}"
            );
            assert_eq!(
                sorted(by, SortOrder::Descending, docs.clone()),
                descending,
                "S02 {id}"
            );
        }
    }
}
