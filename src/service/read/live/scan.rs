//! Lists that are filtered or sorted here: every candidate is looked at, page by page of Graph's, and
//! only what may stand on the answer's page is kept.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use super::{
    super::{
        super::{Context, Error, memory::Room, offload},
        Wanted,
        keep::Keep,
    },
    list::Window,
    object::{self, Loaded},
    own_writes::{self, Altered},
    related,
    render::{self, ListPage},
};
use crate::{
    odata::request::Request,
    scim::{
        filter::{Filter, Matcher},
        links,
        list::ListQuery,
        sort::{SortKey, Sorter},
    },
};

/// With more candidates, evaluating them leaves the async workers.
const MANY: usize = 16;
/// Objects of Graph's largest page.
const GRAPH_PAGE: usize = 999;
/// A page that ends behind this keeps ids, not entities, of all before it.
const FAR: usize = 2_000;
/// What is kept of an object by its id and its key.
const BYTES_PER_KEY: usize = 512;

/// Where candidates come from.
pub(super) enum Source {
    /// A list of Graph's.
    Walk(Request),
    /// They are at hand.
    Known(Vec<Value>),
}

/// What is kept of a match.
enum Hit {
    Entity(Value),
    Id(String),
    /// Read already, because of own writes.
    Loaded(Loaded),
}

/// Filters, sorts and pages complete candidates. `filter` is what is left to evaluate.
///
/// # Errors
/// As for lists.
pub(super) async fn scan(
    cx: &Context,
    query: &ListQuery,
    filter: Option<&Filter>,
    source: Source,
    page: Window,
) -> Result<ListPage, Error> {
    let answer = Wanted::answer(&cx.mapped, &query.projection, true);
    let looked_at = Wanted::looked_at(&cx.mapped, filter, query.sort_by.as_ref());
    let both = Arc::new(answer.and(&cx.mapped, &looked_at));
    let room = space(cx, &both, page).await?;
    let sorter = query
        .sort_by
        .as_ref()
        .map(|by| Sorter::new(by, query.sort_order, cx.schema()));
    let mut scan = Scan {
        cx,
        filter,
        sorter: sorter.clone(),
        looked_at: Arc::new(looked_at),
        keep: Keep::new(sorter, page.reach()),
        far: page.reach() > FAR,
        next: 0,
    };
    let touched = own_writes::touched(cx);
    let mut held = Vec::new();
    let mut altered = Altered::new();
    let (request, mut at_hand) = match source {
        Source::Walk(request) => (Some(request), None),
        Source::Known(entities) => (None, Some(entities)),
    };
    let limit = cx.app.settings.scan_limit;
    let graph = &cx.tenant.graph;
    let mut walk = request
        .as_ref()
        .map(|request| graph.pages(&cx.call, request, limit));
    loop {
        let chunk = match &mut walk {
            Some(walk) => walk.next().await?,
            None => at_hand.take(),
        };
        let Some(mut chunk) = chunk else {
            break;
        };
        altered.extend(own_writes::overlay(cx, &mut chunk).await?);
        let numbered = scan.number(chunk);
        let (own, others) = apart(cx, numbered, &touched);
        held.extend(own);
        scan.look_at(others).await?;
    }
    let mut entities: Vec<Value> = held.iter().map(|(_, entity)| entity.clone()).collect();
    let whole_filter = query.filter.as_ref();
    let own = own_writes::settle(cx, whole_filter, &both, &mut entities, &altered).await?;
    let stay: HashSet<String> = entities
        .iter()
        .filter_map(|e| object::id_of(cx, e))
        .collect();
    held.retain(|(_, entity)| object::id_of(cx, entity).is_some_and(|id| stay.contains(&id)));
    scan.look_at(held).await?;
    scan.add_own(own, &both);
    let (total, hits) = scan.keep.finish(page.start - 1);
    let loaded = load(cx, hits, &answer, &both).await?;
    let texts = render::render(cx, loaded, &query.projection).await?;
    Ok(render::page(total, page.start, texts, room))
}

/// Room for a page of Graph's and for what is kept beside it.
async fn space(cx: &Context, wanted: &Wanted, page: Window) -> Result<Room, Error> {
    let reach = page.reach().min(cx.app.settings.scan_limit);
    let mut room = render::room(cx, wanted, GRAPH_PAGE).await?;
    if reach > FAR {
        let memory = &cx.app.memory;
        let keys = memory.room(&cx.caller.token_id, reach * BYTES_PER_KEY, cx.call.deadline);
        room.merge(keys.await?);
    }
    Ok(room)
}

struct Scan<'a> {
    cx: &'a Context,
    filter: Option<&'a Filter>,
    sorter: Option<Sorter>,
    looked_at: Arc<Wanted>,
    keep: Keep<Hit>,
    far: bool,
    next: u64,
}

