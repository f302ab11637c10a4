//! `GET /Type`: filter, sort, page, live against Graph.
//!
//! Graph filters, counts and pages what it can. A query that Graph answers only in part is
//! completed here over all the candidates (never over a page of them), up to a bound; one that
//! Graph cannot narrow down at all is refused. What filter and sort look at is read whatever the
//! projection says.

use std::sync::Arc;

use serde_json::Value;

use super::{
    super::{
        super::{Context, Error, offload},
        Wanted,
    },
    object::{self, Loaded},
    own_writes, related,
};
use crate::{
    odata::request::Request,
    resources::Listing,
    scim::{
        Document,
        error::Kind,
        filter::{Filter, Matcher},
        links,
        list::ListQuery,
        sort::{self, SortOrder},
    },
    translation::PushDown,
};

/// Graph's largest page of directory objects.
const GRAPH_PAGE: usize = 999;
/// With more candidates, evaluating them leaves the async workers.
const MANY: usize = 500;

/// One page of a list.
pub struct ListPage {
    /// All that match.
    pub total: usize,
    /// 1-based index of the first.
    pub start_index: usize,
    /// This page's resources, projected.
    pub resources: Vec<Document>,
}

/// Answers a list query.
///
/// # Errors
/// `invalidFilter` for what cannot be answered, `tooMany` past the scan bound, and whatever Graph
/// makes of it. Never a short page.
pub(in crate::service) async fn list(cx: &Context, query: &ListQuery) -> Result<ListPage, Error> {
    let settings = &cx.app.settings;
    let count = query
        .count
        .unwrap_or(settings.default_page)
        .min(settings.max_page);
    let page = Window {
        start: query.start_index.max(1),
        count,
    };
    let filter = query.filter.as_ref();
    let collection = Request::get(cx.kind().collection);
    if cx.kind().listing == Listing::Whole {
        let all = cx
            .tenant
            .graph
            .collect(&cx.call, &collection, settings.scan_limit)
            .await?;
        return evaluate(cx, query, filter, all, page).await;
    }
    let sorts_here = query.sort_by.is_some() && graph_order(cx, query).is_none();
    let Some(filter) = filter else {
        if sorts_here {
            let all = candidates(cx, query, None, collection.advanced()).await?;
            return evaluate(cx, query, None, all, page).await;
        }
        return paged(cx, query, None, page).await;
    };
    let pushed = cx.mapping().push_down(filter)?;
    if pushed.nothing {
        return Ok(page.empty(0));
    }
    if let Some(relation) = &pushed.relation {
        let wanted = entity_wanted(cx, query, pushed.rest.as_ref());
        let all = related::related(cx, &wanted, relation).await?;
        return evaluate(cx, query, pushed.rest.as_ref(), all, page).await;
    }
    if let Some(id) = &pushed.id {
        let all = pinned(cx, query, id).await?;
        return evaluate(cx, query, Some(filter), all, page).await;
    }
    if pushed.exact && !sorts_here {
        return paged(cx, query, Some(&pushed), page).await;
    }
    let mut request = collection;
    if let Some(expr) = &pushed.expr {
        request = request.filter(expr);
    }
    if pushed.advanced {
        request = request.advanced();
    }
    let all = candidates(cx, query, pushed.rest.as_ref(), request).await?;
    evaluate(cx, query, pushed.rest.as_ref(), all, page).await
}

/// What part of the matches is asked for.
#[derive(Clone, Copy)]
struct Window {
    start: usize,
    count: usize,
}

impl Window {
    /// How many objects, from the first, must be walked to have the page.
    fn reach(self) -> usize {
        (self.start - 1).saturating_add(self.count)
    }

    fn cut<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter()
            .skip(self.start - 1)
            .take(self.count)
            .collect()
    }

    fn empty(self, total: usize) -> ListPage {
        ListPage {
            total,
            start_index: self.start,
            resources: Vec::new(),
        }
    }
}

/// The Graph property to order by, when Graph can do it.
fn graph_order(cx: &Context, query: &ListQuery) -> Option<String> {
    cx.mapping().order_by(query.sort_by.as_ref()?)
}

/// What one read of the entities has to bring: for the answer, and for the filter and the sort.
fn entity_wanted(cx: &Context, query: &ListQuery, filter: Option<&Filter>) -> Wanted {
    let looked_at = Wanted::looked_at(&cx.mapped, filter, query.sort_by.as_ref());
    Wanted::answer(&cx.mapped, &query.projection, true).and(&cx.mapped, &looked_at)
}

/// What was walked of a list that Graph pages.
struct Walk {
    entities: Vec<Value>,
    total: Option<usize>,
    /// Whether the entities are all that there are.
    whole: bool,
    seen: usize,
    more: bool,
}

