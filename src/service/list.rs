//! `GET /Type`: filter, sort, page, live against Graph.
//!
//! Graph filters, counts and pages what it can. A query that Graph answers only in part is
//! completed here over all the candidates (never over a page of them), up to a bound; one that
//! Graph cannot narrow down at all is refused.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Context, Error,
    error::is_absent,
    fetch::{self, Loaded, Wanted},
};
use crate::{
    graph::BatchItem,
    odata::request::Request,
    resources::{Candidates, Listing},
    scim::{
        Document,
        error::{Error as ScimError, Kind},
        filter::{self, Filter},
        list::ListQuery,
        projection::Projection,
        sort::{self, SortOrder},
    },
    translation::{PushDown, RelationFilter},
};

/// Graph's largest page of directory objects.
const GRAPH_PAGE: usize = 999;

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
pub async fn list(cx: &Context<'_>, query: &ListQuery) -> Result<ListPage, Error> {
    let settings = &cx.app.settings;
    let count = query
        .count
        .unwrap_or(settings.default_page)
        .min(settings.max_page);
    let page = Page {
        start: query.start_index.max(1),
        count,
    };
    if cx.room.kind.listing == Listing::Whole {
        let all = cx
            .tenant
            .graph
            .collect(&cx.call, &whole(cx), settings.scan_limit)
            .await?;
        return evaluated(cx, query, query.filter.as_ref(), all, page).await;
    }
    let Some(filter) = &query.filter else {
        if sorts_here(cx, query, false) {
            let all = candidates(
                cx,
                query,
                None,
                Request::get(cx.room.kind.collection).advanced(),
            )
            .await?;
            return evaluated(cx, query, None, all, page).await;
        }
        return paged(cx, query, None, page).await;
    };
    let pushed = cx.room.mapping.push_down(filter)?;
    if pushed.nothing {
        return Ok(ListPage {
            total: 0,
            start_index: page.start,
            resources: Vec::new(),
        });
    }
    if let Some(relation) = &pushed.relation {
        let rest = without_relation(cx, filter, relation);
        let all = related(cx, query, rest.as_ref(), relation).await?;
        return evaluated(cx, query, rest.as_ref(), all, page).await;
    }
    if let Some(id) = &pushed.id {
        let all = pinned(cx, query, id).await?;
        return evaluated(cx, query, Some(filter), all, page).await;
    }
    if pushed.exact && !sorts_here(cx, query, true) {
        return paged(cx, query, Some(&pushed), page).await;
    }
    let mut request = Request::get(cx.room.kind.collection);
    if let Some(expr) = &pushed.expr {
        request = request.filter(expr);
    }
    if pushed.advanced {
        request = request.advanced();
    }
    let all = candidates(cx, query, Some(filter), request).await?;
    evaluated(cx, query, Some(filter), all, page).await
}

/// What part of the matches is asked for.
#[derive(Clone, Copy)]
struct Page {
    start: usize,
    count: usize,
}

impl Page {
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
}

fn whole(cx: &Context<'_>) -> Request {
    Request::get(cx.room.kind.collection)
}

/// The Graph property to order by, when Graph can do it.
fn graph_order(cx: &Context<'_>, query: &ListQuery) -> Option<String> {
    let by = query.sort_by.as_ref()?;
    cx.room.mapping.order_by(by)
}

fn sorts_here(cx: &Context<'_>, query: &ListQuery, _filtered: bool) -> bool {
    query.sort_by.is_some() && graph_order(cx, query).is_none()
}

