//! What any instance wrote moments ago, from the store into this process's memory of recent writes: so
//! that what is read of Graph, or written to it, knows of it.

use super::{
    super::{Context, Error},
    compute,
    guard::Guard,
    rows::{kind_of, to_edge},
};
use crate::{resources::Side, scim::datetime, store::replica::ObjectRow};

/// How long an object is new: Graph may not know it yet, in microseconds.
const NEW: i64 = 20 * 60 * 1_000_000;

/// Own writes to an object and to its edges.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn own_writes(cx: &Context, id: &str) -> Result<(), Error> {
    if !cx.tenant.replica.settings.on {
        return Ok(());
    }
    let (store, tenant, kind) = (&cx.app.store, &cx.tenant.name, cx.kind().name);
    let since = since(cx);
    let now = cx.app.clock.now();
    let recent = &cx.tenant.recent;
    let ids = [id.to_owned()];
    for row in store.objects(tenant, kind, &ids).await? {
        object(cx, kind, &row);
    }
    if let Some(tombstone) = store.tombstone(tenant, kind, id).await?
        && tombstone.own
        && tombstone.at >= since
    {
        recent.objects.deleted_earlier(kind, id, now);
    }
    for row in store.edges_written(tenant, id, since).await? {
        let Some(edge_kind) = kind_of(&row) else {
            continue;
        };
        let edge = to_edge(&row, edge_kind, Side::From);
        if row.removed {
            recent.edges.removed(&edge, now);
        } else {
            recent.edges.added(edge, now);
        }
    }
    Ok(())
}

/// Which of those objects, of whatever type, were made here moments ago.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn new_objects(cx: &Context, ids: &[String]) -> Result<(), Error> {
    if !cx.tenant.replica.settings.on {
        return Ok(());
    }
    let ids: Vec<String> = ids
        .iter()
        .filter(|id| crate::resources::is_object_id(id))
        .cloned()
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    for of in &cx.tenant.types {
        let rows = cx
            .app
            .store
            .objects(&cx.tenant.name, of.kind.name, &ids)
            .await?;
        for row in rows {
            object(cx, of.kind.name, &row);
        }
    }
    Ok(())
}

fn since(cx: &Context) -> i64 {
    let times = cx.tenant.replica.times(cx.app.clock.as_ref(), 0);
    times.now - times.longest
}

fn object(cx: &Context, kind: &'static str, row: &ObjectRow) {
    if row.written < since(cx) || row.written == 0 {
        return;
    }
    let now = cx.app.clock.now();
    let objects = &cx.tenant.recent.objects;
    let born = row.created.as_deref().and_then(datetime::instant);
    let born = born.map(|at| i64::try_from(at.nanoseconds().div_euclid(1000)).unwrap_or_default());
    if born.is_some_and(|born| super::micros(cx.app.clock.as_ref()) - born < NEW) {
        objects.imported(kind, &row.id, compute::parse(row), now);
    }
    let guard = Guard::parse(row.guard.as_deref());
    for (name, new, old) in guard.known() {
        objects.superseded(kind, &row.id, name, old, new, now);
    }
}
