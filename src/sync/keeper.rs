//! The keeper of one tenant's replica: its rounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{deliver, delta, lease::Lease, poll, recheck, reconcile, snapshot, subscription};
use crate::{
    base::chain::Chain,
    graph::{self, Lane},
    service::{
        App, MappedType, Tenant,
        replica::{Fault, Phase, READY, count, micros},
    },
    store::replica::Mark,
};

/// How long one request of the background may take, throttling included.
const PATIENCE: Duration = Duration::from_mins(10);
/// A list of up to so many requests is read whenever it is its turn.
const OFTEN: u64 = 20;
/// How soon a round that failed is tried again, at the most often.
const SOON: Duration = Duration::from_secs(1);

/// Keeps the replica of one tenant.
pub struct Keeper {
    pub(super) app: Arc<App>,
    pub(super) tenant: Arc<Tenant>,
    holder: Arc<str>,
    /// How many rounds there were: some lists are read in some rounds only.
    pub(super) round: AtomicU64,
    pub(super) stats: Arc<graph::CallStats>,
    /// How many requests the lists of assignments, and of who is in units, took last.
    assignments_cost: AtomicU64,
    units_cost: AtomicU64,
}

/// Keeps the replicas of all tenants that have one, until `stop`.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let keepers = TaskTracker::new();
    for tenant in app.tenants.iter().filter(|t| t.replica.settings.on) {
        let keeper = Keeper::new(&app, tenant);
        let stop = stop.clone();
        let telling = deliver::run(Arc::clone(&app), Arc::clone(tenant), stop.clone());
        keepers.spawn(Box::pin(telling));
        keepers.spawn(Box::pin(async move { keeper.keep(stop).await }));
    }
    keepers.close();
    keepers.wait().await;
}

impl Keeper {
    /// A keeper that has done nothing yet.
    pub fn new(app: &Arc<App>, tenant: &Arc<Tenant>) -> Self {
        Self {
            app: Arc::clone(app),
            tenant: Arc::clone(tenant),
            holder: uuid::Uuid::new_v4().to_string().into(),
            round: AtomicU64::new(0),
            stats: Arc::default(),
            assignments_cost: AtomicU64::new(0),
            units_cost: AtomicU64::new(0),
        }
    }

