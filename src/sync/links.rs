//! Members and owners as pages of groups tell of them: under the guards of own writes.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{keeper::Keeper, lease::Lease};
use crate::{
    odata::request::Request,
    resources::{Edge, EdgeKind, edge::End},
    service::{
        MappedType,
        replica::{Fault, apply::Apply, guard::AGREED, rows::to_row},
    },
    store::replica::{EdgeRow, relation_name},
};

/// Graph takes at most so many ids in `getByIds`.
const GET_BY_IDS: usize = 1000;

/// What a page says of the links of one relation of one group.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) added: Vec<End>,
    pub(super) removed: Vec<String>,
}

/// Says of objects that were read whole what a read leaves out: that there is nobody at the end of a
/// single-valued relation. A page of a change query says nothing by leaving it out.
pub(super) fn spell_out(of: &MappedType, entities: &mut [Value]) {
    let names: Vec<&str> = of
        .kind
        .relations
        .iter()
        .filter(|relation| relation.expand().is_some())
        .map(|relation| relation.name())
        .collect();
    for entity in entities.iter_mut().filter_map(Value::as_object_mut) {
        for name in &names {
            entity.entry(*name).or_insert(Value::Null);
        }
    }
}

/// The links of a relation that a page tells of, by the group's id, in its words: of a link that is
/// told of more than once, the last word counts.
pub(super) fn told(items: &[Value], relation: &str) -> BTreeMap<String, Links> {
    let name = format!("{relation}@delta");
    let mut last: BTreeMap<String, BTreeMap<String, Option<End>>> = BTreeMap::new();
    for item in items {
        let Some(id) = item.get("id").and_then(Value::as_str) else {
            continue;
        };
        let Some(links) = item.get(&name).and_then(Value::as_array) else {
            continue;
        };
        let of = last.entry(id.to_ascii_lowercase()).or_default();
        for link in links {
            let Some(end) = End::of_directory_object(link) else {
                continue;
            };
            let there = link.get("@removed").is_none();
            of.insert(end.id.to_ascii_lowercase(), there.then_some(end));
        }
    }
    last.into_iter()
        .map(|(id, links)| {
            let mut told = Links::default();
            for (far, end) in links {
                match end {
                    Some(end) => told.added.push(end),
                    None => told.removed.push(far),
                }
            }
            (id, told)
        })
        .collect()
}

/// The row of a link from a group.
fn row(kind: EdgeKind, group: &str, end: &End, generation: i64) -> EdgeRow {
    let near = End {
        kind: Some("Group"),
        ..End::of(group)
    };
    let edge = Edge::new(kind, near, end.clone());
    to_row(&edge, generation, 0)
}

/// Puts links that a page tells of into the replica.
pub(super) async fn apply(
    apply: &mut Apply<'_>,
    kind: EdgeKind,
    told: BTreeMap<String, Links>,
) -> Result<(), Fault> {
    let (mut put, mut gone) = (Vec::new(), Vec::new());
    let times = apply.times;
    let relation = relation_name(kind);
    for (group, links) in told {
        let added: Vec<String> = links
            .added
            .iter()
            .map(|end| end.id.to_ascii_lowercase())
            .collect();
        let mut ids = added.clone();
        ids.extend(links.removed.iter().cloned());
        let tenant = apply.tenant.name.as_str();
        let known = apply.tx.these_edges(tenant, relation, &group, &ids).await?;
        let mut known: HashMap<String, EdgeRow> =
            known.into_iter().map(|row| (row.to.clone(), row)).collect();
        let dead = dead(apply, &links.added).await?;
        let mut doubted = false;
        for end in &links.added {
            let far = end.id.to_ascii_lowercase();
            if dead.contains(&far) {
                continue;
            }
            let mut new = row(kind, &group, end, times.generation);
            match known.remove(&far) {
                Some(old) if old.removed && times.now - old.written < times.longest => {
                    apply.stale += 1;
                    doubted = true;
                }
                Some(old) if !old.removed && old.to_kind == new.to_kind => {
                    if times.generation > old.generation {
                        new.written = old.written;
                        put.push((new, false));
                    }
                }
                Some(old) => {
                    new.written = if old.removed { 0 } else { old.written };
                    put.push((new, true));
                }
                None => put.push((new, true)),
            }
        }
        for far in &links.removed {
            match known.remove(far) {
                Some(old)
                    if !old.removed
                        && old.written > 0
                        && times.now - old.written < times.longest =>
                {
                    apply.stale += 1;
                    doubted = true;
                }
                Some(old) if !old.removed => gone.push(old),
                _ => {}
            }
        }
        if doubted {
            let due = times.now + AGREED;
            apply.tx.recheck(tenant, "Group", &[group], due).await?;
        }
    }
    let (news, seen): (Vec<_>, Vec<_>) = put.into_iter().partition(|(_, is_new)| *is_new);
    let seen: Vec<EdgeRow> = seen.into_iter().map(|(row, _)| row).collect();
    apply.tx.put_edges(&apply.tenant.name, &seen).await?;
    apply
        .edges(news.into_iter().map(|(row, _)| row).collect(), gone)
        .await
}

