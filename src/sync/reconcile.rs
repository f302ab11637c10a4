//! Now and then the numbers of objects are compared with Graph's. A difference that stays is drift:
//! all is read again, behind the scenes.

use super::{delta, keeper::Keeper, lease::Lease, snapshot};
use crate::{
    odata::request::Request,
    service::{
        MappedType,
        replica::{Fault, count},
    },
    store::replica::Mark,
};

/// A difference is looked at again so often, round after round, before it is believed: Graph's
/// counts lag.
const LOOKS: i64 = 3;
const NAME: &str = "reconciled";

/// Compares, when it is time.
pub(super) async fn run(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let now = keeper.now();
    let replica = &keeper.tenant.replica;
    let every = i64::try_from(replica.settings.reconcile.as_micros()).unwrap_or(i64::MAX);
    let Some(mark) = keeper.mark(NAME).await? else {
        // What was read just now needs no comparison.
        return set(keeper, lease, 0).await;
    };
    if mark.number == 0 && now - mark.at < every {
        return Ok(());
    }
    let mut differs = None;
    for of in keeper.types().filter(|of| delta::has_one(of)) {
        let theirs = theirs(keeper, of).await?;
        let name = format!("count:{}", of.kind.name);
        let ours = keeper.mark(&name).await?.map_or(0, |mark| mark.number);
        if theirs != ours {
            differs = Some((of.kind.name, ours, theirs));
            break;
        }
    }
    let Some((kind, ours, theirs)) = differs else {
        return set(keeper, lease, 0).await;
    };
    if mark.number + 1 < LOOKS {
        return set(keeper, lease, mark.number + 1).await;
    }
    tracing::warn!(
        tenant = keeper.tenant.name,
        kind,
        ours,
        theirs,
        "the replica and Graph differ in number: all is read again"
    );
    count(&replica.counters.drift, 1);
    set(keeper, lease, 0).await?;
    snapshot::restart(keeper, lease).await?;
    Box::pin(snapshot::run(keeper, lease)).await
}

async fn set(keeper: &Keeper, lease: &Lease, looks: i64) -> Result<(), Fault> {
    let mark = Mark {
        value: String::new(),
        number: looks,
        at: keeper.now(),
    };
    let mut tx = lease.begin().await?;
    tx.set_mark(&keeper.tenant.name, NAME, &mark).await?;
    tx.commit().await?;
    Ok(())
}

/// How many objects Graph counts.
pub(super) async fn theirs(keeper: &Keeper, of: &MappedType) -> Result<i64, Fault> {
    let request = Request::get(of.kind.collection)
        .advanced()
        .top(1)
        .select([of.kind.id_property]);
    let page = keeper.tenant.graph.page(&keeper.call(), &request).await?;
    let counted = page
        .count
        .ok_or_else(|| Fault::Refused("Graph gave no count".to_owned()))?;
    Ok(i64::try_from(counted).unwrap_or(i64::MAX))
}