/// Graph counts and pages; where the walk has not come by lately, it starts at the first page,
/// because Graph has no offset.
async fn paged(
    cx: &Context,
    query: &ListQuery,
    pushed: Option<&PushDown>,
    page: Window,
) -> Result<ListPage, Error> {
    let sort_by = query.sort_by.as_ref();
    let mut answer = Wanted::answer(&cx.mapped, &query.projection, true);
    if sort_by.is_some() {
        let looked_at = Wanted::looked_at(&cx.mapped, None, sort_by);
        answer = Arc::new(answer.and(&cx.mapped, &looked_at));
    }
    let base = || {
        let request = Request::get(cx.kind().collection);
        match pushed.and_then(|p| p.expr.as_ref()) {
            Some(expr) => request.filter(expr),
            None => request,
        }
    };
    if page.count == 0 {
        return Ok(page.empty(count(cx, base()).await?));
    }
    // A narrow lookup is asked in the default mode, which is fresher than the index behind
    // advanced queries; when it turns out not to fit in one page, the count is asked for.
    let lookup = pushed.is_some_and(|p| !p.advanced) && page.start == 1 && query.sort_by.is_none();
    let mut request = if lookup { base() } else { base().advanced() };
    if let Some(property) = graph_order(cx, query) {
        let direction = if query.sort_order == SortOrder::Descending {
            " desc"
        } else {
            ""
        };
        request = request.option("$orderby", format!("{property}{direction}"));
    }
    let mut walk = walk(cx, &request, &answer, page).await?;
    let mut total = match (walk.total, walk.more) {
        (Some(total), _) => total.max(walk.seen),
        (None, false) => walk.seen,
        (None, true) => count(cx, base()).await?.max(walk.seen),
    };
    let filter = query.filter.as_ref();
    let listed = walk.entities.len();
    let altered = own_writes::overlay(cx, &mut walk.entities).await?;
    let own = if walk.whole {
        own_writes::settle(cx, filter, &answer, &mut walk.entities, &altered).await?
    } else {
        Vec::new()
    };
    total = (total + own.len()).saturating_sub(listed - walk.entities.len());
    let mut loaded = object::many(cx, walk.entities, &answer).await?;
    let sorts = !own.is_empty();
    loaded.extend(own);
    let mut documents: Vec<Document> = loaded
        .iter()
        .map(|loaded| object::document(cx, loaded, &answer))
        .collect();
    if let Some(by) = sort_by.filter(|_| sorts) {
        sort::sort(&mut documents, by, query.sort_order, cx.schema());
    }
    documents.truncate(page.count);
    Ok(ListPage {
        total,
        start_index: page.start,
        resources: documents
            .into_iter()
            .map(|doc| cx.shown(doc, &query.projection))
            .collect(),
    })
}

/// Walks to the window and through it.
async fn walk(
    cx: &Context,
    request: &Request,
    wanted: &Wanted,
    page: Window,
) -> Result<Walk, Error> {
    let shaped =
        |top: usize| object::shape(cx, request.clone().top(top.min(GRAPH_PAGE)), wanted, true);
    let steady = shaped(page.count);
    let url = steady.url();
    let now = cx.app.clock.now();
    let pages = &cx.tenant.pages;
    let (mut answer, mut seen, mut counted);
    let resumed = match pages.at(&url, page.start, now).filter(|_| page.start > 1) {
        Some(mark) => {
            let next = cx
                .tenant
                .graph
                .next_page(&cx.call, &mark.next, request.advanced)
                .await;
            // A page token that Graph has forgotten is no error of the query.
            next.inspect_err(|_| pages.forget(&url, page.start))
                .ok()
                .map(|next| (next, mark.total))
        }
        None => None,
    };
    if let Some((next, total)) = resumed {
        (answer, seen, counted) = (next, page.start - 1, total);
    } else {
        let top = if page.start == 1 {
            page.count
        } else {
            page.reach()
        };
        answer = cx.tenant.graph.page(&cx.call, &shaped(top)).await?;
        seen = 0;
        counted = answer
            .count
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    }
    let from_start = seen == 0;
    let mut entities = Vec::with_capacity(page.count.min(GRAPH_PAGE));
    loop {
        for entity in std::mem::take(&mut answer.items) {
            seen += 1;
            if seen >= page.start && entities.len() < page.count {
                entities.push(entity);
            }
        }
        counted = counted.or(answer
            .count
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX)));
        match &answer.next {
            Some(next) if seen < page.reach() => {
                answer = cx
                    .tenant
                    .graph
                    .next_page(&cx.call, next, request.advanced)
                    .await?;
            }
            _ => break,
        }
    }
    let more = answer.next.is_some();
    if let Some(next) = answer.next
        && seen == page.reach()
    {
        pages.note(&url, seen + 1, next, counted, now);
    }
    Ok(Walk {
        whole: page.start == 1 && from_start && !more && entities.len() == seen,
        entities,
        total: counted,
        seen,
        more,
    })
}

