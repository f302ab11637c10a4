//! What was written here goes into the replica before the client hears of it.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use super::{
    super::{MappedType, Tenant},
    Fault,
    apply::Apply,
    compute::Times,
    guard::Guard,
    rows::to_row,
};
use crate::{
    resources::{Edge, EdgeKind},
    store::{
        Tx,
        replica::{EdgeRow, ObjectRow},
    },
};

/// Something that was written here.
#[derive(Clone, Debug)]
pub(crate) enum OwnWrite {
    /// An object was made, as this entity.
    Created {
        kind: &'static str,
        id: String,
        entity: Value,
    },
    /// Properties were changed.
    Changed {
        kind: &'static str,
        id: String,
        /// As it was read before.
        before: Value,
        written: Map<String, Value>,
    },
    /// An object was read after a change that Graph derives more from.
    Read { kind: &'static str, entity: Value },
    /// An object was deleted.
    Deleted { kind: &'static str, id: String },
    /// An edge was added or changed.
    Added(Edge),
    /// An edge was removed.
    Removed(Edge),
}

/// Puts own writes into the replica, in their order, within `tx`.
///
/// # Errors
/// [`Fault`]; then none of them is in it.
pub(crate) async fn record(
    tx: &mut Tx,
    tenant: &Tenant,
    writes: Vec<OwnWrite>,
    times: Times,
    cause: &str,
) -> Result<(), Fault> {
    let mut apply = Apply::new(tx, tenant, times, cause);
    let mut edges: Vec<(Edge, bool)> = Vec::new();
    for write in writes {
        match write {
            OwnWrite::Added(edge) => edges.push((edge, true)),
            OwnWrite::Removed(edge) => edges.push((edge, false)),
            OwnWrite::Created { kind, id, entity } => {
                created(&mut apply, kind, &id, entity).await?;
            }
            OwnWrite::Changed {
                kind,
                id,
                before,
                written,
            } => changed(&mut apply, kind, &id, before, &written).await?,
            OwnWrite::Read { kind, entity } => {
                if let Some(of) = of(tenant, kind) {
                    apply.entities(&of, vec![entity]).await?;
                }
            }
            OwnWrite::Deleted { kind, id } => apply.remove(kind, &[id], true).await?,
        }
    }
    let licensed = edges.iter().any(|(edge, _)| edge.kind == EdgeKind::Licence);
    if licensed {
        tenant
            .replica
            .licences_due
            .store(true, std::sync::atomic::Ordering::Release);
    }
    related(&mut apply, edges).await?;
    apply.finish().await?;
    Ok(())
}

fn of(tenant: &Tenant, kind: &str) -> Option<Arc<MappedType>> {
    tenant.types.iter().find(|of| of.kind.name == kind).cloned()
}

async fn created(
    apply: &mut Apply<'_>,
    kind: &'static str,
    id: &str,
    mut entity: Value,
) -> Result<(), Fault> {
    let Some(of) = of(apply.tenant, kind) else {
        return Ok(());
    };
    let ids = [id.to_ascii_lowercase()];
    let tenant = apply.tenant.name.as_str();
    // What is written is no older than the grave.
    apply.tx.forget_tombstones(tenant, kind, &ids).await?;
    // A page may have been quicker: it holds what Graph has made of the object, and tells it once.
    if let Some(row) = apply.tx.objects(tenant, kind, &ids).await?.pop()
        && let (Value::Object(entity), Value::Object(known)) =
            (&mut entity, super::compute::parse(&row))
    {
        entity.extend(known);
    }
    apply.entities(&of, vec![entity]).await?;
    mark(apply, kind, &ids[0], |row, now| row.written = now).await
}

async fn changed(
    apply: &mut Apply<'_>,
    kind: &'static str,
    id: &str,
    before: Value,
    written: &Map<String, Value>,
) -> Result<(), Fault> {
    let Some(of) = of(apply.tenant, kind) else {
        return Ok(());
    };
    let id = id.to_ascii_lowercase();
    let now = apply.times.now;
    let known = apply
        .tx
        .objects(&apply.tenant.name, kind, std::slice::from_ref(&id))
        .await?
        .pop();
    // An object that the replica does not know yet is put in as it was read.
    let mut entity = known
        .as_ref()
        .map_or_else(|| before.clone(), super::compute::parse);
    let mut guard = Guard::parse(known.as_ref().and_then(|row| row.guard.as_deref()));
    if let Value::Object(entity) = &mut entity {
        entity
            .entry(of.kind.id_property)
            .or_insert_with(|| id.clone().into());
        for (name, value) in written {
            let held = entity.get(name).cloned().unwrap_or_default();
            let read = before.get(name).cloned().unwrap_or_default();
            let new = if is_empty(value) {
                Value::Null
            } else {
                value.clone()
            };
            guard.write(name, &read, &new, now);
            if held != read && held != new {
                guard.write(name, &held, &new, now);
            }
            entity.insert(name.clone(), value.clone());
        }
    }
    let text = guard.text();
    if known.is_some() {
        mark(apply, kind, &id, |row, _| row.guard.clone_from(&text)).await?;
    }
    apply.entities(&of, vec![entity]).await?;
    mark(apply, kind, &id, |row, now| {
        row.written = now;
        row.guard.clone_from(&text);
    })
    .await
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Changes what is noted of an object's own writes.
async fn mark(
    apply: &mut Apply<'_>,
    kind: &str,
    id: &str,
    set: impl Fn(&mut ObjectRow, i64),
) -> Result<(), Fault> {
    let tenant = apply.tenant.name.as_str();
    let ids = [id.to_owned()];
    let mut rows = apply.tx.objects(tenant, kind, &ids).await?;
    for row in &mut rows {
        set(row, apply.times.now);
    }
    apply.tx.put_objects(tenant, kind, &rows).await?;
    Ok(())
}

async fn related(apply: &mut Apply<'_>, edges: Vec<(Edge, bool)>) -> Result<(), Fault> {
    if edges.is_empty() {
        return Ok(());
    }
    let now = apply.times.now;
    // Of an edge that was changed more than once, the last word counts.
    let mut last: HashMap<(String, String, String, String), EdgeRow> = HashMap::new();
    let mut order = Vec::new();
    for (edge, there) in edges {
        let mut row = to_row(&edge, 0, now);
        row.removed = !there;
        let key = (
            row.relation.clone(),
            row.from.clone(),
            row.to.clone(),
            row.part.clone(),
        );
        if last.insert(key.clone(), row).is_none() {
            order.push(key);
        }
    }
    let mut rows: Vec<EdgeRow> = order
        .into_iter()
        .filter_map(|key| last.remove(&key))
        .collect();
    supersede(apply, &mut rows).await?;
    name_kinds(apply, &mut rows).await?;
    look_after_licences(apply, &rows).await?;
    apply.edges(rows, Vec::new()).await
}

/// A user has one manager: another one takes the place of the one before.
async fn supersede(apply: &mut Apply<'_>, rows: &mut Vec<EdgeRow>) -> Result<(), Fault> {
    let reports: Vec<String> = rows
        .iter()
        .filter(|row| row.relation == "manager" && !row.removed)
        .map(|row| row.from.clone())
        .collect();
    let tenant = apply.tenant.name.as_str();
    let known = apply
        .tx
        .all_edges(
            tenant,
            &["manager"],
            crate::store::replica::Near::From,
            &reports,
        )
        .await?;
    for mut row in known {
        let said = rows
            .iter()
            .any(|new| new.relation == row.relation && new.from == row.from && new.to == row.to);
        if !said && !row.removed {
            row.removed = true;
            row.written = apply.times.now;
            rows.push(row);
        }
    }
    Ok(())
}

/// Who comes into a group with licences may get them later, or get an error in their place, of which
/// the change query does not tell: they are read again.
async fn look_after_licences(apply: &mut Apply<'_>, rows: &[EdgeRow]) -> Result<(), Fault> {
    let groups: Vec<String> = rows
        .iter()
        .filter(|row| row.relation == "member")
        .map(|row| row.from.clone())
        .collect();
    let tenant = apply.tenant.name.as_str();
    let near = crate::store::replica::Near::From;
    let licensed = apply
        .tx
        .all_edges(tenant, &["licence"], near, &groups)
        .await?;
    let users: Vec<String> = rows
        .iter()
        .filter(|row| row.relation == "member" && row.to_kind == "User")
        .filter(|row| licensed.iter().any(|licence| licence.from == row.from))
        .map(|row| row.to.clone())
        .collect();
    let due = apply.times.now + super::guard::AGREED;
    apply.tx.recheck(tenant, "User", &users, due).await?;
    Ok(())
}

/// Types of ends that can be looked up in the replica.
const LOOKED_UP: [&str; 6] = [
    "User",
    "Group",
    "ServicePrincipal",
    "Device",
    "Contact",
    "Object",
];

/// Clients name ends by their ids alone: what they are, the replica mostly knows.
async fn name_kinds(apply: &mut Apply<'_>, rows: &mut [EdgeRow]) -> Result<(), Fault> {
    let mut ids: Vec<String> = rows
        .iter()
        .flat_map(|row| {
            let from = row.from_kind.is_empty().then(|| row.from.clone());
            let to = row.to_kind.is_empty().then(|| row.to.clone());
            from.into_iter().chain(to)
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut kinds: HashMap<String, &'static str> = HashMap::new();
    for kind in LOOKED_UP {
        if kinds.len() == ids.len() {
            break;
        }
        let found = apply
            .tx
            .object_names(&apply.tenant.name, kind, &ids)
            .await?;
        for (id, _) in found {
            kinds.entry(id).or_insert(kind);
        }
    }
    let mut unknown = Vec::new();
    for row in rows.iter_mut() {
        for end in [true, false] {
            let (kind, id) = if end {
                (&mut row.from_kind, &row.from)
            } else {
                (&mut row.to_kind, &row.to)
            };
            if !kind.is_empty() {
                continue;
            }
            if let Some(known) = kinds.get(id) {
                (*known).clone_into(kind);
            } else {
                unknown.push((row.relation.clone(), row.from.clone()));
                break;
            }
        }
    }
    // What it is, Graph tells when the group is read again.
    for (relation, from) in unknown {
        if relation == "member" || relation == "owner" {
            let due = apply.times.now + super::guard::AGREED;
            let tenant = apply.tenant.name.as_str();
            apply.tx.recheck(tenant, "Group", &[from], due).await?;
        }
    }
    Ok(())
}
