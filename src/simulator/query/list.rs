//! Lists: checking the query, finding the objects, cutting pages.

use std::cmp::Ordering;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::filter::{self, Rules, label, property_of};
use super::options::{DEFAULT_TOP, Order, Query};
use super::predicate::Predicate;
use super::project::{Projection, Table};
use super::search::{self, Search};
use super::token::Token;
use super::values::{self, Scalar};
use crate::odata::expr::{Expr, Literal, Op};
use crate::odata::facts;
use crate::simulator::directory::{Items, Kind, Reader, Slot, State, Stored};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Filtering, Paging, View};
use crate::simulator::request::{Body, SimRequest, SimResponse};

/// A list before its query options.
pub struct Listing<'a> {
    /// The entity type whose rules hold; `directoryObject` for mixed kinds.
    pub entity: &'static str,
    /// Only objects of this kind.
    pub cast: Option<Kind>,
    /// The list is all objects of this kind, so that indexes help.
    pub whole: Option<Kind>,
    /// Items carry `@odata.type`.
    pub typed: bool,
    /// The list's name in `@odata.context`.
    pub context: String,
    /// What `$filter` may say.
    pub filtering: Filtering,
    /// How it is cut.
    pub paging: Paging,
    /// A relation of an object: filtering needs the advanced parameters.
    pub relation: bool,
    /// Only addresses are shown: `…/$ref`.
    pub references: bool,
    /// A cast on a transitive relation: it needs the advanced parameters.
    pub needs_advanced: bool,
    /// Live objects, or those in the recycle bin.
    pub state: State,
    /// The objects beyond a slot, in order.
    pub items: Box<dyn Fn(Option<Slot>) -> Items<'a> + 'a>,
}

/// The checked query of a list.
struct Plan {
    query: Query,
    predicate: Option<Predicate>,
    /// What a look at one link is for: not to find it is an error.
    missing: Option<String>,
    projection: Projection,
}

fn plan(listing: &Listing<'_>, view: &View<'_>, counted: bool) -> Result<Plan, SimError> {
    let mut query = Query::parse(view, listing.entity)?;
    query.check_paging(listing.paging)?;
    query.count |= counted;
    let advanced = query.advanced();
    if listing.needs_advanced && !advanced {
        return Err(SimError::unsupported());
    }
    let mut missing = None;
    let predicate = match &query.filter {
        None => None,
        Some(expr) if listing.relation && !advanced => {
            let id = sought(expr).ok_or_else(unsupported_reference)?;
            missing = Some(id.to_owned());
            Some(Predicate::is(id))
        }
        Some(expr) => {
            let rules = Rules {
                entity: listing.entity,
                filtering: listing.filtering,
                advanced,
            };
            Some(filter::compile(expr, rules, view.dir)?)
        }
    };
    check_order(&query, listing)?;
    if let Some(search) = &query.search {
        check_search(search, &query, listing)?;
    }
    let mut projection = Projection::new(view, &query, listing.entity, true)?;
    projection.typed = listing.typed;
    projection.related = listing.relation;
    Ok(Plan {
        query,
        predicate,
        missing,
        projection,
    })
}

/// The one filter that a relation answers by default: `id eq '…'`, a look at one link.
fn sought(filter: &Expr) -> Option<&str> {
    match filter {
        Expr::Compare(path, Op::Eq, Literal::String(id) | Literal::Bare(id)) if path == "id" => {
            Some(id)
        }
        _ => None,
    }
}

fn unsupported_reference() -> SimError {
    SimError::query(
        "The specified filter to the reference property query is currently not supported.",
    )
}

fn check_order(query: &Query, listing: &Listing<'_>) -> Result<(), SimError> {
    if query.order.is_empty() {
        return Ok(());
    }
    let advanced = query.advanced();
    for order in &query.order {
        if property_of(listing.entity, &order.property).is_none() {
            return Err(SimError::gateway(format!(
                "Could not find a property named '{}' on type 'microsoft.graph.{}'.",
                order.property, listing.entity
            )));
        }
        let supported = if listing.relation {
            // Relations document sorting by name, as an advanced query.
            advanced && order.property == "displayName"
        } else {
            facts::orderby(listing.entity, &order.property).allows(advanced)
            // A property that sorts by default sorts in advanced queries as well.
        };
        if !supported {
            return Err(SimError::query(format!(
                "Unsupported sort property '{}' for '{}'.",
                order.property,
                label(listing.entity)
            )));
        }
    }
    if query.filter.is_some() && !advanced {
        return Err(SimError::query("Sorting not supported for current query."));
    }
    Ok(())
}

