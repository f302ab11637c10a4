//! Lists of types without a change query, read whole and compared.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{keeper::Keeper, lease::Lease};
use crate::{
    graph::Refusal,
    odata::request::Request,
    resources::{EdgeKind, Side, role_assignments::is_scheduled},
    service::replica::{
        Fault,
        apply::{Apply, DIRECTORY},
        count,
        guard::AGREED,
        rows::{is_held_otherwise, is_scheduled_row, to_row},
    },
    store::replica::{EdgeRow, Mark, Order, Selection, relation_name},
    translation::index::Condition,
};

/// Graph's largest page.
const PAGE: usize = 999;
/// Units whose members are asked for in one go.
const UNITS_AT_ONCE: usize = 100;
/// No such list has more.
const LIMIT: usize = 1_000_000;

/// A list of all objects of a type. `generation`: of the snapshot that it is part of, or 0.
pub(super) async fn whole(
    keeper: &Keeper,
    lease: &Lease,
    kind: &str,
    generation: i64,
) -> Result<(), Fault> {
    let Some(of) = keeper.of(kind).cloned() else {
        return Ok(());
    };
    let request = Request::get(of.kind.collection).select(&of.shape.select);
    let graph = &keeper.tenant.graph;
    let items = graph.collect(&keeper.call(), &request, LIMIT).await?;
    let seen: Vec<String> = items
        .iter()
        .filter_map(|item| {
            item.get(of.kind.id_property)?
                .as_str()
                .map(str::to_ascii_lowercase)
        })
        .collect();
    let first = keeper.is_first().await?;
    let mut tx = lease.begin().await?;
    let replica = &keeper.tenant.replica;
    let times = replica.times(keeper.app.clock.as_ref(), generation.max(keeper.now()));
    let tenant = &keeper.tenant.name;
    let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
    apply.quiet = first;
    // Few objects: their keys are put in anew when all is read.
    apply.rekey = generation > 0;
    apply.entities(&of, items).await?;
    let unseen = apply
        .tx
        .unseen_objects(
            tenant,
            kind,
            times.generation,
            times.now - times.longest,
            i64::MAX,
        )
        .await?;
    let gone: Vec<String> = unseen.into_iter().filter(|id| !seen.contains(id)).collect();
    apply.remove(kind, &gone, false).await?;
    finish(keeper, apply).await?;
    tx.commit().await?;
    Ok(())
}

async fn finish(keeper: &Keeper, apply: Apply<'_>) -> Result<(), Fault> {
    let counters = &keeper.tenant.replica.counters;
    count(&counters.stale, apply.stale);
    let changed = apply.finish().await?;
    count(
        &counters.changes,
        u64::try_from(changed).unwrap_or_default(),
    );
    Ok(())
}

/// All role assignments of the tenant.
pub(super) async fn assignments(
    keeper: &Keeper,
    lease: &Lease,
    generation: i64,
) -> Result<(), Fault> {
    let Some(roles) = keeper.of("Role") else {
        return Ok(());
    };
    let mut relations = roles.kind.relations.iter().copied();
    let Some(relation) = relations.find(|r| r.edge() == (EdgeKind::Role, Side::To)) else {
        return Ok(());
    };
    let Some(lists) = relation.shared_lists() else {
        return Ok(());
    };
    let mut read: Vec<Vec<Value>> = Vec::new();
    for request in lists {
        let licence = &keeper.tenant.licence;
        let now = keeper.app.clock.now();
        if licence.is_missing_for(&request, now) {
            read.push(Vec::new());
            continue;
        }
        let sized = if is_scheduled(&request) {
            request.clone()
        } else {
            request.clone().top(PAGE)
        };
        let graph = &keeper.tenant.graph;
        let list = graph.collect(&keeper.call(), &sized, LIMIT).await;
        read.push(match licence.judge(&request, list, now) {
            // What was known of it stays, and the rest is followed all the same.
            Err(_) if licence.is_withheld() => Vec::new(),
            list => list?,
        });
    }
    let mut desired: HashMap<(String, String, String), EdgeRow> = HashMap::new();
    let mut ends = Vec::new();
    for (role, lists) in by_role(read) {
        for edge in relation.edges(&role, &Value::Null, &lists) {
            ends.push(edge.from.clone());
            let row = to_row(&edge, generation, 0);
            desired.insert((row.from.clone(), row.to.clone(), row.part.clone()), row);
        }
    }
    super::links::name_foreign(keeper, lease, ends.iter()).await?;
    follow(keeper, lease, EdgeKind::Role, desired).await
}

/// Who is in the administrative units of the tenant.
pub(super) async fn units(keeper: &Keeper, lease: &Lease, generation: i64) -> Result<(), Fault> {
    let Some(units) = keeper.of("AdministrativeUnit") else {
        return Ok(());
    };
    let mut relations = units.kind.relations.iter().copied();
    let Some(relation) = relations.find(|r| r.edge() == (EdgeKind::Unit, Side::From)) else {
        return Ok(());
    };
    let selection = Selection {
        tenant: &keeper.tenant.name,
        kind: units.kind.name,
        condition: &Condition::All,
        order: Order::Id,
    };
    let store = &keeper.app.store;
    let ids = store.select_ids(&selection, None, 0, i64::MAX).await?;
    let mut desired: HashMap<(String, String, String), EdgeRow> = HashMap::new();
    let mut ends = Vec::new();
    for ids in ids.chunks(UNITS_AT_ONCE) {
        let requests = ids.iter().flat_map(|id| relation.lists(id)).collect();
        let graph = &keeper.tenant.graph;
        let lists = graph.collect_many(&keeper.call(), requests).await?;
        for (id, list) in ids.iter().zip(lists) {
            let list = match list {
                // Gone since the list of units was read.
                Err(error) if error.refusal() == Some(Refusal::Absent) => continue,
                list => list?,
            };
            for edge in relation.edges(id, &Value::Null, &[list]) {
                ends.push(edge.to.clone());
                let row = to_row(&edge, generation, 0);
                desired.insert((row.from.clone(), row.to.clone(), row.part.clone()), row);
            }
        }
    }
    super::links::name_foreign(keeper, lease, ends.iter()).await?;
    follow(keeper, lease, EdgeKind::Unit, desired).await
}

