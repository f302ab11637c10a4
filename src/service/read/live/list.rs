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
        super::{Context, Error, memory::Room},
        Wanted,
    },
    object::{self, Loaded},
    own_writes, related,
    render::{self, ListPage},
    scan::{Source, scan},
};
use crate::{
    odata::request::Request,
    resources::Listing,
    scim::{
        error::Kind,
        filter::Filter,
        list::ListQuery,
        sort::{SortOrder, Sorter},
    },
    translation::PushDown,
};

/// Graph's largest page of directory objects.
const GRAPH_PAGE: usize = 999;

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
        return scan(cx, query, filter, Source::Walk(collection), page).await;
    }
    let sorts_here = query.sort_by.is_some() && graph_order(cx, query).is_none();
    let Some(filter) = filter else {
        if sorts_here {
            let source = candidates(cx, query, None, collection.advanced());
            return scan(cx, query, None, source, page).await;
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
        return scan(cx, query, pushed.rest.as_ref(), Source::Known(all), page).await;
    }
    if let Some(id) = &pushed.id {
        let all = pinned(cx, query, id).await?;
        return scan(cx, query, Some(filter), Source::Known(all), page).await;
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
    let source = candidates(cx, query, pushed.rest.as_ref(), request);
    scan(cx, query, pushed.rest.as_ref(), source, page).await
}

/// All objects that the request matches, with what the filter, the sort and the answer look at.
fn candidates(
    cx: &Context,
    query: &ListQuery,
    filter: Option<&Filter>,
    request: Request,
) -> Source {
    let wanted = entity_wanted(cx, query, filter);
    Source::Walk(object::shape(cx, request.top(GRAPH_PAGE), &wanted, true))
}

/// What part of the matches is asked for.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) start: usize,
    pub(super) count: usize,
}

impl Window {
    /// How many objects, from the first, must be walked to have the page.
    pub(super) fn reach(self) -> usize {
        (self.start - 1).saturating_add(self.count)
    }

    fn empty(self, total: usize) -> ListPage {
        render::page(total, self.start, Vec::new(), Room::default())
    }
}

/// The Graph property to order by, when Graph can do it.
fn graph_order(cx: &Context, query: &ListQuery) -> Option<String> {
    cx.mapping().order_by(query.sort_by.as_ref()?)
}

/// What one read of the entities has to bring: for the answer, and for the filter and the sort.
pub(super) fn entity_wanted(cx: &Context, query: &ListQuery, filter: Option<&Filter>) -> Wanted {
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
    let room = render::room(cx, &answer, page.count).await?;
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
    if let Some(by) = sort_by.filter(|_| !own.is_empty()) {
        loaded.extend(own);
        let sorter = Sorter::new(by, query.sort_order, cx.schema());
        let key = |loaded: &Loaded| sorter.key(&object::document(cx, loaded, &answer));
        let mut keyed: Vec<_> = loaded.into_iter().map(|one| (key(&one), one)).collect();
        keyed.sort_by(|(a, _), (b, _)| sorter.compare(a, b));
        loaded = keyed.into_iter().map(|(_, one)| one).collect();
    } else {
        loaded.extend(own);
    }
    loaded.truncate(page.count);
    let loaded = loaded.into_iter().map(|one| (one, Arc::clone(&answer)));
    let texts = render::render(cx, loaded.collect(), &query.projection).await?;
    Ok(render::page(total, page.start, texts, room))
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

/// The one object that the filter pins by id, or none.
async fn pinned(cx: &Context, query: &ListQuery, id: &str) -> Result<Vec<Value>, Error> {
    let wanted = entity_wanted(cx, query, query.filter.as_ref()).only_entity(&cx.mapped);
    match object::one(cx, id, &wanted).await {
        Ok(loaded) => Ok(vec![loaded.entity]),
        Err(error) if error.scim.kind == Kind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
