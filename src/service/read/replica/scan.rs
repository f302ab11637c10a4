//! What keys cannot say is evaluated on the documents that they leave, a chunk at a time.

use super::{
    super::{
        super::{Context, Error, offload},
        Related, Wanted,
        keep::Keep,
    },
    list::{Found, Window, selection},
    render,
};
use crate::{
    scim::{
        filter::Matcher,
        links,
        list::ListQuery,
        sort::{SortKey, Sorter},
    },
    store::replica::Order,
    translation::index::Compiled,
};

/// Objects looked at at once.
const CHUNK: i64 = 500;

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
        let mut rows = store.objects(&cx.tenant.name, cx.kind().name, &ids).await?;
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let ids: Vec<Found> = rows
            .iter()
            .map(|row| (row.id.clone(), row.modified))
            .collect();
        let relations: Vec<Related<'_>> = looked_at
            .relations
            .iter()
            .filter_map(|&i| cx.mapped.relation(i))
            .collect();
        let docs = render::whole(cx, rows, relations).await?;
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