async fn count(cx: &Context, request: Request) -> Result<usize, Error> {
    let request = request.advanced().top(1).select([cx.kind().id_property]);
    let answer = cx.tenant.graph.page(&cx.call, &request).await?;
    let count = answer
        .count
        .ok_or_else(|| object::protocol("Graph gave no count"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// All objects that the request matches, with what the filter, the sort and the answer look at.
async fn candidates(
    cx: &Context,
    query: &ListQuery,
    filter: Option<&Filter>,
    request: Request,
) -> Result<Vec<Value>, Error> {
    let wanted = entity_wanted(cx, query, filter);
    let request = object::shape(cx, request.top(GRAPH_PAGE), &wanted, true);
    Ok(cx
        .tenant
        .graph
        .collect(&cx.call, &request, cx.app.settings.scan_limit)
        .await?)
}

/// The one object that the filter pins by id, or none.
async fn pinned(cx: &Context, query: &ListQuery, id: &str) -> Result<Vec<Value>, Error> {
    let wanted = entity_wanted(cx, query, query.filter.as_ref()).only_entity(&cx.mapped);
    match object::one(cx, id, &wanted).await {
        Ok(loaded) => Ok(vec![loaded.entity]),
        Err(error) if error.scim.kind == Kind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A match, and what its answer is made from.
enum Match {
    Entity(Value),
    /// Read already, because of own writes.
    Loaded(Loaded),
}

/// Filters, sorts and pages complete candidates here. `filter` is what is left to evaluate.
async fn evaluate(
    cx: &Context,
    query: &ListQuery,
    filter: Option<&Filter>,
    mut entities: Vec<Value>,
    page: Window,
) -> Result<ListPage, Error> {
    let answer = Wanted::answer(&cx.mapped, &query.projection, true);
    let looked_at = Arc::new(Wanted::looked_at(
        &cx.mapped,
        filter,
        query.sort_by.as_ref(),
    ));
    let altered = own_writes::overlay(cx, &mut entities).await?;
    let both = answer.and(&cx.mapped, &looked_at);
    let whole_filter = query.filter.as_ref();
    let own = own_writes::settle(cx, whole_filter, &both, &mut entities, &altered).await?;
    let loaded = if looked_at.relations.is_empty() && !looked_at.complete {
        bare(cx, entities)
    } else {
        object::many(cx, entities, &looked_at).await?
    };
    let mut matches = matching(cx, filter, loaded, &looked_at).await?;
    for loaded in own {
        let doc = own_writes::evaluated(cx, &loaded, &both);
        matches.push((doc, Match::Loaded(loaded)));
    }
    if let Some(by) = &query.sort_by {
        sort::sort_by(
            &mut matches,
            |(doc, _)| doc,
            by,
            query.sort_order,
            cx.schema(),
        );
    }
    let total = matches.len();
    let mut order = Vec::new();
    let mut to_read = Vec::new();
    for (_, hit) in page.cut(matches) {
        match hit {
            Match::Entity(entity) => {
                order.push(None);
                to_read.push(entity);
            }
            Match::Loaded(loaded) => order.push(Some(loaded)),
        }
    }
    let mut read = object::many(cx, to_read, &answer).await?.into_iter();
    let mut resources = Vec::with_capacity(order.len());
    for place in order {
        let (loaded, wanted) = match place {
            Some(loaded) => (Some(loaded), &both),
            None => (read.next(), &*answer),
        };
        if let Some(loaded) = loaded {
            resources.push(cx.shown(object::document(cx, &loaded, wanted), &query.projection));
        }
    }
    Ok(ListPage {
        total,
        start_index: page.start,
        resources,
    })
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

/// The candidates that satisfy the filter, each with the document that was looked at.
async fn matching(
    cx: &Context,
    filter: Option<&Filter>,
    loaded: Vec<Loaded>,
    looked_at: &Arc<Wanted>,
) -> Result<Vec<(Document, Match)>, Error> {
    let matcher = filter.map(|filter| Matcher::new(filter, cx.schema()));
    let (own, looked_at) = (cx.clone(), Arc::clone(looked_at));
    offload(cx, loaded.len() > MANY, move || {
        let cx = own;
        let mut matches = Vec::new();
        for one in loaded {
            let mut doc = object::document(&cx, &one, &looked_at);
            links::absolute(&mut doc, &cx.base_url, cx.schema());
            if matcher.as_ref().is_none_or(|m| m.matches(&doc)) {
                matches.push((doc, Match::Entity(one.entity)));
            }
        }
        matches
    })
    .await
}
