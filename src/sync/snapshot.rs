//! Reading all there is: once at first, and again when the change query has lost its state, while
//! the old data is served. The links of the change queries are taken before, and followed after:
//! so the copy is consistent, though it is read in any order.
//!
//! Each page is committed with its cursor. A step that is done is not done again.

use super::{delta, keeper::Keeper, lease::Lease, members, objects, poll, reconcile};
use crate::{
    service::{
        MappedType,
        replica::{
            Fault, Phase, READY,
            apply::{Apply, DIRECTORY},
            count,
        },
    },
    store::replica::{Mark, Order, Selection},
    translation::index::Condition,
};

/// Objects taken out at once.
const SWEEP: i64 = 500;

/// The mark that says that a snapshot is under way; its number is the generation.
const UNDER_WAY: &str = "snapshot:generation";
const PREFIX: &str = "snapshot:";

/// Whether a snapshot has to be made, or to be brought to its end.
pub(super) async fn is_due(keeper: &Keeper) -> Result<bool, Fault> {
    if keeper.is_first().await? || keeper.mark(UNDER_WAY).await?.is_some() {
        return Ok(true);
    }
    // Other rules hold other properties, or find them by other keys.
    Ok(keeper.mark("rules").await?.map(|mark| mark.value) != Some(rules(keeper)))
}

/// Tells one set of rules of all types from another.
fn rules(keeper: &Keeper) -> String {
    let prints = keeper.types().map(|of| of.shape.fingerprint.to_string());
    let all: Vec<String> = prints.collect();
    all.join(" ")
}

/// Begins a snapshot: what an unfinished one has done is forgotten.
pub(super) async fn restart(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let tenant = &keeper.tenant.name;
    let now = keeper.now();
    let mut taken = Vec::new();
    for of in keeper.types().filter(|of| delta::has_one(of)) {
        taken.push((delta::link_name(of), delta::latest(keeper, of).await?));
    }
    let mut tx = lease.begin().await?;
    tx.forget_marks(tenant, PREFIX).await?;
    for (name, link) in taken {
        let mark = Mark {
            value: link,
            number: 0,
            at: now,
        };
        tx.set_mark(tenant, &name, &mark).await?;
    }
    let mark = Mark {
        value: rules(keeper),
        number: now,
        at: now,
    };
    tx.set_mark(tenant, UNDER_WAY, &mark).await?;
    tx.commit().await?;
    count(&keeper.tenant.replica.counters.resyncs, 1);
    Ok(())
}

/// Brings a snapshot to its end, and begins one if there is none.
pub(super) async fn run(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let mark = match keeper.mark(UNDER_WAY).await? {
        // One that was begun under other rules is of no use.
        Some(mark) if mark.value == rules(keeper) => mark,
        _ => {
            restart(keeper, lease).await?;
            let mark = keeper.mark(UNDER_WAY).await?;
            mark.ok_or_else(|| Fault::Refused("a snapshot did not begin".to_owned()))?
        }
    };
    let generation = mark.number;
    keeper.tenant.replica.progress(|progress| {
        progress.phase = Phase::Snapshot;
        progress.started = generation;
    });
    for of in keeper.types().filter(|of| delta::has_one(of)) {
        let total = reconcile::theirs(keeper, of).await?;
        let total = u64::try_from(total).unwrap_or_default();
        let progress = &keeper.tenant.replica;
        progress.progress(|progress| progress.expect(of.kind.name, total));
    }
    for kind in ["License", "Role", "AdministrativeUnit"] {
        step(
            keeper,
            lease,
            kind,
            poll::whole(keeper, lease, kind, generation),
        )
        .await?;
    }
    let users = async {
        match keeper.of("User") {
            Some(of) => objects::read(keeper, lease, of, generation).await,
            None => Ok(()),
        }
    };
    let groups = async {
        if let Some(of) = keeper.of("Group") {
            objects::read(keeper, lease, of, generation).await?;
            members::run(keeper, lease, generation).await?;
        }
        Ok::<(), Fault>(())
    };
    let (users, groups) = tokio::join!(users, groups);
    users.and(groups)?;
    step(keeper, lease, "names", names(keeper, lease)).await?;
    let assignments = poll::assignments(keeper, lease, generation);
    step(keeper, lease, "assignments", assignments).await?;
    let units = poll::units(keeper, lease, generation);
    step(keeper, lease, "units", units).await?;
    keeper
        .tenant
        .replica
        .progress(|progress| progress.phase = Phase::Replay);
    for of in keeper.types().filter(|of| delta::has_one(of)) {
        delta::run(keeper, lease, of, generation).await?;
    }
    for of in keeper.types().filter(|of| delta::has_one(of)) {
        sweep(keeper, lease, of, generation).await?;
    }
    finish(keeper, lease).await
}

