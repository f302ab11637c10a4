//! Tokens as they were read a moment ago: every request presents one, and its row seldom changes.
//! What this process changes itself is forgotten at once; a change by another is seen within
//! [`LIFETIME`].

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::tokens::{TokenHash, TokenRow};

/// How long a row is believed.
pub(super) const LIFETIME: Duration = Duration::from_secs(5);
/// How many rows are kept; all are forgotten when there are more.
const CAPACITY: usize = 10_000;

/// The memory; shared by all handles of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    rows: Arc<Mutex<HashMap<TokenHash, (TokenRow, Instant)>>>,
    /// How often something was forgotten.
    forgotten: Arc<AtomicU64>,
}

impl Remembered {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<TokenHash, (TokenRow, Instant)>) -> T) -> T {
        act(&mut self.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn get(&self, hash: &TokenHash) -> Option<TokenRow> {
        self.with(|rows| {
            let (row, read) = rows.get(hash)?;
            (read.elapsed() < LIFETIME).then(|| row.clone())
        })
    }

    /// To be taken before a row is read.
    pub(super) fn ticket(&self) -> (Instant, u64) {
        (Instant::now(), self.forgotten.load(Ordering::SeqCst))
    }

    /// Remembers a row, unless something was forgotten while it was read: it may be the old one.
    pub(super) fn put(&self, row: &TokenRow, (read, forgotten): (Instant, u64)) {
        self.with(|rows| {
            if self.forgotten.load(Ordering::SeqCst) != forgotten {
                return;
            }
            if rows.len() >= CAPACITY {
                rows.clear();
            }
            rows.insert(row.hash, (row.clone(), read));
        });
    }

    /// Forgets the token of that tenant and id.
    pub(super) fn forget(&self, tenant: &str, id: &str) {
        self.with(|rows| {
            self.forgotten.fetch_add(1, Ordering::SeqCst);
            rows.retain(|_, (row, _)| row.tenant != tenant || row.id != id);
        });
    }
}
