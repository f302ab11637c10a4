//! What happened to connections, counted; and log lines that a flood cannot multiply.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that were accepted.
    pub accepted: AtomicU64,
    /// Connections that were closed at once: too many.
    pub refused: AtomicU64,
    /// Times that no connection could be accepted: no descriptors left.
    pub accept_errors: AtomicU64,
    /// Connections that were closed because the peer was too slow or silent.
    pub timed_out: AtomicU64,
}

impl Counters {
    /// One more.
    pub fn count(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// At most one line in ten seconds; the next one tells how many were left out.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<(Option<Instant>, u64)>);

const EVERY: Duration = Duration::from_secs(10);

impl Seldom {
    /// How many lines were left out since the last one, if it is time for one.
    pub fn due(&self) -> Option<u64> {
        let now = Instant::now();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.is_some_and(|at| now - at < EVERY) {
            last.1 += 1;
            return None;
        }
        let left_out = last.1;
        *last = (Some(now), 0);
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lines_are_left_out_and_told() {
        let seldom = Seldom::default();
        assert_eq!(seldom.due(), Some(0));
        assert_eq!((seldom.due(), seldom.due()), (None, None));
        tokio::time::advance(EVERY).await;
        assert_eq!(seldom.due(), Some(2));
    }
}
