//! The replica of a tenant: whether it serves, and how what pages show and what is written here
//! goes into it. What reads it is in [`super::read`]; what keeps it fresh is `sync`.

pub(crate) mod apply;
pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod compute;
pub(crate) mod guard;
pub(crate) mod import;
pub(crate) mod own;
mod progress;
mod relate;
pub(crate) mod rows;
pub(crate) mod shape;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    base::clock::Clock,
    graph, heavy,
    store::{self, Store},
};

pub use progress::{Phase, Progress, TypeProgress};

/// What goes wrong with the replica.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Graph.
    #[error(transparent)]
    Graph(#[from] graph::Error),
    /// Work on a thread of its own.
    #[error(transparent)]
    Work(#[from] heavy::Ended),
    /// A snapshot that is not believed.
    #[error("{0}")]
    Refused(String),
    /// The lease is another instance's.
    #[error("another instance keeps the replica of this tenant")]
    NotOurs,
}

impl From<Fault> for super::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error.into(),
            Fault::Graph(error) => error.into(),
            other => {
                let kind = crate::scim::error::Kind::Internal;
                let mut error: Self = crate::scim::error::Error::new(kind, "internal error").into();
                error.source = Some(Box::new(other));
                error
            }
        }
    }
}

/// How the replica of a tenant is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether there is one.
    pub on: bool,
    /// The pace of delta and polling.
    pub interval: Duration,
    /// How long own writes are guarded against older pages at most.
    pub guard: Duration,
    /// How often counts are compared with Graph's.
    pub reconcile: Duration,
    /// The largest share of objects that may be missing from a snapshot that is believed.
    pub max_shrink: f64,
    /// How long the change feed goes back.
    pub feed: Duration,
    /// Where Graph sends change notifications to; none are asked for when `None`.
    pub notification_url: Option<String>,
}

impl Settings {
    /// No replica.
    pub fn off() -> Self {
        Self {
            on: false,
            ..Self::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            on: true,
            interval: Duration::from_mins(1),
            guard: Duration::from_mins(20),
            reconcile: Duration::from_hours(6),
            max_shrink: 0.3,
            feed: Duration::from_hours(24 * 30),
            notification_url: None,
        }
    }
}

/// Counters of a tenant's replica.
#[derive(Debug, Default)]
pub struct Counters {
    /// How often a page was older than an own write.
    pub stale: AtomicU64,
    /// Rounds that succeeded, and those that failed.
    pub rounds: AtomicU64,
    /// Rounds that failed.
    pub failures: AtomicU64,
    /// Objects that changed behind the gateway's back.
    pub changes: AtomicU64,
    /// Full synchronisations.
    pub resyncs: AtomicU64,
    /// Objects that were read again because a page was not believed.
    pub rechecks: AtomicU64,
    /// Differences that the comparison of counts found.
    pub drift: AtomicU64,
    /// Change notifications that came.
    pub notifications: AtomicU64,
    /// Own writes that could not be put into the replica at once.
    pub unrecorded: AtomicU64,
}

/// Adds to a counter.
pub fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// The replica of one tenant, as this process knows it.
#[derive(Debug)]
pub struct Replica {
    /// How it is kept.
    pub settings: Settings,
    /// Wakes its keeper.
    pub nudge: Notify,
    /// Counters.
    pub counters: Counters,
    /// Whether licences were given or taken here, so that the numbers of seats have changed.
    pub licences_due: AtomicBool,
    ready: AtomicBool,
    /// When this process looked last, in microseconds, whether another has made it ready.
    looked: AtomicU64,
    /// When Graph's state was last taken over, in microseconds.
    fresh: AtomicU64,
    progress: Mutex<Progress>,
    /// Finished texts.
    pub(crate) texts: cache::TextCache,
}

/// The name of the mark that says that the first synchronisation is done.
pub const READY: &str = "ready";
/// The name of the mark with the secret that change notifications bring along.
pub const CLIENT_STATE: &str = "subscription:client_state";
/// How soon it is looked for again.
const LOOK_AGAIN: u64 = 200_000;

impl Replica {
    /// A replica that is not known to be ready.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            nudge: Notify::new(),
            counters: Counters::default(),
            licences_due: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            looked: AtomicU64::new(0),
            fresh: AtomicU64::new(0),
            progress: Mutex::default(),
            texts: cache::TextCache::default(),
        }
    }

    /// Whether it can serve: its first synchronisation is done, by whichever instance.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn serves(
        &self,
        store: &Store,
        tenant: &str,
        clock: &dyn Clock,
    ) -> Result<bool, store::Error> {
        if !self.settings.on || self.ready.load(Ordering::Acquire) {
            return Ok(self.settings.on);
        }
        let now = u64::try_from(micros(clock)).unwrap_or_default();
        let looked = self.looked.load(Ordering::Acquire);
        if looked > 0 && now.abs_diff(looked) < LOOK_AGAIN {
            return Ok(false);
        }
        let ready = store.mark(tenant, READY).await?.is_some();
        if ready {
            self.ready.store(true, Ordering::Release);
        } else {
            self.looked.store(now, Ordering::Release);
        }
        Ok(ready)
    }

    /// Notes that the first synchronisation is done.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether it is known to be ready.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Notes that all that Graph told at `at` is in.
    pub fn set_fresh(&self, at: i64) {
        self.fresh
            .store(u64::try_from(at).unwrap_or_default(), Ordering::Release);
    }

    /// How old its knowledge of the directory is, in microseconds; `None` before the first round.
    pub fn age(&self, now: i64) -> Option<i64> {
        let fresh = self.fresh.load(Ordering::Acquire);
        (fresh > 0).then(|| now - i64::try_from(fresh).unwrap_or(i64::MAX))
    }

    /// Looks at the progress, or changes it.
    pub fn progress<T>(&self, act: impl FnOnce(&mut Progress) -> T) -> T {
        act(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The moments for applying something now.
    pub(crate) fn times(&self, clock: &dyn Clock, generation: i64) -> compute::Times {
        compute::Times {
            now: micros(clock),
            longest: i64::try_from(self.settings.guard.as_micros()).unwrap_or(i64::MAX),
            generation,
        }
    }
}

/// Now, in microseconds.
pub fn micros(clock: &dyn Clock) -> i64 {
    i64::try_from(clock.now().unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The writes of one request, until they are recorded.
#[derive(Clone, Debug, Default)]
pub struct Made(Arc<Mutex<Vec<own::OwnWrite>>>);

impl Made {
    /// Notes a write.
    pub(crate) fn note(&self, write: own::OwnWrite) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(write);
    }

    /// Takes out what was noted.
    pub(crate) fn take(&self) -> Vec<own::OwnWrite> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
