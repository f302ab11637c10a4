//! All objects of a type, page by page: each is stored with the cursor of the next, while that is on
//! its way.

use std::sync::Arc;

use serde_json::Value;

use super::{
    keeper::Keeper,
    lease::Lease,
    links,
    snapshot::{cursor_name, is_done, set_done},
};
use crate::{
    graph::{NextLink, Page},
    odata::request::Request,
    resources::{EdgeKind, Side, edge::End},
    service::{
        MappedType,
        replica::{
            Fault,
            apply::{Apply, DIRECTORY},
            count,
        },
    },
    store::replica::Mark,
};

/// Graph's largest page of directory objects.
const PAGE: usize = 999;
/// Graph expands no more links than this.
const EXPANDED: usize = 20;
/// Objects stored in one transaction.
const PART: usize = 200;

/// Whether the keys that are stored are those of the present rules.
async fn is_keyed(keeper: &Keeper, of: &MappedType) -> Result<bool, Fault> {
    let mark = keeper.mark(&format!("rules:{}", of.kind.name)).await?;
    Ok(mark.is_some_and(|mark| mark.number == of.shape.fingerprint))
}

/// The first request of the list of all objects of a type.
fn list(of: &MappedType) -> Request {
    let mut expands: Vec<String> = Vec::new();
    for relation in of.kind.relations {
        let (kind, side) = relation.edge();
        if side != Side::From {
            continue;
        }
        if let Some((plain, _)) = relation.expand() {
            expands.push(plain.to_owned());
        } else if kind == EdgeKind::Owner {
            expands.push(format!("{}($select=id,displayName)", relation.name()));
        }
    }
    let request = Request::get(of.kind.collection)
        .top(PAGE)
        .select(&of.shape.select);
    if expands.is_empty() {
        request
    } else {
        request.option("$expand", expands.join(","))
    }
}

/// All objects of a type, page by page.
pub(super) async fn read(
    keeper: &Keeper,
    lease: &Lease,
    of: &Arc<MappedType>,
    generation: i64,
) -> Result<(), Fault> {
    let kind = of.kind.name;
    if is_done(keeper, kind).await? {
        keeper
            .tenant
            .replica
            .progress(|progress| progress.complete(kind));
        return Ok(());
    }
    let graph = &keeper.tenant.graph;
    let cursor = cursor_name(kind);
    let mut page: Page = match keeper.mark(&cursor).await? {
        Some(mark) => {
            let link = NextLink::from_stored(mark.value);
            match graph.next_page(&keeper.call(), &link, false).await {
                Ok(page) => page,
                // A page token that Graph has forgotten: the list begins again.
                Err(error) if matches!(error.status(), Some(400 | 410)) => {
                    graph.page(&keeper.call(), &list(of)).await?
                }
                Err(error) => return Err(error.into()),
            }
        }
        None => graph.page(&keeper.call(), &list(of)).await?,
    };
    loop {
        let next = page.next.take();
        // The next page is on its way while this one is stored.
        let call = keeper.call();
        let fetching = async {
            match &next {
                Some(link) => graph.next_page(&call, link, false).await.map(Some),
                None => Ok(None),
            }
        };
        let storing = store_page(
            keeper,
            lease,
            of,
            std::mem::take(&mut page.items),
            generation,
            next.as_ref(),
        );
        let (fetched, stored) = tokio::join!(fetching, storing);
        stored?;
        match fetched? {
            Some(more) => page = more,
            None => break,
        }
    }
    set_done(keeper, lease, kind).await?;
    keeper
        .tenant
        .replica
        .progress(|progress| progress.complete(kind));
    Ok(())
}

