//! Queries for lists, RFC 7644 §3.4.2 and §3.4.3, and the answer to them.

use serde_json::{Value, json};

use super::{
    Document,
    attr::AttrPath,
    error::{Error, Kind},
    filter::{self, Filter},
    projection::Projection,
    schema::{ResourceSchema, Returned, Type},
    sort::SortOrder,
    urn,
};

/// A query over the resources of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// Checked; `None` for all.
    pub filter: Option<Filter>,
    /// Canonical.
    pub sort_by: Option<AttrPath>,
    /// Means nothing without [`Self::sort_by`].
    pub sort_order: SortOrder,
    /// 1-based, at least 1.
    pub start_index: usize,
    /// The most resources to return; `None` when the client does not say.
    pub count: Option<usize>,
    /// Where a walk by cursors goes on; empty: where it begins. Goes before `start_index`.
    pub cursor: Option<String>,
    /// What each resource carries.
    pub projection: Projection,
}

/// The parameters as given, from a query string or a search request.
#[derive(Default)]
struct Raw {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<String>,
    count: Option<String>,
    cursor: Option<String>,
    attributes: Vec<String>,
    excluded: Vec<String>,
}

impl ListQuery {
    /// From the decoded pairs of a query string. Names heed no case; unknown ones and empty
    /// values are ignored; of a repeated one the last counts, but lists of attributes add up.
    ///
    /// # Errors
    /// `invalidFilter`; `invalidPath` for a `sortBy` that is no sortable attribute;
    /// `invalidValue` for numbers that are none, and for another `sortOrder`.
    pub fn from_pairs(pairs: &[(String, String)], schema: &ResourceSchema) -> Result<Self, Error> {
        let mut raw = Raw::default();
        for (name, value) in pairs {
            let value = value.trim();
            if name.eq_ignore_ascii_case("cursor") {
                raw.cursor = Some(value.to_owned());
            }
            if value.is_empty() {
                continue;
            }
            let list = || {
                value
                    .split(',')
                    .map(|n| n.trim().to_owned())
                    .collect::<Vec<_>>()
            };
            match name.to_ascii_lowercase().as_str() {
                "filter" => raw.filter = Some(value.to_owned()),
                "sortby" => raw.sort_by = Some(value.to_owned()),
                "sortorder" => raw.sort_order = Some(value.to_owned()),
                "startindex" => raw.start_index = Some(value.to_owned()),
                "count" => raw.count = Some(value.to_owned()),
                "attributes" => raw.attributes.extend(list()),
                "excludedattributes" => raw.excluded.extend(list()),
                _ => {}
            }
        }
        raw.query(schema)
    }

    /// From a search request. Members' names heed no case; `attributes` are arrays (the comma
    /// form is taken too). `schemas` may be left out, but not name another message.
    ///
    /// # Errors
    /// As [`Self::from_pairs`]; `invalidSyntax` for what is no search request.
    pub fn from_search_request(body: &Value, schema: &ResourceSchema) -> Result<Self, Error> {
        let body = body
            .as_object()
            .ok_or_else(|| Error::invalid_syntax("a search request must be a JSON object"))?;
        let mut raw = Raw::default();
        for (name, value) in body {
            let text = || match value {
                Value::Null => Ok(None),
                Value::String(text) => Ok(Some(text.trim().to_owned()).filter(|t| !t.is_empty())),
                Value::Number(number) => Ok(Some(number.to_string())),
                _ => Err(Error::invalid_syntax(format!(
                    "'{name}' must be a string or a number"
                ))),
            };
            match name.to_ascii_lowercase().as_str() {
                "schemas" => {
                    let is_search = |urn: &Value| {
                        urn.as_str()
                            .is_some_and(|urn| urn.eq_ignore_ascii_case(urn::SEARCH_REQUEST))
                    };
                    if !value
                        .as_array()
                        .is_some_and(|urns| urns.iter().any(is_search))
                    {
                        return Err(Error::invalid_syntax(format!(
                            "the schemas of a search request must hold {}",
                            urn::SEARCH_REQUEST
                        )));
                    }
                }
                "filter" => raw.filter = text()?,
                "sortby" => raw.sort_by = text()?,
                "sortorder" => raw.sort_order = text()?,
                "startindex" => raw.start_index = text()?,
                "count" => raw.count = text()?,
                "cursor" if !value.is_null() => raw.cursor = Some(text()?.unwrap_or_default()),
                "attributes" => raw.attributes = names(name, value)?,
                "excludedattributes" => raw.excluded = names(name, value)?,
                _ => {}
            }
        }
        raw.query(schema)
    }
}

fn names(member: &str, value: &Value) -> Result<Vec<String>, Error> {
    let wrong = || Error::invalid_syntax(format!("'{member}' must be an array of strings"));
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(text.split(',').map(|n| n.trim().to_owned()).collect()),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        _ => Err(wrong()),
    }
}

