//! Objects of which a page was not believed, because an own write seemed newer: they are read again
//! by id until Graph agrees, or the guard is over and Graph has the last word.

use serde_json::Value;

use super::{keeper::Keeper, lease::Lease, links};
use crate::{
    graph::{BatchItem, Refusal},
    odata::request::{Request, segment},
    resources::{Edge, EdgeKind, Side, edge::End},
    service::{
        MappedType,
        replica::{
            Fault,
            apply::{Apply, DIRECTORY, WITH_LINKS},
            count,
            guard::AGREED,
            rows::to_row,
        },
    },
    store::replica::EdgeRow,
};

/// Graph's largest page.
const PAGE: usize = 999;

/// Objects read again in one round.
const MOST: i64 = 200;

/// Reads those again that are due.
pub(super) async fn run(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let (store, tenant) = (&keeper.app.store, &keeper.tenant.name);
    let due = store.rechecks(tenant, keeper.now(), MOST).await?;
    for (kind, id) in due {
        one(keeper, lease, &kind, &id).await?;
        count(&keeper.tenant.replica.counters.rechecks, 1);
    }
    Ok(())
}

async fn one(keeper: &Keeper, lease: &Lease, kind: &str, id: &str) -> Result<(), Fault> {
    let tenant = &keeper.tenant.name;
    let noted = kind;
    let kind = noted.trim_end_matches(WITH_LINKS);
    let Some(of) = keeper.of(kind).cloned() else {
        let mut tx = lease.begin().await?;
        tx.rechecked(tenant, noted, id).await?;
        tx.commit().await?;
        return Ok(());
    };
    let path = of.kind.object_path(id);
    let mut object = Request::get(path.clone()).select(&of.shape.select);
    for relation in of.kind.relations {
        if let Some((plain, _)) = relation.expand() {
            object = object.option("$expand", plain);
        }
    }
    let bin = Request::get(format!("/directory/deletedItems/{}", segment(id))).select(["id"]);
    let items = vec![BatchItem::new(object), BatchItem::new(bin)];
    let mut replies = keeper
        .tenant
        .graph
        .batch(&keeper.call(), items)
        .await?
        .into_iter();
    let (object, bin) = (replies.next(), replies.next());
    let deleted = matches!(bin, Some(Ok(_)));
    let found = match object {
        Some(Ok(reply)) => Some(reply.body),
        Some(Err(error)) if error.refusal() == Some(Refusal::Absent) => None,
        Some(Err(error)) => return Err(error.into()),
        None => None,
    };
    let mut lists = Vec::new();
    let (mut to, mut reports) = (Vec::new(), Vec::new());
    // What was dead and is there again has its links again, however that is found out.
    let was_dead = keeper
        .app
        .store
        .tombstone(tenant, kind, id)
        .await?
        .is_some();
    if found.is_some() && !deleted {
        let Some(links) = links_of(keeper, &of, id).await? else {
            return later(keeper, lease, noted, id).await;
        };
        lists = links;
        let ends = lists.iter().flat_map(|(_, ends)| ends);
        links::name_foreign(keeper, lease, ends).await?;
        if noted != kind || was_dead {
            let links = links_to(keeper, &of, id).await?;
            let theirs = reports_of(keeper, &of, id).await?;
            let (Some(links), Some(theirs)) = (links, theirs) else {
                return later(keeper, lease, noted, id).await;
            };
            (to, reports) = (links, theirs);
        }
    }
    let mut tx = lease.begin().await?;
    let times = keeper.tenant.replica.times(keeper.app.clock.as_ref(), 0);
    let ids = [id.to_owned()];
    let grave = tx.tombstones(tenant, kind, &ids).await?.pop();
    let row = tx.objects(tenant, kind, &ids).await?.pop();
    let young = |at: i64| at > 0 && times.now - at < times.longest;
    let agrees = match (&found, &grave) {
        // Deleted here, and Graph still shows it: it is lag while the bin has it or the grave is
        // fresh; else somebody restored it.
        (Some(_), Some(grave)) => {
            let lags = deleted || times.now - grave.at < 2 * AGREED;
            if grave.own && lags && young(grave.at) {
                false
            } else {
                tx.forget_tombstones(tenant, kind, &ids).await?;
                true
            }
        }
        (None, Some(_)) | (Some(_), None) => true,
        (None, None) => row.as_ref().is_none_or(|row| !young(row.written)),
    };
    tx.rechecked(tenant, noted, id).await?;
    if agrees {
        let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
        match found.filter(|_| !deleted) {
            Some(entity) => {
                let mut whole = vec![entity];
                links::spell_out(&of, &mut whole);
                apply.entities(&of, whole).await?;
                for (edge, ends) in lists {
                    settle(&mut apply, edge, id, ends).await?;
                }
                for (edge, groups) in to {
                    let end = End {
                        kind: Some(of.kind.name),
                        ..End::of(id)
                    };
                    for group in groups {
                        let told = links::Links {
                            added: vec![end.clone()],
                            removed: Vec::new(),
                        };
                        let all = std::iter::once((group, told)).collect();
                        links::apply(&mut apply, edge, all).await?;
                    }
                }
                apply.edges(reports, Vec::new()).await?;
            }
            None => apply.remove(kind, &ids, false).await?,
        }
        apply.finish().await?;
    } else {
        tx.recheck(tenant, noted, &ids, times.now + AGREED).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// It went while it was read. Should it be there again when the change query is asked, nothing would
/// tell of its links: it is looked at again.
async fn later(keeper: &Keeper, lease: &Lease, noted: &str, id: &str) -> Result<(), Fault> {
    let mut tx = lease.begin().await?;
    let tenant = &keeper.tenant.name;
    tx.recheck(tenant, noted, &[id.to_owned()], keeper.now())
        .await?;
    tx.commit().await?;
    Ok(())
}

/// The groups that an object is a member or owner of; `None` when it is gone.
async fn links_to(
    keeper: &Keeper,
    of: &MappedType,
    id: &str,
) -> Result<Option<Vec<(EdgeKind, Vec<String>)>>, Fault> {
    let object = of.kind.object_path(id);
    let mut lists = vec![(EdgeKind::Member, "memberOf")];
    if of.kind.name == "User" {
        lists.push((EdgeKind::Owner, "ownedObjects"));
    }
    let mut all = Vec::new();
    for (kind, navigation) in lists {
        let request = Request::get(format!("{object}/{navigation}"))
            .select(["id"])
            .top(PAGE);
        let graph = &keeper.tenant.graph;
        let items = match graph.collect(&keeper.call(), &request, usize::MAX).await {
            Ok(items) => items,
            Err(error) if error.refusal() == Some(Refusal::Absent) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let groups = items
            .iter()
            .filter_map(End::of_directory_object)
            .filter(|end| end.kind == Some("Group"))
            .map(|end| end.id.to_ascii_lowercase());
        all.push((kind, groups.collect()));
    }
    Ok(Some(all))
}

/// Those who report to a user, as edges to it; `None` when it is gone.
async fn reports_of(
    keeper: &Keeper,
    of: &MappedType,
    id: &str,
) -> Result<Option<Vec<EdgeRow>>, Fault> {
    if of.kind.name != "User" {
        return Ok(Some(Vec::new()));
    }
    let path = format!("{}/directReports", of.kind.object_path(id));
    let request = Request::get(path).select(["id"]).top(PAGE);
    let graph = &keeper.tenant.graph;
    let items = match graph.collect(&keeper.call(), &request, usize::MAX).await {
        Ok(items) => items,
        Err(error) if error.refusal() == Some(Refusal::Absent) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let ends = items.iter().filter_map(|item| item.get("id")?.as_str());
    let edge = |report: &str| Edge::new(EdgeKind::Manager, End::of(report), End::of(id));
    Ok(Some(
        ends.map(|report| to_row(&edge(report), 0, 0)).collect(),
    ))
}

/// The members and owners of a group, all of them; `None` when it is gone.
async fn links_of(
    keeper: &Keeper,
    of: &MappedType,
    id: &str,
) -> Result<Option<Vec<(EdgeKind, Vec<End>)>>, Fault> {
    let mut all = Vec::new();
    for relation in of.kind.relations {
        let (kind, side) = relation.edge();
        if side != Side::From || !matches!(kind, EdgeKind::Member | EdgeKind::Owner) {
            continue;
        }
        for request in relation.lists(id) {
            let graph = &keeper.tenant.graph;
            let items: Vec<Value> = match graph.collect(&keeper.call(), &request, usize::MAX).await
            {
                Ok(items) => items,
                Err(error) if error.refusal() == Some(Refusal::Absent) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            all.push((
                kind,
                items.iter().filter_map(End::of_directory_object).collect(),
            ));
        }
    }
    Ok(Some(all))
}

/// Makes the links of a group those of a whole list, own writes apart.
async fn settle(
    apply: &mut Apply<'_>,
    kind: EdgeKind,
    group: &str,
    ends: Vec<End>,
) -> Result<(), Fault> {
    let relation = [crate::store::replica::relation_name(kind)];
    let ids = [group.to_owned()];
    let tenant = apply.tenant.name.as_str();
    let known = apply
        .tx
        .all_edges(tenant, &relation, crate::store::replica::Near::From, &ids)
        .await?;
    let there: Vec<String> = ends.iter().map(|end| end.id.to_ascii_lowercase()).collect();
    let there: std::collections::HashSet<&str> = there.iter().map(String::as_str).collect();
    let removed = known
        .iter()
        .filter(|row| !row.removed && !there.contains(row.to.as_str()))
        .map(|row| row.to.clone())
        .collect();
    let gone: Vec<_> = known
        .iter()
        .filter(|row| !there.contains(row.to.as_str()))
        .cloned()
        .collect();
    apply.doubt(&gone).await?;
    let told = links::Links {
        added: ends,
        removed,
    };
    let all = std::iter::once((group.to_owned(), told)).collect();
    links::apply(apply, kind, all).await
}
