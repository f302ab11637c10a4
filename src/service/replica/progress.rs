//! How far a synchronisation is, for people.

use std::collections::BTreeMap;

use serde::Serialize;

/// What the keeper of a replica is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Nothing yet.
    #[default]
    Waiting,
    /// Reading all there is.
    Snapshot,
    /// Taking over what changed meanwhile.
    Replay,
    /// Keeping up.
    Steady,
}

/// The progress of one resource type or relation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeProgress {
    /// How many are in.
    pub done: u64,
    /// How many there are, as far as is known.
    pub total: Option<u64>,
    /// Whether all are in.
    pub complete: bool,
}

/// The progress of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// By type: `User`, `Group`, `members`, …
    pub types: BTreeMap<String, TypeProgress>,
    /// Requests sent to Graph.
    pub requests: u64,
    /// Resource units spent.
    pub units: u64,
    /// When the snapshot began, in microseconds.
    pub started: i64,
    /// What went wrong last, if the last round failed.
    pub error: Option<String>,
}

impl Progress {
    /// Adds to what is done of a type.
    pub fn add(&mut self, name: &str, done: u64) {
        self.types.entry(name.to_owned()).or_default().done += done;
    }

    /// Says how many there are of a type.
    pub fn expect(&mut self, name: &str, total: u64) {
        self.types.entry(name.to_owned()).or_default().total = Some(total);
    }

    /// Says that all of a type are in.
    pub fn complete(&mut self, name: &str) {
        let of = self.types.entry(name.to_owned()).or_default();
        of.complete = true;
        of.total = Some(of.done);
    }

    /// The share that is done, and how many seconds the rest may take at this pace.
    pub fn outlook(&self, now: i64) -> (f64, Option<f64>) {
        let done: u64 = self.types.values().map(|of| of.done).sum();
        let total: u64 = self
            .types
            .values()
            .map(|of| of.total.unwrap_or(of.done).max(of.done))
            .sum();
        if total == 0 {
            return (0.0, None);
        }
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let (share, passed) = (
            done as f64 / total as f64,
            (now - self.started).max(0) as f64 / 1e6,
        );
        let left = (share > 0.0 && self.started > 0).then(|| passed * (1.0 - share) / share);
        (share, left)
    }
}
