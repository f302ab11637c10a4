//! The query options of a request, parsed but not yet held against a type.

use super::search::{self, Search};
use super::token::Token;
use crate::odata::expr::Expr;
use crate::odata::parse;
use crate::simulator::errors::SimError;
use crate::simulator::model::{Paging, View};
use crate::simulator::request::SimRequest;

/// The largest page.
pub const MAX_TOP: usize = 999;
/// The page without `$top`.
pub const DEFAULT_TOP: usize = 100;

/// One property to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name.
    pub property: String,
    /// Largest first.
    pub descending: bool,
}

/// A relation to expand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expand {
    /// Its name.
    pub name: String,
    /// Nested `$select`.
    pub select: Option<Vec<String>>,
    /// Nested `$levels`; `max` is a large number.
    pub levels: Option<usize>,
}

/// Parsed query options.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `$select`
    pub select: Option<Vec<String>>,
    /// `$filter`
    pub filter: Option<Expr>,
    /// `$search`
    pub search: Option<Search>,
    /// `$orderby`
    pub order: Vec<Order>,
    /// `$top`
    pub top: Option<usize>,
    /// `$count=true`
    pub count: bool,
    /// `$expand`
    pub expand: Vec<Expand>,
    /// `$skiptoken`
    pub token: Option<Token>,
    /// `ConsistencyLevel: eventual` was sent.
    pub eventual: bool,
}

impl Query {
    /// Reads the options of a request for objects of an entity type (`directoryObject` for any),
    /// and gives names the type's spelling. Options without `$` belong to nobody and are passed
    /// over.
    pub fn parse(view: &View<'_>, entity: &str) -> Result<Self, SimError> {
        let request = view.request;
        let mut query = Self {
            eventual: request.is_eventual(),
            ..Self::default()
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in &request.query {
            let name = name.to_ascii_lowercase();
            if !name.starts_with('$') {
                continue;
            }
            if seen.contains(&name) {
                return Err(SimError::gateway(format!(
                    "Query option '{name}' was specified more than once, but it must be specified at most once."
                )));
            }
            query.option(&name, value, view)?;
            seen.push(name);
        }
        query.spell(entity);
        Ok(query)
    }

    fn option(&mut self, name: &str, value: &str, view: &View<'_>) -> Result<(), SimError> {
        match name {
            "$select" => self.select = Some(names(value)?),
            "$filter" => self.filter = Some(filter(value)?),
            "$search" => self.search = Some(search::parse(value)?),
            "$orderby" => self.order = orders(value)?,
            "$top" => self.top = Some(top(value)?),
            "$count" => {
                self.count = match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(SimError::gateway(format!(
                            "Invalid value '{value}' for $count query option found. Valid values are true, false."
                        )));
                    }
                }
            }
            "$expand" => self.expand = expansions(value)?,
            "$skiptoken" => {
                let life = view.options.page_token_life;
                self.token = Some(Token::decode(value, view.dir.now(), life)?);
            }
            "$skip" => return Err(SimError::bad("'$skip' is not supported by the service.")),
            "$format" if value.eq_ignore_ascii_case("json") => {}
            other => {
                return Err(SimError::gateway(format!(
                    "The query parameter '{other}' is not supported."
                )));
            }
        }
        Ok(())
    }

    /// Whether this is an advanced query.
    pub fn advanced(&self) -> bool {
        self.eventual && self.count
    }

    /// Refuses what a list of that paging does not take.
    pub fn check_paging(&self, paging: Paging) -> Result<(), SimError> {
        if paging == Paging::Whole && self.top.is_some() {
            return Err(SimError::bad("'$top' is not supported by the service."));
        }
        Ok(())
    }

    /// Refuses what only lists take.
    pub fn check_single(&self) -> Result<(), SimError> {
        let listing = self.filter.is_some()
            || self.search.is_some()
            || !self.order.is_empty()
            || self.top.is_some()
            || self.token.is_some();
        if listing {
            return Err(SimError::gateway(
                "Query options $select and $expand only can be applied to a single resource.",
            ));
        }
        Ok(())
    }
}

/// Refuses every OData option.
pub fn check_no_options(request: &SimRequest) -> Result<(), SimError> {
    if request.query.iter().any(|(name, _)| name.starts_with('$')) {
        return Err(SimError::unsupported());
    }
    Ok(())
}

/// Refuses every OData option but `$select`: `/subscribedSkus` knows no other.
pub fn check_only_select(request: &SimRequest) -> Result<(), SimError> {
    let other = |name: &str| name.starts_with('$') && !name.eq_ignore_ascii_case("$select");
    if request.query.iter().any(|(name, _)| other(name)) {
        return Err(SimError::unsupported());
    }
    Ok(())
}

