//! `GET /Type` out of the replica: filter, sort and page by SQL where keys and edges say all, else
//! over what SQL leaves.

use bytes::Bytes;

use super::{
    super::{
        super::{Context, Error, memory::Room},
        ListPage,
    },
    is_beyond, is_plain, related, render, scan, texts,
};
use crate::{
    resources::{EdgeKind, Side},
    scim::{attr::AttrPath, filter::Filter, list::ListQuery, sort::SortOrder},
    store::replica::{Order, Selection, Shown, from_bytes, to_bytes},
    translation::index::{self, Compiled, Condition, EdgeTest, Test, UNKEYED, key},
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
    if is_beyond(cx, &query.projection) || looks_beyond(cx, query) {
        return Ok(None);
    }
    let settings = &cx.app.settings;
    let count = query.count.unwrap_or(settings.default_page);
    let window = Window {
        start: query.start_index.max(1),
        count: count.min(settings.max_page),
    };
    let compiled = compiled(cx, query.filter.as_ref()).await?;
    let order = match &query.sort_by {
        None => Some(Order::Id),
        Some(by) => order(cx, by, query.sort_order),
    };
    let bytes = window.count.saturating_mul(BYTES_EACH);
    let room = cx
        .app
        .memory
        .room(&cx.caller.token_id, bytes, cx.call.deadline);
    let room = room.await?;
    let (total, ids) = match order {
        Some(order) if compiled.exact => by_sql(cx, &compiled.condition, order, window).await?,
        _ => scan::scan(cx, query, &compiled, window).await?,
    };
    let texts = page(cx, query, &ids).await?;
    Ok(Some(finished(total, window.start, texts, room)))
}

fn finished(total: usize, start_index: usize, texts: Vec<Vec<u8>>, mut room: Room) -> ListPage {
    room.shrink_to(texts.iter().map(Vec::len).sum());
    ListPage {
        total,
        start_index,
        resources: texts.into_iter().map(Bytes::from).collect(),
        room,
    }
}

fn looks_beyond(cx: &Context, query: &ListQuery) -> bool {
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
fn order(cx: &Context, by: &AttrPath, order: SortOrder) -> Option<Order> {
    let ascending = order == SortOrder::Ascending;
    if *by == AttrPath::core("id") {
        return ascending.then_some(Order::Id);
    }
    if *by == AttrPath::core("meta").with_sub("lastModified") {
        return Some(Order::Modified(ascending));
    }
    let leaf = cx.mapped.shape.index.leaf(by)?;
    Some(Order::Value(leaf.sort?, ascending))
}

/// The filter as conditions, with everything settled that they leave open.
async fn compiled(cx: &Context, filter: Option<&Filter>) -> Result<Compiled, Error> {
    let Some(filter) = filter else {
        return Ok(Compiled {
            condition: Condition::All,
            exact: true,
        });
    };
    let shape = &cx.mapped.shape;
    let mut compiled = index::compile(filter, &shape.index, &shape.places);
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
    if has_values(&compiled.condition) && has_unkeyed(cx).await? {
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

async fn has_unkeyed(cx: &Context) -> Result<bool, Error> {
    let condition = Condition::Value {
        attr: UNKEYED,
        test: Test::Equal(key::ABSENT.to_vec()),
    };
    let selection = selection(cx, &condition, Order::Id);
    let some = cx.app.store.select_ids(&selection, None, 0, 1).await?;
    Ok(!some.is_empty())
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

/// How many match, and the ids of the window.
async fn by_sql(
    cx: &Context,
    condition: &Condition,
    order: Order,
    window: Window,
) -> Result<(usize, Vec<String>), Error> {
    let selection = selection(cx, condition, order);
    let store = &cx.app.store;
    let total = match condition {
        Condition::All => {
            let name = format!("count:{}", cx.kind().name);
            let mark = store.mark(&cx.tenant.name, &name).await?;
            mark.map_or(0, |mark| mark.number)
        }
        _ => store.count_objects(&selection).await?,
    };
    let total = usize::try_from(total).unwrap_or_default();
    if window.count == 0 || window.start > total {
        return Ok((total, Vec::new()));
    }
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let ids = store
        .select_ids(
            &selection,
            None,
            whole(window.start - 1),
            whole(window.count),
        )
        .await?;
    Ok((total, ids))
}

/// The texts of the objects with those ids, in their order. One that is gone meanwhile is left out.
async fn page(cx: &Context, query: &ListQuery, ids: &[String]) -> Result<Vec<Vec<u8>>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (store, tenant, kind) = (&cx.app.store, &cx.tenant.name, cx.kind().name);
    let place = |id: &str| ids.iter().position(|known| known == id);
    if is_plain(cx, &query.projection) {
        let mut shown: Vec<Shown> = store.shown(tenant, kind, ids).await?;
        if ids.len() > 1 {
            let places: std::collections::HashMap<&str, usize> = ids
                .iter()
                .enumerate()
                .map(|(i, id)| (id.as_str(), i))
                .collect();
            shown.sort_by_key(|one| places.get(one.id.as_str()).copied());
        }
        return render::plain(cx, &shown).await;
    }
    let mut rows = store.objects(tenant, kind, ids).await?;
    rows.sort_by_cached_key(|row| place(&row.id));
    let docs = render::documents(cx, rows, &query.projection).await?;
    Ok(texts(docs))
}
