//! What tests say about notifications, and what became of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use time::Duration;

use super::notice::Item;

/// What became of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Answered with 2xx.
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub retried: u64,
    /// Given up: four hours passed, the queue was full, or a test wanted it.
    pub dropped: u64,
    /// Sent twice because a test wanted it.
    pub duplicated: u64,
    /// Waiting.
    pub queued: u64,
}

/// The state behind a [`Desk`].
#[derive(Debug, Default)]
pub struct Orders {
    /// How late changes are told.
    pub delay: Duration,
    /// How many of the next notifications are lost.
    pub drop: u32,
    /// How many of the next ones are sent twice.
    pub duplicate: u32,
    /// To be sent beside those that changes cause.
    pub extra: Vec<Item>,
    /// What became of them.
    pub counts: Counts,
}

/// Where control and delivery meet.
#[derive(Debug, Default)]
pub struct Desk(Mutex<Orders>);

impl Desk {
    /// The orders, for a moment.
    pub fn open(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