fn names(value: &str) -> Result<Vec<String>, SimError> {
    let names: Vec<String> = value.split(',').map(|n| n.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err(SimError::gateway(
            "Parsing OData Select and Expand failed: Term '' is not valid in a $select or $expand expression.",
        ));
    }
    Ok(names)
}

fn filter(value: &str) -> Result<Expr, SimError> {
    parse::filter(value).map_err(|error| {
        SimError::gateway(format!(
            "Invalid filter clause: {} at position {} in '{value}'.",
            error.message, error.position
        ))
    })
}

fn top(value: &str) -> Result<usize, SimError> {
    let number: i64 = value.trim().parse().map_err(|_| {
        SimError::gateway(format!(
            "Invalid value '{value}' for $top query option found."
        ))
    })?;
    usize::try_from(number).ok().filter(|n| (1..=MAX_TOP).contains(n)).ok_or_else(|| {
        SimError::query(format!(
            "Invalid page size specified: '{number}'. Must be between 1 and {MAX_TOP} inclusive."
        ))
    })
}

fn orders(value: &str) -> Result<Vec<Order>, SimError> {
    value
        .split(',')
        .map(|term| {
            let mut words = term.split_whitespace();
            let property = words.next().unwrap_or_default().to_owned();
            let descending = match words.next().map(str::to_ascii_lowercase).as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(bad_order(value)),
            };
            if property.is_empty() || words.next().is_some() {
                return Err(bad_order(value));
            }
            Ok(Order {
                property,
                descending,
            })
        })
        .collect()
}

fn bad_order(value: &str) -> SimError {
    SimError::gateway(format!("Invalid $orderby clause '{value}'."))
}

/// `manager`, `members($select=id,displayName)`, `manager($levels=max;$select=id)`, and several of
/// them with commas between. Nesting is refused.
fn expansions(value: &str) -> Result<Vec<Expand>, SimError> {
    let mut all: Vec<Expand> = Vec::new();
    for term in split_outside(value, ',') {
        let one = expansion(term).ok_or_else(|| {
            SimError::gateway(format!(
                "Parsing OData Select and Expand failed: Term '{value}' is not valid in a $select or $expand expression."
            ))
        })??;
        all.push(one);
    }
    Ok(all)
}

/// Splits at a separator that stands in no parentheses.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// One relation; `None` is no term at all.
fn expansion(term: &str) -> Option<Result<Expand, SimError>> {
    let (name, inner) = match term.split_once('(') {
        None => (term, ""),
        Some((name, rest)) => (name, rest.trim_end().strip_suffix(')')?),
    };
    let name = name.trim();
    if name.is_empty() || inner.contains(')') {
        return None;
    }
    let mut expand = Expand {
        name: name.to_owned(),
        ..Expand::default()
    };
    for option in inner.split(';').filter(|o| !o.trim().is_empty()) {
        let (key, value) = option.split_once('=')?;
        match key.trim().to_ascii_lowercase().as_str() {
            "$select" => match names(value) {
                Ok(names) => expand.select = Some(names),
                Err(error) => return Some(Err(error)),
            },
            "$levels" if value.trim().eq_ignore_ascii_case("max") => expand.levels = Some(1000),
            "$levels" => expand.levels = Some(value.trim().parse().ok()?),
            _ => return Some(Err(SimError::unsupported())),
        }
    }
    Some(Ok(expand))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_to_expand() {
        let select = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
        for (text, name, selected, levels) in [
            ("manager", "manager", None, None),
            (
                "members($select=id,displayName)",
                "members",
                select(&["id", "displayName"]),
                None,
            ),
            (
                "manager($levels=max;$select=id)",
                "manager",
                select(&["id"]),
                Some(1000),
            ),
            ("manager($levels=2)", "manager", None, Some(2)),
        ] {
            let expand = expansions(text).unwrap().remove(0);
            assert_eq!(
                (expand.name.as_str(), &expand.select, expand.levels),
                (name, &selected, levels)
            );
        }
        let both = expansions("principal($select=id,displayName),roleDefinition").unwrap();
        assert_eq!(both.len(), 2);
        assert_eq!(both[1].name, "roleDefinition");
        for text in [
            "",
            "a,",
            "manager($expand=manager)",
            "manager($select=id",
            "manager($levels=x)",
        ] {
            assert!(expansions(text).is_err(), "{text}");
        }
    }

    #[test]
    fn page_sizes() {
        for (text, expected) in [
            ("1", Some(1)),
            ("999", Some(999)),
            ("0", None),
            ("1000", None),
            ("-1", None),
            ("x", None),
        ] {
            assert_eq!(top(text).ok(), expected, "{text}");
        }
        assert_eq!(
            top("1000").unwrap_err().message(),
            "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."
        );
    }

    #[test]
    fn orders_are_read() {
        assert!(orders("displayName desc").unwrap()[0].descending);
        assert_eq!(orders("a,b asc").unwrap().len(), 2);
        assert!(orders("a b c").is_err() && orders("").is_err());
    }
}