fn check_search(search: &Search, query: &Query, listing: &Listing<'_>) -> Result<(), SimError> {
    if !query.eventual {
        return Err(SimError::query(
            "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
        ));
    }
    let mixed = listing.entity == "directoryObject";
    if !mixed && !facts::searchable(listing.entity) {
        return Err(SimError::unsupported());
    }
    for name in search.properties() {
        let property = property_of(listing.entity, name).ok_or_else(|| {
            SimError::gateway(format!(
                "Could not find a property named '{name}' on type 'microsoft.graph.{}'.",
                listing.entity
            ))
        })?;
        let path = if property.collection {
            format!("{name}/any(p:p)")
        } else {
            name.to_owned()
        };
        let searched = matches!(name, "displayName" | "description")
            || facts::filter_rule(listing.entity, &path)
                .is_some_and(|rule| rule.starts_with.allows(true));
        if property.kind != facts::Kind::String || !searched {
            return Err(SimError::clause(name, &label(listing.entity)));
        }
    }
    Ok(())
}

/// Whether an object matches a search. Names and descriptions are split into words; other texts
/// must begin so.
fn found(dir: Reader<'_>, slot: Slot, search: &Search) -> bool {
    search.holds(&|property, text| {
        let tokenised = matches!(property, "displayName" | "description");
        let begins = |have: &str| have.to_lowercase().starts_with(&text.to_lowercase());
        match dir.get(slot, property) {
            Some(Stored::Str(have)) if tokenised => search::token_match(have, text),
            Some(Stored::Str(have)) => begins(have),
            Some(Stored::List(list)) => list.iter().any(begins),
            _ => false,
        }
    })
}

impl Listing<'_> {
    fn matches<'b>(&'b self, plan: &'b Plan, dir: Reader<'b>) -> impl Fn(Slot) -> bool + 'b {
        move |slot| {
            let object = dir.object(slot);
            dir.state(slot) == self.state
                && !dir.is_hidden(slot)
                && self.cast.is_none_or(|kind| object.kind == kind)
                && plan.predicate.as_ref().is_none_or(|p| p.holds(dir, slot))
                && plan
                    .query
                    .search
                    .as_ref()
                    .is_none_or(|s| found(dir, slot, s))
        }
    }

    /// The objects that an index tells of; others need not be looked at.
    fn indexed(&self, plan: &Plan, dir: Reader<'_>) -> Option<(Vec<Slot>, Kind)> {
        // The indexes know live objects only.
        let kind = self.whole.filter(|_| self.state == State::Live)?;
        let slots = plan.predicate.as_ref()?.candidates(dir, kind)?;
        Some((slots, kind))
    }

    /// The objects to look at, beyond `after`.
    fn candidates<'b>(&'b self, plan: &Plan, dir: Reader<'b>, after: Option<Slot>) -> Items<'b> {
        match self.indexed(plan, dir) {
            None => (self.items)(after),
            Some((slots, kind)) => Box::new(slots.into_iter().filter(move |slot| {
                dir.object(*slot).kind == kind && after.is_none_or(|after| *slot > after)
            })),
        }
    }
}

/// `GET …/$count`
pub fn count(listing: &Listing<'_>, view: &View<'_>) -> Result<SimResponse, SimError> {
    if !view.request.is_eventual() {
        return Err(SimError::bad("$count is not currently supported."));
    }
    let json_only = view.request.header("accept").is_some_and(|a| {
        a.contains("application/json") && !a.contains('*') && !a.contains("text/")
    });
    if json_only {
        return Err(SimError::new(
            415,
            "Request_BadRequest",
            "A supported MIME type could not be found that matches the content type of the response.",
        ));
    }
    let plan = plan(listing, view, true)?;
    let total = total(listing, &plan, view.dir);
    Ok(SimResponse {
        status: 200,
        headers: Vec::new(),
        body: Body::Text(total.to_string()),
    })
}

fn total(listing: &Listing<'_>, plan: &Plan, dir: Reader<'_>) -> usize {
    if let Some(kind) = listing.whole
        && plan.predicate.is_none()
        && plan.query.search.is_none()
    {
        return dir.count_in(kind, listing.state);
    }
    let matches = listing.matches(plan, dir);
    listing
        .candidates(plan, dir, None)
        .filter(|slot| matches(*slot))
        .count()
}