/// An entity with its place in Graph's list.
type Numbered = (u64, Value);

impl Scan<'_> {
    fn number(&mut self, entities: Vec<Value>) -> Vec<Numbered> {
        let first = self.next;
        let numbered: Vec<Numbered> = (first..).zip(entities).collect();
        self.next = numbered.last().map_or(first, |(place, _)| place + 1);
        numbered
    }

    /// Evaluates candidates and keeps those that match.
    async fn look_at(&mut self, candidates: Vec<Numbered>) -> Result<(), Error> {
        if candidates.is_empty() {
            return Ok(());
        }
        let cx = self.cx;
        let (places, entities): (Vec<u64>, Vec<Value>) = candidates.into_iter().unzip();
        let looked_at = &self.looked_at;
        let loaded = if looked_at.relations.is_empty() && !looked_at.complete {
            bare(cx, entities)
        } else {
            object::many(cx, entities, looked_at).await?
        };
        let matcher = self.filter.map(|filter| Matcher::new(filter, cx.schema()));
        let sorter = self.sorter.clone();
        let (own, looked_at) = (cx.clone(), Arc::clone(looked_at));
        let much = loaded.len() > MANY;
        let matching = offload(cx, much, move || {
            let mut matching: Vec<(u64, Option<SortKey>, Value)> = Vec::new();
            for (place, one) in places.into_iter().zip(loaded) {
                let mut doc = object::document(&own, &one, &looked_at);
                links::absolute(&mut doc, &own.base_url, own.schema());
                if matcher.as_ref().is_none_or(|m| m.matches(&doc)) {
                    let key = sorter.as_ref().map(|sorter| sorter.key(&doc));
                    matching.push((place, key, one.entity));
                }
            }
            matching
        })
        .await?;
        for (place, key, entity) in matching {
            let far = self.far;
            self.keep
                .push(key, place, || match object::id_of(cx, &entity) {
                    Some(id) if far => Hit::Id(id),
                    _ => Hit::Entity(entity),
                });
        }
        Ok(())
    }

    /// Adds what was read again because of own writes; it has no place in Graph's list yet.
    fn add_own(&mut self, own: Vec<Loaded>, wanted: &Wanted) {
        for loaded in own {
            let doc = own_writes::evaluated(self.cx, &loaded, wanted);
            let key = self.sorter.as_ref().map(|sorter| sorter.key(&doc));
            let place = self.next;
            self.next += 1;
            self.keep.push(key, place, || Hit::Loaded(loaded));
        }
    }
}

/// Those that were changed here moments ago, and the others.
fn apart(
    cx: &Context,
    entities: Vec<Numbered>,
    touched: &HashSet<String>,
) -> (Vec<Numbered>, Vec<Numbered>) {
    entities.into_iter().partition(|(_, entity)| {
        !touched.is_empty()
            && object::id_of(cx, entity)
                .is_some_and(|id| touched.contains(&id.to_ascii_lowercase()))
    })
}

/// The objects of the page, in order, with their relations.
async fn load(
    cx: &Context,
    hits: Vec<Hit>,
    answer: &Arc<Wanted>,
    both: &Arc<Wanted>,
) -> Result<Vec<(Loaded, Arc<Wanted>)>, Error> {
    let far: Vec<String> = hits
        .iter()
        .filter_map(|hit| match hit {
            Hit::Id(id) => Some(id.clone()),
            _ => None,
        })
        .collect();
    let mut by_id = related::all_by_ids(cx, &far, answer).await?.into_iter();
    let mut order = Vec::with_capacity(hits.len());
    let mut to_read = Vec::new();
    for hit in hits {
        match hit {
            Hit::Entity(entity) => to_read.push(entity),
            Hit::Id(_) => to_read.extend(by_id.next()),
            Hit::Loaded(loaded) => {
                order.push(Some(loaded));
                continue;
            }
        }
        order.push(None);
    }
    let mut read = object::many(cx, to_read, answer).await?.into_iter();
    let placed = order.into_iter().filter_map(|place| match place {
        Some(loaded) => Some((loaded, Arc::clone(both))),
        None => Some((read.next()?, Arc::clone(answer))),
    });
    Ok(placed.collect())
}

/// Entities of which nothing else is looked at.
fn bare(cx: &Context, entities: Vec<Value>) -> Vec<Loaded> {
    let loaded = |entity: Value| Loaded {
        id: object::id_of(cx, &entity).unwrap_or_default(),
        entity,
        edges: Vec::new(),
        hidden: Vec::new(),
        by_graph: true,
        altered: Vec::new(),
    };
    entities.into_iter().map(loaded).collect()
}
