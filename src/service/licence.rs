//! Whether a tenant has the licence of Privileged Identity Management, and whether this server may
//! ask about it. One that has not says so to every question about schedules: it holds roles for good
//! only, and that is no error. What may not be asked is told by `check` and once in the log.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{
    graph::{self, Refusal},
    odata::request::Request,
    resources::role_assignments::is_scheduled,
};

/// How long a tenant without the licence is not asked again.
const BELIEVED: Duration = Duration::minutes(15);

/// What is known of one tenant.
#[derive(Debug, Default)]
pub struct Licence {
    /// Until when it is believed to be missing, in seconds.
    missing_until: AtomicI64,
    /// Whether schedules were read.
    was_read: AtomicBool,
    /// Whether this server may not read them, whatever the tenant has.
    withheld: AtomicBool,
}

impl Licence {
    /// Whether Graph need not be asked, because it would say again that there is none.
    pub fn is_missing_for(&self, request: &Request, now: OffsetDateTime) -> bool {
        is_scheduled(request) && now.unix_timestamp() < self.missing_until.load(Ordering::Relaxed)
    }

    /// Whether nothing is known of schedules because they may not be read: what was known of them
    /// before is not to be forgotten.
    pub fn is_withheld(&self) -> bool {
        self.withheld.load(Ordering::Relaxed)
    }

    /// The list as it was read; empty when it is of what the tenant has no licence for, or of what
    /// could never be read.
    ///
    /// # Errors
    /// Those of the list, but for these. That what was read once is forbidden now is one.
    pub fn judge(
        &self,
        request: &Request,
        list: Result<Vec<Value>, graph::Error>,
        now: OffsetDateTime,
    ) -> Result<Vec<Value>, graph::Error> {
        let error = match list {
            Err(error) if is_scheduled(request) => error,
            list => {
                if is_scheduled(request) {
                    self.was_read.store(true, Ordering::Relaxed);
                    self.withheld.store(false, Ordering::Relaxed);
                }
                return list;
            }
        };
        let forbidden = error.status() == Some(403);
        self.withheld.store(forbidden, Ordering::Relaxed);
        if forbidden && self.was_read.load(Ordering::Relaxed) {
            return Err(error);
        }
        if !forbidden && error.refusal() != Some(Refusal::PremiumRequired) {
            return Err(error);
        }
        let until = (now + BELIEVED).unix_timestamp();
        let before = self.missing_until.swap(until, Ordering::Relaxed);
        if forbidden && before == 0 {
            tracing::warn!(
                error = %crate::base::chain::Chain(&error),
                "eligible and time-bound role assignments cannot be read: see entra-scim check"
            );
        }
        Ok(Vec::new())
    }
}