/// Those of the ends that the replica saw deleted: a page may tell of their links still.
async fn dead(apply: &mut Apply<'_>, ends: &[End]) -> Result<Vec<String>, Fault> {
    let mut dead = Vec::new();
    for kind in ["User", "Group"] {
        let ids: Vec<String> = ends
            .iter()
            .filter(|end| end.kind == Some(kind))
            .map(|end| end.id.to_ascii_lowercase())
            .collect();
        if ids.is_empty() {
            continue;
        }
        let graves = apply.tx.tombstones(&apply.tenant.name, kind, &ids).await?;
        dead.extend(graves.into_iter().map(|grave| grave.id));
    }
    Ok(dead)
}

/// Takes out the links of groups that a whole list of them did not show.
pub(super) async fn sweep(
    apply: &mut Apply<'_>,
    kind: EdgeKind,
    groups: &[String],
) -> Result<(), Fault> {
    let times = apply.times;
    let tenant = apply.tenant.name.as_str();
    let written = times.now - times.longest;
    let unseen = apply
        .tx
        .unseen_edges(
            tenant,
            relation_name(kind),
            groups,
            times.generation,
            written,
        )
        .await?;
    let (removed, gone): (Vec<EdgeRow>, Vec<EdgeRow>) =
        unseen.into_iter().partition(|row| row.removed);
    apply.doubt(&gone).await?;
    apply.tx.remove_edges(tenant, &removed).await?;
    apply.edges(Vec::new(), gone).await
}

/// Reads the names of ends that are no resource types here and that the replica does not know.
pub(super) async fn name_foreign(
    keeper: &Keeper,
    lease: &Lease,
    ends: impl Iterator<Item = &End>,
) -> Result<(), Fault> {
    let mut ids: Vec<String> = ends
        .filter(|end| end.kind.is_none_or(|kind| keeper.of(kind).is_none()))
        .map(|end| end.id.to_ascii_lowercase())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let (store, tenant) = (&keeper.app.store, &keeper.tenant.name);
    for kind in FOREIGN {
        let known = store.object_names(tenant, kind, &ids).await?;
        ids.retain(|id| !known.iter().any(|(known, _)| known == id));
    }
    for ids in ids.chunks(GET_BY_IDS) {
        let body = json!({ "ids": ids });
        let request =
            Request::post("/directoryObjects/getByIds", body).select(["id", "displayName"]);
        let reply = keeper
            .tenant
            .graph
            .send_repeatable(&keeper.call(), &request)
            .await?;
        let items = reply.body.get("value").and_then(Value::as_array);
        let mut by_kind: BTreeMap<&str, Vec<End>> = BTreeMap::new();
        for end in items
            .into_iter()
            .flatten()
            .filter_map(End::of_directory_object)
        {
            if let Some(kind) = end.kind.filter(|kind| FOREIGN.contains(kind)) {
                by_kind.entry(kind).or_default().push(end);
            }
        }
        let mut tx = lease.begin().await?;
        for (kind, ends) in by_kind {
            let rows: Vec<_> = ends
                .into_iter()
                .map(|end| crate::store::replica::ObjectRow {
                    id: end.id.to_ascii_lowercase(),
                    name: end.display,
                    entity: "{}".to_owned(),
                    body: "{}".to_owned(),
                    modified: keeper.now(),
                    ..Default::default()
                })
                .collect();
            tx.put_objects(tenant, kind, &rows).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Directory objects that are related to ours and no resource types here.
const FOREIGN: [&str; 4] = ["ServicePrincipal", "Device", "Contact", "Object"];

/// Ends of links.
pub(super) fn ends(told: &BTreeMap<String, Links>) -> impl Iterator<Item = &End> {
    told.values().flat_map(|links| links.added.iter())
}
