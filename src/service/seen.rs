//! Ids of objects that Graph has shown: what hangs on them is read side by side with them. What was
//! never seen may not exist; it is asked for alone first.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// How many ids are kept; beyond it, all are forgotten.
const CAPACITY: usize = 100_000;

/// The ids of one tenant, by resource type, in lower case.
#[derive(Debug, Default)]
pub struct Seen(Mutex<HashSet<(&'static str, String)>>);

impl Seen {
    /// Graph has shown it.
    pub(super) fn note(&self, kind: &'static str, id: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= CAPACITY {
            seen.clear();
        }
        seen.insert((kind, id.to_ascii_lowercase()));
    }

    /// Graph has said that it is not there.
    pub(super) fn forget(&self, kind: &'static str, id: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&(kind, id.to_ascii_lowercase()));
    }

    /// Whether it was there when it was last asked for.
    pub(super) fn has(&self, kind: &'static str, id: &str) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.contains(&(kind, id.to_ascii_lowercase()))
    }
}