impl Raw {
    fn query(mut self, schema: &ResourceSchema) -> Result<ListQuery, Error> {
        for names in [&mut self.attributes, &mut self.excluded] {
            names.retain(|name| !name.trim().is_empty());
        }
        let filter = match &self.filter {
            None => None,
            Some(text) => Some(filter::check(&filter::parse(text)?, schema)?),
        };
        let sort_order = match &self.sort_order {
            None => SortOrder::Ascending,
            Some(order) if order.eq_ignore_ascii_case("ascending") => SortOrder::Ascending,
            Some(order) if order.eq_ignore_ascii_case("descending") => SortOrder::Descending,
            Some(order) => {
                return Err(Error::invalid_value(format!(
                    "sortOrder is ascending or descending, not '{order}'"
                )));
            }
        };
        Ok(ListQuery {
            filter,
            sort_by: self
                .sort_by
                .map(|name| sort_path(&name, schema))
                .transpose()?,
            sort_order,
            start_index: number("startIndex", self.start_index.as_deref())?
                .unwrap_or(1)
                .max(1),
            count: number("count", self.count.as_deref()).map_err(|error| {
                // RFC 9865 §2.1 has a word of its own for it.
                match self.cursor {
                    Some(_) => Error::new(Kind::InvalidCount, error.detail),
                    None => error,
                }
            })?,
            cursor: self.cursor,
            projection: Projection::from_lists(&self.attributes, &self.excluded, schema)?,
        })
    }
}

/// A whole number; below 0 it is 0, beyond what fits it is the most that fits.
fn number(name: &str, text: Option<&str>) -> Result<Option<usize>, Error> {
    let Some(text) = text else {
        return Ok(None);
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::invalid_value(format!(
            "{name} must be a whole number, not '{text}'"
        )));
    }
    if negative {
        return Ok(Some(0));
    }
    // Only too many digits can fail here.
    Ok(Some(digits.parse().unwrap_or(usize::MAX)))
}

fn sort_path(name: &str, schema: &ResourceSchema) -> Result<AttrPath, Error> {
    let found = schema.resolve(&AttrPath::parse(name)?)?;
    let hidden = [found.attribute, found.sub]
        .into_iter()
        .flatten()
        .any(|a| a.returned == Returned::Never);
    let sortable = found
        .leaf()
        .is_some_and(|leaf| leaf.kind != Type::Complex || leaf.sub("value").is_some());
    if hidden || !sortable {
        return Err(Error::invalid_path(format!(
            "'{name}' is not an attribute to sort by"
        )));
    }
    Ok(found.path)
}

/// The list response: `total` is of all that matched, `itemsPerPage` of what is here.
pub fn response(total: usize, start_index: usize, resources: Vec<Document>) -> Value {
    let count = resources.len();
    // Moved: to be serialised into a `Value`, a document would be copied.
    let resources = resources.into_iter().map(Value::Object).collect();
    let mut response = Document::new();
    response.insert("schemas".to_owned(), json!([urn::LIST_RESPONSE]));
    response.insert("totalResults".to_owned(), total.into());
    response.insert("startIndex".to_owned(), start_index.into());
    response.insert("itemsPerPage".to_owned(), count.into());
    response.insert("Resources".to_owned(), Value::Array(resources));
    Value::Object(response)
}

/// Where a page stands in its list.
#[derive(Clone, Debug)]
pub enum Place<'a> {
    /// The 1-based index of its first resource.
    Index(usize),
    /// The cursor of the next page, if there is one. RFC 9865 §2
    Cursor(Option<&'a str>),
}