/// Makes the edges of a kind what was read, own writes apart.
async fn follow(
    keeper: &Keeper,
    lease: &Lease,
    kind: EdgeKind,
    mut desired: HashMap<(String, String, String), EdgeRow>,
) -> Result<(), Fault> {
    let first = keeper.is_first().await?;
    let mut tx = lease.begin().await?;
    let times = keeper.tenant.replica.times(keeper.app.clock.as_ref(), 0);
    let name = relation_name(kind);
    let mut known = tx.relation_edges(&keeper.tenant.name, name).await?;
    if kind == EdgeKind::Role && keeper.tenant.licence.is_withheld() {
        known.retain(|row| {
            let keeps = is_scheduled_row(row);
            if keeps {
                desired.remove(&(row.from.clone(), row.to.clone(), row.part.clone()));
            }
            !keeps
        });
    }
    let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
    apply.quiet = first;
    let (put, gone) = compare(desired, known, &mut apply);
    apply.edges(put, gone).await?;
    finish(keeper, apply).await?;
    tx.commit().await?;
    Ok(())
}

/// The lists, taken apart by the role that their items are of.
fn by_role(lists: Vec<Vec<Value>>) -> HashMap<String, Vec<Vec<Value>>> {
    let count = lists.len();
    let mut roles: HashMap<String, Vec<Vec<Value>>> = HashMap::new();
    for (at, list) in lists.into_iter().enumerate() {
        for item in list {
            let Some(role) = item.get("roleDefinitionId").and_then(Value::as_str) else {
                continue;
            };
            let of = roles
                .entry(role.to_ascii_lowercase())
                .or_insert_with(|| vec![Vec::new(); count]);
            if let Some(list) = of.get_mut(at) {
                list.push(item);
            }
        }
    }
    roles
}

/// What to put in and what to take out, so that what is known is what is desired, own writes apart.
fn compare(
    mut desired: HashMap<(String, String, String), EdgeRow>,
    known: Vec<EdgeRow>,
    apply: &mut Apply<'_>,
) -> (Vec<EdgeRow>, Vec<EdgeRow>) {
    let times = apply.times;
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    for old in known {
        let key = (old.from.clone(), old.to.clone(), old.part.clone());
        let age = times.now - old.written;
        let guarded = old.written > 0 && age < times.longest;
        match desired.remove(&key) {
            Some(_) if old.removed && guarded => apply.stale += 1,
            Some(new) if guarded && is_held_otherwise(&old, &new) => apply.stale += 1,
            Some(mut new)
                if old.removed || new.detail != old.detail || new.from_kind != old.from_kind =>
            {
                new.written = if old.removed { 0 } else { old.written };
                put.push(new);
            }
            Some(_) => {}
            None if old.removed => {
                if age >= AGREED {
                    gone.push(old);
                }
            }
            None if guarded => apply.stale += 1,
            None => gone.push(old),
        }
    }
    put.extend(desired.into_values());
    (put, gone)
}

/// The mark with the users whose licences were in error last time.
const IN_ERROR: &str = "licence_errors";

/// The change query does not tell of licences that a group gives and that could not be assigned:
/// whoever has such an error, or has it no longer, is read again.
pub(super) async fn licence_errors(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let groups = Request::get("/groups")
        .option("$filter", "hasMembersWithLicenseErrors eq true")
        .select(["id"])
        .top(PAGE);
    let graph = &keeper.tenant.graph;
    let groups = graph.collect(&keeper.call(), &groups, LIMIT).await?;
    let requests = groups
        .iter()
        .filter_map(|group| group.get("id")?.as_str())
        .map(|id| {
            Request::get(format!("/groups/{id}/membersWithLicenseErrors"))
                .select(["id"])
                .top(PAGE)
        })
        .collect();
    let mut now: BTreeSet<String> = BTreeSet::new();
    for list in graph.collect_many(&keeper.call(), requests).await? {
        let list = list?;
        let ids = list.iter().filter_map(|user| user.get("id")?.as_str());
        now.extend(ids.map(str::to_ascii_lowercase));
    }
    let before = keeper.mark(IN_ERROR).await?.unwrap_or_default();
    let before: BTreeSet<String> = serde_json::from_str(&before.value).unwrap_or_default();
    if before == now {
        return Ok(());
    }
    let changed: Vec<String> = before.symmetric_difference(&now).cloned().collect();
    let tenant = &keeper.tenant.name;
    let mut tx = lease.begin().await?;
    tx.recheck(tenant, "User", &changed, keeper.now()).await?;
    let mark = Mark {
        value: Value::from(now.into_iter().collect::<Vec<String>>()).to_string(),
        number: 0,
        at: keeper.now(),
    };
    tx.set_mark(tenant, IN_ERROR, &mark).await?;
    tx.commit().await?;
    Ok(())
}
