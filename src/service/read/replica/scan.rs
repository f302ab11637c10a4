//! What keys cannot say is evaluated on the documents that they leave, a chunk at a time.

use super::{
    super::{
        super::{
            Context, Error, offload,
            replica::{
                body,
                shape::{Kept, kept},
            },
        },
        Related, Wanted,
        keep::Keep,
    },
    list::{Found, Window, selection},
    render,
};
use crate::{
    scim::{
        Document,
        attr::AttrPath,
        filter::{Filter, Matcher},
        links,
        list::ListQuery,
        projection::Projection,
        sort::{SortKey, Sorter},
    },
    store::replica::{Order, Shown},
    translation::index::Compiled,
};

/// Objects looked at at once.
const CHUNK: i64 = 250;

/// How many match, and the objects of the window.
///
/// # Errors
/// 503 when the request's time is over; when the store does not answer.
pub(super) async fn scan(
    cx: &Context,
    query: &ListQuery,
    compiled: &Compiled,
    window: Window,
) -> Result<(usize, Vec<Found>), Error> {
    let filter = query.filter.as_ref().filter(|_| !compiled.exact);
    let sorter = query
        .sort_by
        .as_ref()
        .map(|by| Sorter::new(by, query.sort_order, cx.schema()));
    let looked_at = Wanted::looked_at(&cx.mapped, filter, query.sort_by.as_ref());
    let reach = (window.start - 1).saturating_add(window.count);
    let mut keep: Keep<Found> = Keep::new(sorter.clone(), reach);
    let quick = is_quick(cx, query, filter, &looked_at);
    let selection = selection(cx, &compiled.condition, Order::Id);
    let store = &cx.app.store;
    let mut after: Option<String> = None;
    let mut place = 0;
    loop {
        let ids = store
            .select_ids(&selection, after.as_deref(), 0, CHUNK)
            .await?;
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        let full = ids.len() == usize::try_from(CHUNK).unwrap_or_default();
        let (ids, docs) = documents(cx, &ids, &looked_at, quick).await?;
        let matcher = filter.map(|filter| Matcher::new(filter, cx.schema()));
        let (own, sorter) = (cx.clone(), sorter.clone());
        let matching = offload(cx, true, move || {
            let mut matching: Vec<(Found, Option<SortKey>)> = Vec::new();
            for (id, mut doc) in ids.into_iter().zip(docs) {
                links::absolute(&mut doc, &own.base_url, own.schema());
                if matcher.as_ref().is_none_or(|matcher| matcher.matches(&doc)) {
                    let key = sorter.as_ref().map(|sorter| sorter.key(&doc));
                    matching.push((id, key));
                }
            }
            matching
        })
        .await?;
        for (id, key) in matching {
            keep.push(key, place, || id);
            place += 1;
        }
        if !full {
            break;
        }
    }
    Ok(keep.finish(window.start - 1))
}

/// Whether the finished texts hold all that is looked at: they are read in a third of the time that
/// it takes to make a document.
fn is_quick(cx: &Context, query: &ListQuery, filter: Option<&Filter>, looked_at: &Wanted) -> bool {
    let mut paths: Vec<&AttrPath> = Vec::new();
    if let Some(filter) = filter {
        filter.paths(&mut paths);
    }
    paths.extend(&query.sort_by);
    let in_text = |related: Related<'_>| {
        let returned = related.row.attribute.returned;
        kept(related.relation) == Kept::InDocument
            && Projection::all().wants(&related.row.path, returned)
    };
    let mut relations = looked_at
        .relations
        .iter()
        .filter_map(|&i| cx.mapped.relation(i));
    let schemas = |path: &AttrPath| path.urn.is_none() && path.attr == "schemas";
    !cx.hides_role_groups()
        && relations.all(in_text)
        && paths
            .iter()
            .all(|path| !schemas(path) && cx.mapping().is_in_default_answer(path))
}

/// The documents of objects, in the order of their ids, as far as they are looked at.
async fn documents(
    cx: &Context,
    ids: &[String],
    looked_at: &Wanted,
    quick: bool,
) -> Result<(Vec<Found>, Vec<Document>), Error> {
    let (store, tenant, kind) = (&cx.app.store, &cx.tenant.name, cx.kind().name);
    if quick {
        let mut shown = store.shown(tenant, kind, ids).await?;
        shown.sort_by(|a, b| a.id.cmp(&b.id));
        let found = shown
            .iter()
            .map(|one| (one.id.clone(), one.modified))
            .collect();
        let own = cx.clone();
        let parse = move || {
            let texts = shown.into_iter();
            texts
                .map(|one| parsed(&own, &one))
                .collect::<Vec<Document>>()
        };
        return Ok((found, offload(cx, true, parse).await?));
    }
    let mut rows = store.objects(tenant, kind, ids).await?;
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let found = rows
        .iter()
        .map(|row| (row.id.clone(), row.modified))
        .collect();
    let relations = looked_at.relations.iter();
    let relations: Vec<Related<'_>> = relations.filter_map(|&i| cx.mapped.relation(i)).collect();
    Ok((found, render::whole(cx, rows, relations).await?))
}

fn parsed(cx: &Context, one: &Shown) -> Document {
    let mut doc: Document = serde_json::from_str(&one.body).unwrap_or_default();
    let meta = body::meta(cx.kind(), &one.id, one.created.as_deref(), one.modified, "");
    doc.insert("meta".into(), meta);
    doc
}
