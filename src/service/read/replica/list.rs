//! `GET /Type` out of the replica: filter, sort and page by SQL where keys and edges say all, else
//! over what SQL leaves.

use std::collections::HashMap;

use bytes::Bytes;

use super::{
    super::{
        super::{Context, Error, memory::Room},
        ListPage,
    },
    is_plain,
    numbers::Numbers,
    related, render, scan, texts,
};
use crate::{
    resources::{EdgeKind, Side},
    scim::{attr::AttrPath, filter::Filter, list::ListQuery, sort::SortOrder},
    store::replica::{Order, Selection, from_bytes, to_bytes},
    translation::index::{self, Compiled, Condition, EdgeTest, IndexPlan, Test, UNKEYED, key},
};

/// What an object takes on a page, about.
const BYTES_EACH: usize = 8 << 10;

/// What part of the matches is asked for.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) start: usize,
    pub(super) count: usize,
}

/// Answers a list query; `None` when it is about what the replica does not hold.
///
/// # Errors
/// `tooMany` past the scan bound; when the store does not answer.
pub(in super::super) async fn list(
    cx: &Context,
    query: &ListQuery,
) -> Result<Option<ListPage>, Error> {
    if looks_beyond(cx, query) {
        return Ok(None);
    }
    let settings = &cx.app.settings;
    let count = query.count.unwrap_or(settings.default_page);
    let window = Window {
        start: query.start_index.max(1),
        count: count.min(settings.max_page),
    };
    let numbers = Numbers::read(cx).await?;
    let compiled = compiled(cx, query.filter.as_ref(), &numbers).await?;
    let order = match &query.sort_by {
        None => Some(Order::Id),
        Some(by) => order(cx, by, query.sort_order, numbers.keyed),
    };
    let bytes = window.count.saturating_mul(BYTES_EACH);
    let room = cx
        .app
        .memory
        .room(&cx.caller.token_id, bytes, cx.call.deadline);
    let mut room = room.await?;
    let (total, found) = match order {
        Some(order) if compiled.exact => {
            by_sql(cx, &compiled.condition, order, window, &numbers).await?
        }
        _ => scan::scan(cx, query, &compiled, window).await?,
    };
    let (texts, edges) = page(cx, query, &found, &numbers).await?;
    room.merge(edges);
    Ok(Some(finished(total, window.start, texts, room)))
}

fn finished(total: usize, start_index: usize, resources: Vec<Bytes>, mut room: Room) -> ListPage {
    room.shrink_to(resources.iter().map(Bytes::len).sum());
    ListPage {
        total,
        start_index,
        resources,
        room,
        walk: None,
    }
}

pub(in super::super) fn looks_beyond(cx: &Context, query: &ListQuery) -> bool {
    let mut paths: Vec<&AttrPath> = Vec::new();
    if let Some(filter) = &query.filter {
        filter.paths(&mut paths);
    }
    paths.extend(&query.sort_by);
    let schemas = |path: &AttrPath| path.urn.is_none() && path.attr == "schemas";
    paths
        .iter()
        .any(|path| !schemas(path) && cx.mapping().looks_beyond(path))
}

/// The order by an attribute that has an index.
fn order(cx: &Context, by: &AttrPath, order: SortOrder, keyed: bool) -> Option<Order> {
    let ascending = order == SortOrder::Ascending;
    if *by == AttrPath::core("id") {
        return ascending.then_some(Order::Id);
    }
    if *by == AttrPath::core("meta").with_sub("lastModified") {
        return Some(Order::Modified(ascending));
    }
    let leaf = cx.mapped.shape.index.leaf(by).filter(|_| keyed)?;
    Some(Order::Value(leaf.sort?, ascending))
}

/// The filter as conditions, with everything settled that they leave open.
async fn compiled(
    cx: &Context,
    filter: Option<&Filter>,
    numbers: &Numbers,
) -> Result<Compiled, Error> {
    let Some(filter) = filter else {
        return Ok(Compiled {
            condition: Condition::All,
            exact: true,
        });
    };
    let shape = &cx.mapped.shape;
    let none = IndexPlan::default();
    let plan = if numbers.keyed { &shape.index } else { &none };
    let mut compiled = index::compile(filter, plan, &shape.places);
    let mut open = Vec::new();
    edges_of(&compiled.condition, &mut open);
    let mut settled = Vec::with_capacity(open.len());
    for test in open {
        // Who may not see some edges must not find by them.
        let of_group = matches!(test.kind, EdgeKind::Member | EdgeKind::Owner);
        compiled.exact &= !(of_group && cx.hides_role_groups());
        // Nor does who has a licence in error alone hold it.
        compiled.exact &= (test.kind, test.side) != (EdgeKind::Licence, Side::To);
        settled.push(settle(cx, test).await?);
    }
    let mut settled = settled.into_iter();
    replace_edges(&mut compiled.condition, &mut settled);
    if has_values(&compiled.condition) && numbers.unkeyed {
        // Objects of which an index does not speak are looked at one by one.
        let unkeyed = Condition::Value {
            attr: UNKEYED,
            test: Test::Equal(key::ABSENT.to_vec()),
        };
        compiled = Compiled {
            condition: Condition::Or(vec![compiled.condition, unkeyed]),
            exact: false,
        };
    }
    Ok(compiled)
}