/// A step, unless it is done already.
async fn step(
    keeper: &Keeper,
    lease: &Lease,
    name: &str,
    work: impl Future<Output = Result<(), Fault>>,
) -> Result<(), Fault> {
    let mark = format!("{PREFIX}done:{name}");
    if keeper.mark(&mark).await?.is_none() {
        work.await?;
        set_done(keeper, lease, name).await?;
    }
    keeper
        .tenant
        .replica
        .progress(|progress| progress.complete(name));
    Ok(())
}

pub(super) async fn is_done(keeper: &Keeper, name: &str) -> Result<bool, Fault> {
    Ok(keeper
        .mark(&format!("{PREFIX}done:{name}"))
        .await?
        .is_some())
}

pub(super) async fn set_done(keeper: &Keeper, lease: &Lease, name: &str) -> Result<(), Fault> {
    let mut tx = lease.begin().await?;
    let mark = Mark {
        at: keeper.now(),
        ..Mark::default()
    };
    tx.set_mark(&keeper.tenant.name, &format!("{PREFIX}done:{name}"), &mark)
        .await?;
    tx.commit().await?;
    Ok(())
}

pub(super) fn cursor_name(name: &str) -> String {
    format!("{PREFIX}cursor:{name}")
}

/// Documents of groups show the names of owners, which may have come after them.
async fn names(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let mut after: Option<String> = None;
    loop {
        let selection = Selection {
            tenant: &keeper.tenant.name,
            kind: "Group",
            condition: &Condition::All,
            order: Order::Id,
        };
        let store = &keeper.app.store;
        let ids = store
            .select_ids(&selection, after.as_deref(), 0, SWEEP)
            .await?;
        let Some(last) = ids.last().cloned() else {
            return Ok(());
        };
        let first = keeper.is_first().await?;
        let mut tx = lease.begin().await?;
        let times = keeper.tenant.replica.times(keeper.app.clock.as_ref(), 0);
        let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
        apply.quiet = first;
        apply.rebuild("Group", &ids).await?;
        apply.finish().await?;
        tx.commit().await?;
        after = Some(last);
    }
}

/// Takes out what the snapshot did not see, if that is believable.
async fn sweep(
    keeper: &Keeper,
    lease: &Lease,
    of: &MappedType,
    generation: i64,
) -> Result<(), Fault> {
    if keeper.is_first().await? {
        return Ok(());
    }
    let (store, tenant, kind) = (&keeper.app.store, &keeper.tenant.name, of.kind.name);
    let replica = &keeper.tenant.replica;
    let written = keeper.now() - replica.times(keeper.app.clock.as_ref(), 0).longest;
    let selection = Selection {
        tenant,
        kind,
        condition: &Condition::All,
        order: Order::Id,
    };
    let total = store.count_objects(&selection).await?;
    let mut tx = lease.begin().await?;
    let unseen = tx
        .unseen_objects(tenant, kind, generation, written, i64::MAX)
        .await?;
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = unseen.len() as f64 / (total.max(1)) as f64;
    if share > replica.settings.max_shrink && unseen.len() > 10 {
        return Err(Fault::Refused(format!(
            "{} of {total} objects of type {kind} are missing from what Graph shows: more than \
             replica_max_shrink_percent allows; nothing was taken out",
            unseen.len()
        )));
    }
    for ids in unseen.chunks(usize::try_from(SWEEP).unwrap_or(1)) {
        let times = replica.times(keeper.app.clock.as_ref(), 0);
        let mut apply = Apply::new(&mut tx, &keeper.tenant, times, DIRECTORY);
        apply.remove(kind, ids, false).await?;
        apply.finish().await?;
    }
    tx.commit().await?;
    Ok(())
}

/// All is in: it serves from now on.
async fn finish(keeper: &Keeper, lease: &Lease) -> Result<(), Fault> {
    let tenant = &keeper.tenant.name;
    let now = keeper.now();
    let mut tx = lease.begin().await?;
    let mark = Mark {
        value: rules(keeper),
        number: now,
        at: now,
    };
    tx.set_mark(tenant, "rules", &mark).await?;
    for of in keeper.types() {
        let keyed = Mark {
            number: of.shape.fingerprint,
            at: now,
            ..Mark::default()
        };
        let name = format!("rules:{}", of.kind.name);
        tx.set_mark(tenant, &name, &keyed).await?;
    }
    if tx.mark(tenant, READY).await?.is_none() {
        tx.set_mark(tenant, READY, &mark).await?;
    }
    tx.forget_marks(tenant, PREFIX).await?;
    tx.commit().await?;
    let replica = &keeper.tenant.replica;
    replica.set_ready();
    replica.progress(|progress| progress.phase = Phase::Steady);
    tracing::info!(tenant, "the replica is complete");
    Ok(())
}