async fn store_page(
    keeper: &Keeper,
    lease: &Lease,
    of: &Arc<MappedType>,
    mut items: Vec<Value>,
    generation: i64,
    next: Option<&NextLink>,
) -> Result<(), Fault> {
    links::spell_out(of, &mut items);
    let owners = owners(keeper, of, &items).await?;
    links::name_foreign(keeper, lease, owners.iter().flat_map(|(_, ends)| ends)).await?;
    // In parts, so that a client that writes waits for one of them only; at first as big ones as
    // come, because each commit writes all that an index has touched.
    let part = if keeper.is_first().await? { PAGE } else { PART };
    let (mut items, mut owners) = (items.into_iter(), owners.into_iter());
    loop {
        let part: Vec<Value> = items.by_ref().take(part).collect();
        let last = items.len() == 0;
        let owners = owners.by_ref().take(part.len()).collect();
        store_part(
            keeper,
            lease,
            of,
            part,
            owners,
            generation,
            next.filter(|_| last),
        )
        .await?;
        if last {
            return Ok(());
        }
    }
}

async fn store_part(
    keeper: &Keeper,
    lease: &Lease,
    of: &Arc<MappedType>,
    items: Vec<Value>,
    owners: Vec<(String, Vec<End>)>,
    generation: i64,
    next: Option<&NextLink>,
) -> Result<(), Fault> {
    let shown = items.len();
    let first = keeper.is_first().await?;
    let rekey = !is_keyed(keeper, of).await?;
    let mut tx = lease.begin().await?;
    let replica = &keeper.tenant.replica;
    let times = replica.times(keeper.app.clock.as_ref(), generation);
    let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
    apply.quiet = first;
    apply.rekey = rekey;
    apply.entities(of, items).await?;
    let groups: Vec<String> = owners.iter().map(|(id, _)| id.clone()).collect();
    let told = owners
        .into_iter()
        .map(|(id, added)| {
            let links = links::Links {
                added,
                removed: Vec::new(),
            };
            (id, links)
        })
        .collect();
    links::apply(&mut apply, EdgeKind::Owner, told).await?;
    if !first {
        links::sweep(&mut apply, EdgeKind::Owner, &groups).await?;
    }
    count(&replica.counters.stale, apply.stale);
    apply.finish().await?;
    if let Some(next) = next {
        let mark = Mark {
            value: next.as_str().to_owned(),
            number: 0,
            at: times.now,
        };
        tx.set_mark(&keeper.tenant.name, &cursor_name(of.kind.name), &mark)
            .await?;
    }
    tx.commit().await?;
    let done = u64::try_from(shown).unwrap_or_default();
    replica.progress(|progress| {
        progress.add(of.kind.name, done);
        progress.units = keeper.units();
        progress.requests = keeper.requests();
    });
    Ok(())
}

/// The owners of groups that came along, of each all: where as many came as Graph expands at most,
/// they are read again.
async fn owners(
    keeper: &Keeper,
    of: &MappedType,
    items: &[Value],
) -> Result<Vec<(String, Vec<End>)>, Fault> {
    let mut relations = of.kind.relations.iter().copied();
    let Some(relation) = relations.find(|r| r.edge() == (EdgeKind::Owner, Side::From)) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::with_capacity(items.len());
    let mut capped = Vec::new();
    for item in items {
        let Some(id) = item.get("id").and_then(Value::as_str) else {
            continue;
        };
        let links = item.get(relation.name()).and_then(Value::as_array);
        let links = links.map(Vec::as_slice).unwrap_or_default();
        if links.len() >= EXPANDED {
            capped.push((all.len(), id.to_owned()));
        }
        let ends = links.iter().filter_map(End::of_directory_object).collect();
        all.push((id.to_ascii_lowercase(), ends));
    }
    let requests = capped
        .iter()
        .flat_map(|(_, id)| relation.lists(id))
        .collect::<Vec<Request>>();
    if !requests.is_empty() {
        let graph = &keeper.tenant.graph;
        let lists = graph.collect_many(&keeper.call(), requests).await?;
        for ((at, _), list) in capped.into_iter().zip(lists) {
            all[at].1 = list?.iter().filter_map(End::of_directory_object).collect();
        }
    }
    Ok(all)
}