fn edges_of(condition: &Condition, into: &mut Vec<EdgeTest>) {
    match condition {
        Condition::Edge(test) => into.push(test.clone()),
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                edges_of(part, into);
            }
        }
        Condition::Not(inner) => edges_of(inner, into),
        _ => {}
    }
}

fn replace_edges(condition: &mut Condition, settled: &mut impl Iterator<Item = Condition>) {
    match condition {
        Condition::Edge(_) => {
            if let Some(new) = settled.next() {
                *condition = new;
            }
        }
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                replace_edges(part, settled);
            }
        }
        Condition::Not(inner) => replace_edges(inner, settled),
        _ => {}
    }
}

fn has_values(condition: &Condition) -> bool {
    match condition {
        Condition::Value { .. } | Condition::Element(_) => true,
        Condition::And(parts) | Condition::Or(parts) => parts.iter().any(has_values),
        Condition::Not(inner) => has_values(inner),
        _ => false,
    }
}

/// What an edge to an id means: ids have one spelling, and who is in a group is in those above it.
async fn settle(cx: &Context, test: EdgeTest) -> Result<Condition, Error> {
    let Some(far) = &test.far else {
        return Ok(Condition::Edge(test));
    };
    if from_bytes(&to_bytes(far)) != *far {
        return Ok(Condition::None);
    }
    if (test.kind, test.side) != (EdgeKind::Member, Side::To) {
        return Ok(Condition::Edge(test));
    }
    let groups = related::with_nested(cx, far).await?;
    let each = groups.into_iter().map(|group| {
        Condition::Edge(EdgeTest {
            far: Some(group),
            ..test.clone()
        })
    });
    Ok(Condition::Or(each.collect()))
}

pub(super) fn selection<'a>(
    cx: &'a Context,
    condition: &'a Condition,
    order: Order,
) -> Selection<'a> {
    Selection {
        tenant: &cx.tenant.name,
        kind: cx.kind().name,
        condition,
        order,
    }
}

/// An object that was found: its id and its moment.
pub(super) type Found = (String, i64);

/// How many match, and the objects of the window.
async fn by_sql(
    cx: &Context,
    condition: &Condition,
    order: Order,
    window: Window,
    numbers: &Numbers,
) -> Result<(usize, Vec<Found>), Error> {
    let selection = selection(cx, condition, order);
    let store = &cx.app.store;
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let all = *condition == Condition::All;
    let mut found = Vec::new();
    if window.count > 0 && !(all && window.start > numbers.count) {
        let limit = whole(window.count);
        let place = deep(cx, all, order, window).await?;
        let (from, offset) = match &place {
            Some((from, offset)) => (from, *offset),
            None => (condition, whole(window.start - 1)),
        };
        let near = self::selection(cx, from, order);
        found = store.select_objects(&near, None, offset, limit).await?;
    }
    // A page that is not full is the last one.
    let is_last = found.len() < window.count && (window.start == 1 || !found.is_empty());
    let total = if all {
        numbers.count
    } else if is_last {
        window.start - 1 + found.len()
    } else {
        let count = store.count_objects(&selection).await?;
        usize::try_from(count).unwrap_or_default()
    };
    Ok((total, found))
}

/// Before this place, counting what precedes it costs less than looking up where it is.
const DEEP: usize = 500;

/// Where a place deep in the list of all begins: behind which id, and how many further on.
async fn deep(
    cx: &Context,
    all: bool,
    order: Order,
    window: Window,
) -> Result<Option<(Condition, i64)>, Error> {
    if !all || order != Order::Id || window.start <= DEEP {
        return Ok(None);
    }
    let prefix = format!("rank:{}:", cx.kind().name);
    let store = &cx.app.store;
    let mut ranks: Vec<(u8, i64)> = store
        .numbers_below(&cx.tenant.name, &prefix)
        .await?
        .into_iter()
        .filter_map(|(name, number)| {
            let first = u8::from_str_radix(name.strip_prefix(&prefix)?, 16).ok()?;
            Some((first, number))
        })
        .collect();
    ranks.sort_unstable();
    let mut before = i64::try_from(window.start - 1).unwrap_or(i64::MAX);
    for (first, number) in ranks {
        if before < number {
            return Ok(Some((Condition::From(vec![first]), before)));
        }
        before -= number;
    }
    Ok(None)
}

/// The texts of the objects, in their order. One that is gone meanwhile is left out.
async fn page(
    cx: &Context,
    query: &ListQuery,
    found: &[Found],
    numbers: &Numbers,
) -> Result<(Vec<Bytes>, Room), Error> {
    if found.is_empty() {
        return Ok((Vec::new(), Room::default()));
    }
    if is_plain(cx, &query.projection) {
        return render::plain(cx, found, numbers.epoch).await;
    }
    let ids: Vec<String> = found.iter().map(|(id, _)| id.clone()).collect();
    let (store, tenant, kind) = (&cx.app.store, &cx.tenant.name, cx.kind().name);
    let mut rows = store.objects(tenant, kind, &ids).await?;
    let places: HashMap<&str, usize> = ids
        .iter()
        .enumerate()
        .map(|(i, id)| (id.as_str(), i))
        .collect();
    rows.sort_by_cached_key(|row| places.get(row.id.as_str()).copied());
    let docs = render::documents(cx, rows, &query.projection).await?;
    Ok((texts(docs), Room::default()))
}
