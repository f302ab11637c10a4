//! What the tenant was asked, for tests and measures.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::odata::facts::Cost;
use crate::simulator::permissions;

/// Counts since the start, or since they were last set to nought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// HTTP requests to Graph; a `$batch` is one.
    pub http_requests: u64,
    /// Items inside `$batch` requests.
    pub batch_items: u64,
    /// Requests to the token endpoints, managed identity included.
    pub token_requests: u64,
    /// Resource units of all requests and items.
    pub resource_units: u64,
    /// Write quota of all requests and items.
    pub writes: u64,
    /// Answers of 429, by the limits or by a fault.
    pub throttled: u64,
    /// Requests and items by operation: `GET users/{id}`.
    pub operations: BTreeMap<String, u64>,
    /// Answers by status; connections that were cut count as none.
    pub statuses: BTreeMap<u16, u64>,
}

/// [`Counts`] that many threads write.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

impl Counters {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The counts now.
    pub fn read(&self) -> Counts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sets all counts to nought.
    pub fn reset(&self) {
        self.change(|counts| *counts = Counts::default());
    }

    /// An HTTP request came in.
    pub fn http(&self) {
        self.change(|counts| counts.http_requests += 1);
    }

    /// A request to a token endpoint came in.
    pub fn token(&self) {
        self.change(|counts| counts.token_requests += 1);
    }

    /// A request or an item is about to be answered.
    pub fn operation(&self, method: &str, path: &str, in_batch: bool, cost: Cost) {
        let name = permissions::operation(method, path);
        self.change(|counts| {
            counts.batch_items += u64::from(in_batch);
            counts.resource_units += u64::from(cost.resource_units);
            counts.writes += u64::from(cost.writes);
            *counts.operations.entry(name).or_default() += 1;
        });
    }

    /// A request or an item was answered.
    pub fn answered(&self, status: u16) {
        self.change(|counts| {
            counts.throttled += u64::from(status == 429);
            *counts.statuses.entry(status).or_default() += 1;
        });
    }
}