/// Graph counts and pages; the pages are walked from the first, because Graph has no offset.
async fn paged(
    cx: &Context<'_>,
    query: &ListQuery,
    pushed: Option<&PushDown>,
    page: Page,
) -> Result<ListPage, Error> {
    let wanted = Wanted::for_answer(cx, &query.projection, None, None, true);
    let base = || {
        let request = Request::get(cx.room.kind.collection);
        match pushed.and_then(|p| p.expr.as_ref()) {
            Some(expr) => request.filter(expr),
            None => request,
        }
    };
    if page.count == 0 {
        let total = count(cx, base()).await?;
        return Ok(ListPage {
            total,
            start_index: page.start,
            resources: Vec::new(),
        });
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
    let request = fetch::shape(request.top(page.reach().min(GRAPH_PAGE)), &wanted, true);
    let mut answer = cx.tenant.graph.page(&cx.call, &request).await?;
    let counted = answer.count;
    let mut seen = 0;
    let mut entities = Vec::with_capacity(page.count);
    loop {
        for entity in std::mem::take(&mut answer.items) {
            seen += 1;
            if seen >= page.start && entities.len() < page.count {
                entities.push(entity);
            }
        }
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
    let total = match (counted, &answer.next) {
        (Some(total), _) => usize::try_from(total).unwrap_or(usize::MAX).max(seen),
        (None, None) => seen,
        (None, Some(_)) => count(cx, base()).await?.max(seen),
    };
    let loaded = fetch::many(cx, entities, &wanted).await?;
    let resources = project(cx, &loaded, &wanted, &query.projection);
    Ok(ListPage {
        total,
        start_index: page.start,
        resources,
    })
}

async fn count(cx: &Context<'_>, request: Request) -> Result<usize, Error> {
    let request = request.advanced().top(1).select(["id"]);
    let answer = cx.tenant.graph.page(&cx.call, &request).await?;
    let count = answer
        .count
        .ok_or_else(|| fetch::protocol("Graph gave no count"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// All objects that the request matches, with what the filter, the sort and the answer look at.
async fn candidates(
    cx: &Context<'_>,
    query: &ListQuery,
    filter: Option<&Filter>,
    request: Request,
) -> Result<Vec<Value>, Error> {
    let wanted = Wanted::for_answer(cx, &query.projection, filter, query.sort_by.as_ref(), true);
    let request = fetch::shape(request.top(GRAPH_PAGE), &wanted, true);
    Ok(cx
        .tenant
        .graph
        .collect(&cx.call, &request, cx.app.settings.scan_limit)
        .await?)
}

/// The one object that the filter pins by id, or none.
async fn pinned(cx: &Context<'_>, query: &ListQuery, id: &str) -> Result<Vec<Value>, Error> {
    let filter = query.filter.as_ref();
    let wanted = Wanted::for_answer(cx, &query.projection, filter, query.sort_by.as_ref(), false);
    let bare = Wanted {
        related: only_expanded(&wanted),
        ..wanted
    };
    match fetch::one(cx, id, &bare).await {
        Ok(loaded) => Ok(vec![loaded.entity]),
        Err(error) if error.scim.kind == Kind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn only_expanded<'a>(wanted: &Wanted<'a>) -> Vec<super::Related<'a>> {
    wanted
        .related
        .iter()
        .copied()
        .filter(|r| r.relation.expand().is_some())
        .collect()
}

/// The objects whose relation holds the value: asked from the other end of the relation.
async fn related(
    cx: &Context<'_>,
    query: &ListQuery,
    rest: Option<&Filter>,
    relation: &RelationFilter,
) -> Result<Vec<Value>, Error> {
    let declared = cx.room.kind.relation(&relation.relation).ok_or_else(|| {
        ScimError::invalid_filter(format!("'{}' cannot be filtered on", relation.relation))
    })?;
    if !crate::resources::is_object_id(&relation.value) {
        return Ok(Vec::new());
    }
    let wanted = Wanted::for_answer(cx, &query.projection, rest, query.sort_by.as_ref(), true);
    let limit = cx.app.settings.scan_limit;
    match declared.candidates(&relation.value) {
        None => Err(ScimError::invalid_filter(format!(
            "'{}' cannot be filtered on: Graph has no way to ask for it",
            relation.relation
        ))
        .into()),
        Some(Candidates::Objects(alternatives)) => {
            for request in alternatives {
                let request = fetch::shape(request, &wanted, true);
                match cx.tenant.graph.collect(&cx.call, &request, limit).await {
                    Ok(all) => return Ok(all),
                    Err(error) if is_absent(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(Vec::new())
        }
        Some(Candidates::Ids(request, property)) => {
            let listed = match cx.tenant.graph.collect(&cx.call, &request, limit).await {
                Ok(listed) => listed,
                Err(error) if is_absent(&error) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut ids: Vec<String> = listed
                .iter()
                .filter_map(|item| item.get(property).and_then(Value::as_str))
                .map(str::to_owned)
                .collect();
            ids.sort_unstable();
            ids.dedup();
            by_ids(cx, &ids, &wanted).await
        }
    }
}

/// Reads objects one by one, in batches. What is no object of this type (a service principal
/// among the holders of a role) is no match.
async fn by_ids(
    cx: &Context<'_>,
    ids: &[String],
    wanted: &Wanted<'_>,
) -> Result<Vec<Value>, Error> {
    let item = |id: &String| {
        BatchItem::new(fetch::shape(
            Request::get(cx.room.kind.object_path(id)),
            wanted,
            false,
        ))
    };
    let replies = cx
        .tenant
        .graph
        .batch(&cx.call, ids.iter().map(item).collect())
        .await?;
    let mut entities = Vec::with_capacity(ids.len());
    for reply in replies {
        match reply {
            Ok(reply) => entities.push(reply.body),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(entities)
}

/// The filter without the conjuncts that the relation has answered.
fn without_relation(
    cx: &Context<'_>,
    filter: &Filter,
    relation: &RelationFilter,
) -> Option<Filter> {
    match filter {
        Filter::And(a, b) => {
            match (
                without_relation(cx, a, relation),
                without_relation(cx, b, relation),
            ) {
                (Some(a), Some(b)) => Some(Filter::And(Box::new(a), Box::new(b))),
                (one, other) => one.or(other),
            }
        }
        leg => {
            let answers = cx.room.mapping.push_down(leg).is_ok_and(|p| {
                p.relation
                    .as_ref()
                    .is_some_and(|r| r.relation == relation.relation && r.value == relation.value)
            });
            (!answers).then(|| leg.clone())
        }
    }
}

/// Filters, sorts and pages complete candidates here.
async fn evaluated(
    cx: &Context<'_>,
    query: &ListQuery,
    filter: Option<&Filter>,
    entities: Vec<Value>,
    page: Page,
) -> Result<ListPage, Error> {
    let schema = cx.room.schema();
    let answer = Wanted::for_answer(cx, &query.projection, filter, query.sort_by.as_ref(), true);
    let looked_at = looked_at(cx, filter, query);
    let nothing = Projection::all();
    let narrow = Wanted::new(cx, &nothing, looked_at, None, None, true);
    let narrow = Wanted {
        per_object: Vec::new(),
        ..narrow
    };
    let loaded: Vec<Loaded> = if narrow.related.is_empty() {
        let bare = |entity: Value| Loaded {
            id: fetch::id_of(cx, &entity).unwrap_or_default(),
            entity,
            edges: Vec::new(),
        };
        entities.into_iter().map(bare).collect()
    } else {
        fetch::many(cx, entities, &narrow).await?
    };
    let mut matches: Vec<Document> = Vec::new();
    let mut by_id: HashMap<String, Value> = HashMap::new();
    for one in loaded {
        let doc = fetch::document(cx, &one, &narrow);
        if filter.is_none_or(|f| filter::matches(f, &doc, schema)) {
            matches.push(doc);
            by_id.insert(one.id, one.entity);
        }
    }
    if let Some(by) = &query.sort_by {
        sort::sort(&mut matches, by, query.sort_order, schema);
    }
    let total = matches.len();
    let id = |doc: &Document| doc.get("id").and_then(Value::as_str).map(str::to_owned);
    let entities = page
        .cut(matches)
        .iter()
        .filter_map(|doc| by_id.remove(&id(doc)?))
        .collect();
    let loaded = fetch::many(cx, entities, &answer).await?;
    let resources = project(cx, &loaded, &answer, &query.projection);
    Ok(ListPage {
        total,
        start_index: page.start,
        resources,
    })
}

/// The relations that the filter or the sort look at.
fn looked_at<'a>(
    cx: &'a Context<'a>,
    filter: Option<&Filter>,
    query: &ListQuery,
) -> Vec<super::Related<'a>> {
    let mut paths = Vec::new();
    if let Some(filter) = filter {
        filter.paths(&mut paths);
    }
    paths.extend(query.sort_by.as_ref());
    cx.room
        .relations()
        .filter(|r| {
            paths
                .iter()
                .any(|p| p.attr == r.row.path.attr && p.urn == r.row.path.urn)
        })
        .collect()
}

fn project(
    cx: &Context<'_>,
    loaded: &[Loaded],
    wanted: &Wanted<'_>,
    projection: &Projection,
) -> Vec<Document> {
    let schema = cx.room.schema();
    loaded
        .iter()
        .map(|l| projection.apply(&fetch::document(cx, l, wanted), schema))
        .collect()
}
