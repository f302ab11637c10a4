//! Whether a tenant has the licence of Privileged Identity Management, and whether this server may
//! ask about it. One that has not says so to every question about schedules: it holds roles for good
//! only, and that is no error. What may not be asked is told by `check` and once in the log.

use std::sync::atomic::{AtomicI64, Ordering};

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
}

impl Licence {
    /// Whether Graph need not be asked, because it would say again that there is none.
    pub fn is_missing_for(&self, request: &Request, now: OffsetDateTime) -> bool {
        is_scheduled(request) && now.unix_timestamp() < self.missing_until.load(Ordering::Relaxed)
    }

    /// Whether the tenant said moments ago that it has none.
    pub fn is_missing(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() < self.missing_until.load(Ordering::Relaxed)
    }

    /// The list as it was read; empty when it is of what the tenant has no licence for, or of what
    /// may not be read.
    ///
    /// # Errors
    /// Those of the list, but for these.
    pub fn judge(
        &self,
        request: &Request,
        list: Result<Vec<Value>, graph::Error>,
        now: OffsetDateTime,
    ) -> Result<Vec<Value>, graph::Error> {
        let error = match list {
            Err(error) if is_scheduled(request) => error,
            list => return list,
        };
        let forbidden = error.status() == Some(403);
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
