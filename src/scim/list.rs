//! Queries for lists, RFC 7644 §3.4.2 and §3.4.3, and the answer to them.

use serde_json::{Value, json};

use super::{
    Document,
    attr::AttrPath,
    error::Error,
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
    attributes: Vec<String>,
    excluded: Vec<String>,
}

impl ListQuery {
    /// From the decoded pairs of a query string. Names heed no case; unknown ones and empty
    /// values are ignored; of a repeated one the last counts.
    ///
    /// # Errors
    /// `invalidFilter`; `invalidPath` for a `sortBy` that is no sortable attribute;
    /// `invalidValue` for numbers that are none, and for another `sortOrder`.
    pub fn from_pairs(pairs: &[(String, String)], schema: &ResourceSchema) -> Result<Self, Error> {
        let mut raw = Raw::default();
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let list = || value.split(',').map(|n| n.trim().to_owned()).collect();
            match name.to_ascii_lowercase().as_str() {
                "filter" => raw.filter = Some(value.to_owned()),
                "sortby" => raw.sort_by = Some(value.to_owned()),
                "sortorder" => raw.sort_order = Some(value.to_owned()),
                "startindex" => raw.start_index = Some(value.to_owned()),
                "count" => raw.count = Some(value.to_owned()),
                "attributes" => raw.attributes = list(),
                "excludedattributes" => raw.excluded = list(),
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
            count: number("count", self.count.as_deref())?,
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
    json!({
        "schemas": [urn::LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
