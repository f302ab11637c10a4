//! The tenant's clock: the machine's, moved ahead on demand.

use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::base::clock::{Clock, SharedClock};

/// A clock that runs at an offset from another.
pub struct OffsetClock {
    base: SharedClock,
    offset: Mutex<Duration>,
}

impl OffsetClock {
    /// A clock that shows what `base` shows.
    pub fn new(base: SharedClock) -> Self {
        Self {
            base,
            offset: Mutex::new(Duration::ZERO),
        }
    }

    /// Moves it ahead (or back, for a negative `by`); `None` when no calendar reaches that far.
    pub fn advance(&self, by: Duration) -> Option<OffsetDateTime> {
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = offset.checked_add(by)?;
        let now = self.base.now().checked_add(moved)?;
        *offset = moved;
        Some(now)
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> OffsetDateTime {
        self.base.now() + *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