/// What stands before and after the resources in the text of an answer, for answers whose
/// resources are texts already. A cursor is of URL-safe characters.
pub fn frame(total: usize, place: &Place<'_>, count: usize) -> (String, &'static str) {
    let urn = urn::LIST_RESPONSE;
    let place = match place {
        Place::Index(start) => format!(r#""startIndex":{start},"itemsPerPage":{count}"#),
        Place::Cursor(None) => format!(r#""itemsPerPage":{count}"#),
        Place::Cursor(Some(next)) => {
            format!(r#""itemsPerPage":{count},"nextCursor":"{next}""#)
        }
    };
    let before = format!(r#"{{"schemas":["{urn}"],"totalResults":{total},{place},"Resources":["#);
    (before, "]}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::fixture::{doc, user};

    fn query(text: &str) -> Result<ListQuery, Error> {
        let pairs: Vec<(String, String)> = text
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        ListQuery::from_pairs(&pairs, &user())
    }

    /// (id, query, startIndex, count)
    #[test]
    fn pages() {
        let rows = [
            ("Q01", "", 1, None),
            ("P01", "startIndex=2&count=1", 2, Some(1)),
            ("P02", "count=0", 1, Some(0)),
            ("P03", "count=-1", 1, Some(0)),
            ("P04", "startIndex=0", 1, None),
            ("P04", "startIndex=-5", 1, None),
            ("P05", "startIndex=99999", 99999, None),
            ("trap 20", "startindex=0&COUNT=100", 1, Some(100)),
            ("R10", "noSuchParameter=1&aadOptscim062020=", 1, None),
            (
                "empty",
                "startIndex=&count=&filter=&sortBy=&attributes=",
                1,
                None,
            ),
            ("the last counts", "count=1&count=2", 1, Some(2)),
            (
                "huge",
                "count=99999999999999999999999999",
                1,
                Some(usize::MAX),
            ),
        ];
        for (id, text, start_index, count) in rows {
            let query = query(text).unwrap_or_else(|e| panic!("{id}: {e}"));
            assert_eq!(
                (query.start_index, query.count),
                (start_index, count),
                "{id}"
            );
            assert_eq!(query.filter, None, "{id}");
            assert!(query.projection.is_default(), "{id}");
        }
    }

    #[test]
    fn reads_filter_and_order() {
        let query = query(
            r#"filter=USERNAME sw "a"&sortBy=EMAILS&sortOrder=DESCENDING&attributes=userName"#,
        )
        .unwrap();
        assert_eq!(query.filter.unwrap().to_string(), r#"userName sw "a""#);
        assert_eq!(query.sort_by, Some(AttrPath::core("emails")));
        assert_eq!(query.sort_order, SortOrder::Descending);
        assert!(!query.projection.is_default());
    }

    #[test]
    fn refuses() {
        let rows = [
            ("P06", "count=x", Kind::InvalidValue),
            ("P06", "count=1.5", Kind::InvalidValue),
            ("P06", "startIndex=+", Kind::InvalidValue),
            ("P06", "startIndex=-", Kind::InvalidValue),
            ("order", "sortOrder=up", Kind::InvalidValue),
            ("Q33", "filter=userName eq", Kind::InvalidFilter),
            ("Q36", "filter=noSuch pr", Kind::InvalidFilter),
            ("trap 22", "sortBy=noSuch", Kind::InvalidPath),
            ("sort", "sortBy=name", Kind::InvalidPath),
            ("sort", "sortBy=password", Kind::InvalidPath),
            (
                "sort",
                "sortBy=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                Kind::InvalidPath,
            ),
            ("attributes", "attributes=a b", Kind::InvalidValue),
        ];
        for (id, text, kind) in rows {
            assert_eq!(query(text).expect_err(text).kind, kind, "{id} {text}");
        }
    }

    #[test]
    fn search_requests() {
        let schemas = json!([urn::SEARCH_REQUEST]);
        let query = ListQuery::from_search_request(
            &json!({"schemas": schemas, "Filter": "userName eq \"a\"", "attributes": ["userName", "emails.value"],
                "startIndex": 1, "COUNT": 2, "sortBy": null, "cursor": null}),
            &user(),
        )
        .unwrap();
        assert_eq!(query.filter.unwrap().to_string(), "userName eq \"a\"");
        assert_eq!((query.start_index, query.count), (1, Some(2)));
        assert_eq!(
            query.projection,
            Projection::parse(Some("userName,emails.value"), None, &user()).unwrap()
        );
        let rows = [
            (
                "X03",
                json!({"schemas": schemas, "filter": "userName eq"}),
                Kind::InvalidFilter,
            ),
            ("trap 19", json!({"attributes": [1]}), Kind::InvalidSyntax),
            (
                "schemas",
                json!({"schemas": [urn::PATCH_OP]}),
                Kind::InvalidSyntax,
            ),
            ("type", json!({"filter": {}}), Kind::InvalidSyntax),
            ("type", json!({"count": 1.5}), Kind::InvalidValue),
            ("type", json!([]), Kind::InvalidSyntax),
        ];
        for (id, body, kind) in rows {
            let error = ListQuery::from_search_request(&body, &user()).expect_err(id);
            assert_eq!(error.kind, kind, "{id}: {error}");
        }
        let lenient = ListQuery::from_search_request(&json!({"count": "-3"}), &user()).unwrap();
        assert_eq!(lenient.count, Some(0));
    }

    #[test]
    fn answers() {
        let rows = [
            (
                0,
                1,
                vec![],
                r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}"#,
            ),
            (
                7,
                3,
                vec![doc(json!({"id": "1"}))],
                r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":7,"startIndex":3,"itemsPerPage":1,"Resources":[{"id":"1"}]}"#,
            ),
        ];
        for (total, start, resources, expected) in rows {
            assert_eq!(
                response(total, start, resources).to_string(),
                expected,
                "trap 21"
            );
        }
    }
}