/// `GET` of a list: one page.
pub fn page(listing: &Listing<'_>, view: &View<'_>) -> Result<SimResponse, SimError> {
    let plan = plan(listing, view, false)?;
    let (dir, query) = (view.dir, &plan.query);
    let limit = match listing.paging {
        Paging::Whole => usize::MAX - 1,
        _ => query.top.unwrap_or(DEFAULT_TOP),
    };
    let mut rows = if query.order.is_empty() {
        let matches = listing.matches(&plan, dir);
        listing
            .candidates(&plan, dir, query.token.as_ref().map(|t| t.slot))
            .filter(|slot| matches(*slot))
            .take(limit + 1)
            .map(|slot| (Vec::new(), slot))
            .collect()
    } else {
        sorted(listing, &plan, dir, limit + 1)
    };
    if let (Some(id), []) = (&plan.missing, rows.as_slice()) {
        return Err(SimError::not_found(id));
    }
    let more = rows.len() > limit;
    rows.truncate(limit);

    let context = if listing.references {
        "Collection($ref)".to_owned()
    } else {
        format!("{}{}", listing.context, plan.projection.context())
    };
    let mut body = Map::new();
    body.insert(
        "@odata.context".to_owned(),
        format!("{}/$metadata#{context}", view.request.base()).into(),
    );
    if query.advanced() && query.token.is_none() {
        body.insert("@odata.count".to_owned(), total(listing, &plan, dir).into());
    }
    if let Some((keys, slot)) = rows.last().filter(|_| more) {
        let token = Token {
            slot: *slot,
            keys: keys.clone(),
            issued: dir.now().unix_timestamp(),
        };
        body.insert(
            "@odata.nextLink".to_owned(),
            next_link(view.request, &token).into(),
        );
    }
    let mut table = Table::new(&plan.projection, dir);
    let items: Vec<Value> = rows
        .iter()
        .map(|(_, slot)| {
            if listing.references {
                reference(view, *slot)
            } else {
                table.row(*slot).into()
            }
        })
        .collect();
    body.insert("value".to_owned(), items.into());
    Ok(SimResponse::ok(body.into()))
}

/// An item of `…/$ref`.
pub fn reference(view: &View<'_>, slot: Slot) -> Value {
    let id = view.dir.id_text(slot);
    serde_json::json!({"@odata.id": format!("{}/directoryObjects/{id}", view.request.base())})
}

type Row = (Vec<String>, Slot);

/// The first `limit` objects beyond the token, in the order asked for.
fn sorted(listing: &Listing<'_>, plan: &Plan, dir: Reader<'_>, limit: usize) -> Vec<Row> {
    let order = &plan.query.order;
    let by = |a: &Row, b: &Row| compare(order, a, b);
    let after = plan.query.token.as_ref().map(|t| (t.keys.clone(), t.slot));
    let matches = listing.matches(plan, dir);
    let indexed = listing.indexed(plan, dir);
    // Lists that are behind have an order that changes by itself.
    if let (Some(kind), None, true) = (listing.whole, &indexed, dir.lists_are_prompt()) {
        let all = dir.in_order(kind, format!("{order:?}"), |slots| {
            slots.sort_by_cached_key(|slot| Keyed(order, (keys(dir, *slot, order), *slot)));
        });
        let start = after.as_ref().map_or(0, |after| {
            all.partition_point(|slot| {
                by(&(keys(dir, *slot, order), *slot), after) != Ordering::Greater
            })
        });
        return all[start..]
            .iter()
            .filter(|slot| matches(**slot))
            .take(limit)
            .map(|slot| (keys(dir, *slot, order), *slot))
            .collect();
    }
    let mut rows: Vec<Row> = listing
        .candidates(plan, dir, None)
        .filter(|slot| matches(*slot))
        .map(|slot| (keys(dir, slot, order), slot))
        .filter(|row| {
            after
                .as_ref()
                .is_none_or(|after| by(row, after) == Ordering::Greater)
        })
        .collect();
    if rows.len() > limit && limit > 0 {
        rows.select_nth_unstable_by(limit - 1, by);
        rows.truncate(limit);
    }
    rows.sort_unstable_by(by);
    rows
}

/// A row that knows its place.
struct Keyed<'a>(&'a [Order], Row);

impl Ord for Keyed<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.0, &self.1, &other.1)
    }
}

impl PartialOrd for Keyed<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Keyed<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Keyed<'_> {}

fn compare(order: &[Order], a: &Row, b: &Row) -> Ordering {
    for (i, order) in order.iter().enumerate() {
        let sides = a.0.get(i).cmp(&b.0.get(i));
        let sides = if order.descending {
            sides.reverse()
        } else {
            sides
        };
        if sides != Ordering::Equal {
            return sides;
        }
    }
    a.1.cmp(&b.1)
}

fn keys(dir: Reader<'_>, slot: Slot, order: &[Order]) -> Vec<String> {
    order
        .iter()
        .map(
            |order| match Scalar::stored(dir.get(slot, &order.property)) {
                Scalar::Str(text) => text.to_lowercase(),
                // Moments since 1970, wide enough to compare as text.
                Scalar::Time(n) | Scalar::Int(n) => format!("{n:020}"),
                Scalar::Bool(b) => b.to_string(),
                Scalar::Null => match values::value(dir, slot, &order.property) {
                    Value::String(text) => text.to_lowercase(),
                    _ => String::new(),
                },
            },
        )
        .collect()
}

const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b';')
    .remove(b'\'')
    .remove(b'*');

/// The next page's address: this request's, with all its other options.
fn next_link(request: &SimRequest, token: &Token) -> String {
    let mut link = format!("{}{}?", request.base(), request.written());
    for (name, value) in &request.query {
        if !name.eq_ignore_ascii_case("$skiptoken") {
            link.extend(utf8_percent_encode(name, QUERY));
            link.push('=');
            link.extend(utf8_percent_encode(value, QUERY));
            link.push('&');
        }
    }
    link + "$skiptoken=" + &token.encode()
}