    async fn keep(&self, stop: CancellationToken) {
        let replica = &self.tenant.replica;
        let mut failed = 0_u32;
        loop {
            let ended = tokio::select! {
                ended = self.once() => ended,
                () = stop.cancelled() => return,
            };
            let pause = match ended {
                Ok(()) => {
                    failed = 0;
                    replica.settings.interval
                }
                Err(Fault::NotOurs) => {
                    self.look_on().await;
                    replica.settings.interval.min(Duration::from_secs(5))
                }
                Err(fault) => {
                    failed = failed.saturating_add(1);
                    count(&replica.counters.failures, 1);
                    let text = Chain(&fault).to_string();
                    tracing::warn!(tenant = self.tenant.name, error = text, "a round failed");
                    replica.progress(|progress| progress.error = Some(text));
                    let longest = replica.settings.interval.max(SOON);
                    (SOON * 2_u32.saturating_pow(failed.min(8))).min(longest)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = replica.nudge.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Requests sent to Graph so far.
    pub fn requests(&self) -> u64 {
        self.stats.http_requests() + self.stats.batch_items()
    }

    /// Resource units spent so far, by Graph's own count.
    pub fn units(&self) -> u64 {
        self.stats.resource_units()
    }

    /// Another instance keeps it: how fresh it is, the store tells.
    async fn look_on(&self) {
        let replica = &self.tenant.replica;
        match self.mark("fresh").await {
            Ok(Some(mark)) => {
                replica.set_ready();
                replica.set_fresh(mark.number);
            }
            Ok(None) => {}
            Err(fault) => tracing::debug!(error = %Chain(&fault), "how fresh it is is not known"),
        }
    }

    /// One round: brings the replica up to date, from wherever it is.
    ///
    /// # Errors
    /// [`Fault::NotOurs`] when another instance does; [`Fault`]: what was committed stays.
    pub async fn once(&self) -> Result<(), Fault> {
        let store = &self.app.store;
        let lease = Lease::take(store, &self.tenant.name, &self.holder, &self.app.clock).await?;
        let lease = lease.ok_or(Fault::NotOurs)?;
        let worked = Box::pin(self.work(&lease)).await;
        let released = lease.release().await;
        worked.and(released)
    }

    /// Forgets all that was read and begins again, while the old data is served.
    ///
    /// # Errors
    /// As [`Self::once`].
    pub async fn afresh(&self) -> Result<(), Fault> {
        let store = &self.app.store;
        let lease = Lease::take(store, &self.tenant.name, &self.holder, &self.app.clock).await?;
        let lease = lease.ok_or(Fault::NotOurs)?;
        snapshot::restart(self, &lease).await?;
        let worked = Box::pin(self.work(&lease)).await;
        let released = lease.release().await;
        worked.and(released)
    }

    async fn work(&self, lease: &Lease) -> Result<(), Fault> {
        let replica = &self.tenant.replica;
        let began = micros(self.app.clock.as_ref());
        let round = self.round.fetch_add(1, Ordering::Relaxed);
        if snapshot::is_due(self).await? {
            Box::pin(self.all(lease)).await?;
        } else {
            replica.set_ready();
            replica.progress(|progress| progress.phase = Phase::Steady);
            if let Err(fault) = self.changes(lease, round).await {
                if is_lost(&fault) {
                    tracing::warn!(
                        tenant = self.tenant.name,
                        error = %Chain(&fault),
                        "the change query has to start over"
                    );
                    snapshot::restart(self, lease).await?;
                    Box::pin(self.all(lease)).await?;
                } else {
                    return Err(fault);
                }
            }
        }
        recheck::run(self, lease).await?;
        Box::pin(reconcile::run(self, lease)).await?;
        subscription::run(self).await?;
        replica.set_fresh(began);
        let mark = Mark {
            number: began,
            at: began,
            ..Mark::default()
        };
        let mut tx = lease.begin().await?;
        tx.set_mark(&self.tenant.name, "fresh", &mark).await?;
        tx.commit().await?;
        count(&replica.counters.rounds, 1);
        replica.progress(|progress| {
            progress.error = None;
            progress.requests = self.requests();
            progress.units = self.units();
        });
        Ok(())
    }

    /// Reads all there is. When the change query loses its state meanwhile, that is done again.
    async fn all(&self, lease: &Lease) -> Result<(), Fault> {
        match Box::pin(snapshot::run(self, lease)).await {
            Err(fault) if is_lost(&fault) => {
                snapshot::restart(self, lease).await?;
                Box::pin(snapshot::run(self, lease)).await
            }
            ended => ended,
        }
    }

    /// Takes over what changed.
    async fn changes(&self, lease: &Lease, round: u64) -> Result<(), Fault> {
        for of in self.types().filter(|of| delta::has_one(of)) {
            delta::run(self, lease, of, 0).await?;
        }
        if self
            .tenant
            .replica
            .licences_due
            .swap(false, Ordering::AcqRel)
        {
            // Seats were taken or given back here.
            poll::whole(self, lease, "License", 0).await?;
        }
        // Lists without a change query take turns; long ones wait longer for theirs.
        match round % 8 {
            1 => poll::whole(self, lease, "License", 0).await,
            5 if is_turn(&self.units_cost, round / 8) => {
                let before = self.requests();
                poll::whole(self, lease, "AdministrativeUnit", 0).await?;
                poll::units(self, lease, 0).await?;
                let cost = self.requests() - before;
                self.units_cost.store(cost, Ordering::Relaxed);
                Ok(())
            }
            3 => poll::whole(self, lease, "Role", 0).await,
            7 => poll::licence_errors(self, lease).await,
            0 | 2 | 4 | 6 if is_turn(&self.assignments_cost, round / 2) => {
                let before = self.requests();
                poll::assignments(self, lease, 0).await?;
                let cost = self.requests() - before;
                self.assignments_cost.store(cost, Ordering::Relaxed);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn types(&self) -> impl Iterator<Item = &Arc<MappedType>> {
        self.tenant.types.iter()
    }

    pub(super) fn of(&self, kind: &str) -> Option<&Arc<MappedType>> {
        self.types().find(|of| of.kind.name == kind)
    }

    /// The frame of one request.
    pub(super) fn call(&self) -> graph::Call {
        graph::Call {
            stats: Arc::clone(&self.stats),
            ..graph::Call::new(Lane::Background, PATIENCE)
        }
    }

    pub(super) fn now(&self) -> i64 {
        micros(self.app.clock.as_ref())
    }

    pub(super) async fn mark(&self, name: &str) -> Result<Option<Mark>, Fault> {
        Ok(self.app.store.mark(&self.tenant.name, name).await?)
    }

    /// Whether the first synchronisation is still to be done.
    pub(super) async fn is_first(&self) -> Result<bool, Fault> {
        Ok(self.mark(READY).await?.is_none())
    }

    /// Reads objects of one page apart: those that are there, and the ids of those that are gone.
    pub(super) fn apart(items: Vec<Value>) -> (Vec<Value>, Vec<String>) {
        let (gone, there): (Vec<Value>, Vec<Value>) = items
            .into_iter()
            .partition(|item| item.get("@removed").is_some());
        let gone = gone
            .iter()
            .filter_map(|item| item.get("id")?.as_str().map(str::to_ascii_lowercase))
            .collect();
        (there, gone)
    }
}

/// Whether a list that took `cost` requests is read at its `nth` turn: a long one at every second,
/// third, … only.
fn is_turn(cost: &AtomicU64, nth: u64) -> bool {
    nth.is_multiple_of(1 + cost.load(Ordering::Relaxed) / OFTEN)
}

/// Whether Graph has lost the state of the change query.
fn is_lost(fault: &Fault) -> bool {
    let Fault::Graph(error) = fault else {
        return false;
    };
    error.status() == Some(410)
        || matches!(
            error.refusal(),
            Some(
                graph::Refusal::ResyncRequired
                    | graph::Refusal::PageTokenLost
                    | graph::Refusal::PageTokenExpired
            )
        )
}
