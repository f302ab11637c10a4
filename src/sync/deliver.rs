//! A tenant's receiver is told of each change, in their order, one at a time, until it has taken it:
//! at least once. One instance does so; it begins anew wherever it was cut off.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    base::chain::Chain,
    delivery::{Receiver, Verdict},
    service::{App, Error, Tenant, events::Telling},
    store::BulkKey,
};

/// How often is looked for changes.
const PACE: Duration = Duration::from_secs(1);
/// The longest wait before another try.
const LONGEST: Duration = Duration::from_mins(10);
/// How long an instance that is not heard of keeps the receiver.
const LEASE: time::Duration = time::Duration::seconds(30);

/// Tells the receiver of a tenant, until `stop`.
pub(super) async fn run(app: Arc<App>, tenant: Arc<Tenant>, stop: CancellationToken) {
    let Some(receiver) = &tenant.receiver else {
        return;
    };
    let owner = uuid::Uuid::new_v4().to_string();
    let lease = BulkKey {
        tenant: tenant.name.clone(),
        token: "receiver".to_owned(),
        key: Vec::new(),
    };
    let mut failed = 0_u32;
    loop {
        let round = async {
            let claimed = app.store.claim_bulk(&lease, &owner, app.clock.now(), LEASE);
            if claimed.await? {
                round(&app, &tenant, receiver).await
            } else {
                Ok(Ended::Told)
            }
        };
        let ended = tokio::select! {
            ended = round => ended,
            () = stop.cancelled() => return,
        };
        let pause = match ended {
            Ok(Ended::Told) => {
                failed = 0;
                PACE
            }
            Ok(Ended::Gone) => {
                tracing::error!(
                    tenant = tenant.name,
                    "the receiver of events wants no more (410): it is told again after the next start"
                );
                return;
            }
            Ok(Ended::Later(wait, why)) => {
                failed = failed.saturating_add(1);
                let own = PACE * 2_u32.saturating_pow(failed.min(10));
                let pause = wait.unwrap_or(own).clamp(PACE, LONGEST);
                tracing::warn!(
                    tenant = tenant.name,
                    error = why,
                    pause_secs = pause.as_secs(),
                    "the receiver of events did not take one"
                );
                pause
            }
            Err(error) => {
                tracing::warn!(tenant = tenant.name, error = %Chain(&error), "events could not be told");
                PACE * 5
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Why a round ended.
enum Ended {
    Told,
    Gone,
    Later(Option<Duration>, String),
}

async fn round(app: &Arc<App>, tenant: &Arc<Tenant>, receiver: &Receiver) -> Result<Ended, Error> {
    if !tenant.replica.is_ready() {
        return Ok(Ended::Told);
    }
    let telling = Telling::new(app, tenant, receiver)?;
    let mut stream = telling.place().await?;
    for row in telling.next(&stream).await? {
        let seq = row.seq;
        let event = telling.event(row, app.clock.now()).await?;
        match receiver.tell(&event).await {
            Verdict::Taken => {}
            Verdict::Refused(why) => {
                tracing::error!(
                    tenant = tenant.name,
                    event = event.id,
                    why,
                    "the receiver refused an event for good"
                );
            }
            Verdict::Gone => return Ok(Ended::Gone),
            Verdict::Later(wait, why) => return Ok(Ended::Later(wait, why)),
        }
        stream.position = seq;
        stream = telling.moved(stream).await?;
    }
    Ok(Ended::Told)
}
