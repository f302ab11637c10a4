//! Members, from the side of groups: change queries over fifty groups at a time bring a hundred
//! links a page for one unit, and many small groups on one page; a group that turns out not to fit
//! on a page is left out, the chain is begun again without it, and it is listed: 999 members a page
//! for two units.

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::{
    keeper::Keeper,
    lease::Lease,
    links,
    snapshot::{cursor_name, is_done, set_done},
};
use crate::{
    graph::{Page, Refusal},
    odata::request::Request,
    resources::EdgeKind,
    service::replica::{
        Fault,
        apply::{Apply, DIRECTORY},
        count,
    },
    store::replica::{Mark, Order, Selection},
    translation::index::Condition,
};

/// Graph takes at most so many ids in the filter of a change query.
const CHUNK: usize = 50;
/// Chains that are read side by side.
const CHAINS: usize = 8;
/// Members on a page of a list.
const PAGE: usize = 999;
const NAME: &str = "members";

/// Reads the members of all groups.
pub(super) async fn run(keeper: &Keeper, lease: &Lease, generation: i64) -> Result<(), Fault> {
    if is_done(keeper, NAME).await? {
        keeper
            .tenant
            .replica
            .progress(|progress| progress.complete(NAME));
        return Ok(());
    }
    let cursor = cursor_name(NAME);
    let mut after = keeper.mark(&cursor).await?.map(|mark| mark.value);
    let width = i64::try_from(CHUNK * CHAINS * 3).unwrap_or(i64::MAX);
    loop {
        let selection = Selection {
            tenant: &keeper.tenant.name,
            kind: "Group",
            condition: &Condition::All,
            order: Order::Id,
        };
        let store = &keeper.app.store;
        let ids = store
            .select_ids(&selection, after.as_deref(), 0, width)
            .await?;
        if ids.is_empty() {
            break;
        }
        let chunks: Vec<Vec<String>> = ids.chunks(CHUNK).map(<[String]>::to_vec).collect();
        let reads: Vec<_> = chunks
            .iter()
            .map(|groups| chunk(keeper, lease, groups, generation))
            .collect();
        let mut reading = stream::iter(reads).buffer_unordered(CHAINS);
        // Nothing else is waited for meanwhile: a chain that is not polled may hold the writer.
        while let Some(done) = reading.next().await {
            done?;
        }
        drop(reading);
        let last = ids.last().cloned().unwrap_or_default();
        let mut tx = lease.begin().await?;
        let mark = Mark {
            value: last.clone(),
            number: 0,
            at: keeper.now(),
        };
        tx.set_mark(&keeper.tenant.name, &cursor, &mark).await?;
        tx.commit().await?;
        after = Some(last);
    }
    set_done(keeper, lease, NAME).await?;
    keeper
        .tenant
        .replica
        .progress(|progress| progress.complete(NAME));
    Ok(())
}

fn chain(groups: &[String]) -> Request {
    let terms: Vec<String> = groups.iter().map(|id| format!("id eq '{id}'")).collect();
    Request::get("/groups/delta")
        .option("$filter", terms.join(" or "))
        .select([NAME])
}

/// The members of some groups.
async fn chunk(
    keeper: &Keeper,
    lease: &Lease,
    groups: &[String],
    generation: i64,
) -> Result<(), Fault> {
    let mut left: Vec<String> = groups.to_vec();
    let mut big: Vec<String> = Vec::new();
    'chains: while !left.is_empty() {
        let graph = &keeper.tenant.graph;
        let mut page: Page = match graph.page(&keeper.call(), &chain(&left)).await {
            Ok(page) => page,
            Err(error) if error.refusal() == Some(Refusal::UnsupportedQuery) => {
                big.append(&mut left);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        // A page that is not the last one ends within a group, or with one: that is big.
        loop {
            take_over(keeper, lease, &page.items, generation).await?;
            let Some(next) = page.next else {
                break 'chains;
            };
            let ends_with = page.items.last().and_then(|item| item.get("id")?.as_str());
            if let Some(id) = ends_with.map(str::to_ascii_lowercase) {
                left.retain(|group| *group != id);
                big.push(id);
                continue 'chains;
            }
            page = graph.next_page(&keeper.call(), &next, false).await?;
        }
    }
    for group in &big {
        list(keeper, lease, group, generation).await?;
    }
    finish(keeper, lease, groups, generation).await
}

/// The members of one group, as a list.
async fn list(keeper: &Keeper, lease: &Lease, group: &str, generation: i64) -> Result<(), Fault> {
    let path = format!("/groups/{group}/members");
    let request = Request::get(path).select(["id"]).top(PAGE);
    let call = keeper.call();
    let mut pages = keeper.tenant.graph.pages(&call, &request, usize::MAX);
    loop {
        let items = match pages.next().await {
            Ok(Some(items)) => items,
            Ok(None) => return Ok(()),
            // It was deleted meanwhile: the change query tells of it.
            Err(error) if error.refusal() == Some(Refusal::Absent) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let row = serde_json::json!({"id": group, "members@delta": items});
        take_over(keeper, lease, &[row], generation).await?;
    }
}

async fn take_over(
    keeper: &Keeper,
    lease: &Lease,
    items: &[Value],
    generation: i64,
) -> Result<(), Fault> {
    let told = links::told(items, NAME);
    let found: usize = told.values().map(|links| links.added.len()).sum();
    links::name_foreign(keeper, lease, links::ends(&told)).await?;
    let first = keeper.is_first().await?;
    let mut tx = lease.begin().await?;
    let replica = &keeper.tenant.replica;
    let times = replica.times(keeper.app.clock.as_ref(), generation);
    let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
    apply.quiet = first;
    links::apply(&mut apply, EdgeKind::Member, told).await?;
    count(&replica.counters.stale, apply.stale);
    apply.finish().await?;
    tx.commit().await?;
    replica.progress(|progress| progress.add(NAME, u64::try_from(found).unwrap_or_default()));
    Ok(())
}

/// All members of these groups are in: others are none.
async fn finish(
    keeper: &Keeper,
    lease: &Lease,
    groups: &[String],
    generation: i64,
) -> Result<(), Fault> {
    if keeper.is_first().await? {
        return Ok(());
    }
    let mut tx = lease.begin().await?;
    let replica = &keeper.tenant.replica;
    let times = replica.times(keeper.app.clock.as_ref(), generation);
    let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
    links::sweep(&mut apply, EdgeKind::Member, groups).await?;
    apply.finish().await?;
    tx.commit().await?;
    Ok(())
}
