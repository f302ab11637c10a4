//! One instance at a time keeps the replica of a tenant. The lease is a row with an end; it is held
//! longer while the holder lives, and looked at in every transaction, so that a holder that slept
//! through its end changes nothing.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    base::{chain::Chain, clock::SharedClock},
    service::replica::{Fault, micros},
    store::{Store, Tx},
};

/// How long a lease lasts without being held longer.
const LIFE: Duration = Duration::from_secs(15);

/// A lease that is ours.
pub(super) struct Lease {
    store: Store,
    tenant: String,
    holder: Arc<str>,
    clock: SharedClock,
    ended: CancellationToken,
}

impl Lease {
    /// Takes the lease, if it is free.
    pub(super) async fn take(
        store: &Store,
        tenant: &str,
        holder: &Arc<str>,
        clock: &SharedClock,
    ) -> Result<Option<Self>, Fault> {
        let now = micros(clock.as_ref());
        if !store.take_lease(tenant, holder, now, now + life()).await? {
            return Ok(None);
        }
        let lease = Self {
            store: store.clone(),
            tenant: tenant.to_owned(),
            holder: Arc::clone(holder),
            clock: Arc::clone(clock),
            ended: CancellationToken::new(),
        };
        tokio::spawn(hold(
            store.clone(),
            tenant.to_owned(),
            Arc::clone(holder),
            Arc::clone(clock),
            lease.ended.clone(),
        ));
        Ok(Some(lease))
    }

    /// A transaction that is only ours to make while the lease is.
    pub(super) async fn begin(&self) -> Result<Tx, Fault> {
        let mut tx = self.store.begin_lazily().await?;
        tx.lock_replica(&self.tenant).await?;
        let mark = tx.mark(&self.tenant, "lease").await?;
        let now = micros(self.clock.as_ref());
        let ours = mark.is_some_and(|mark| mark.value == *self.holder && mark.number >= now);
        if ours { Ok(tx) } else { Err(Fault::NotOurs) }
    }

    /// Gives it back.
    pub(super) async fn release(self) -> Result<(), Fault> {
        self.ended.cancel();
        self.store.release_lease(&self.tenant, &self.holder).await?;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

fn life() -> i64 {
    i64::try_from(LIFE.as_micros()).unwrap_or(i64::MAX)
}

/// Holds the lease longer, until it is ended.
async fn hold(
    store: Store,
    tenant: String,
    holder: Arc<str>,
    clock: SharedClock,
    ended: CancellationToken,
) {
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(LIFE / 3) => {}
        }
        let now = micros(clock.as_ref());
        match store.take_lease(&tenant, &holder, now, now + life()).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(tenant, "the lease was lost to another instance"),
            Err(error) => {
                tracing::warn!(tenant, error = %Chain(&error), "the lease could not be held longer");
            }
        }
    }
}
