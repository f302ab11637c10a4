//! `serve`: the gateway.

use std::{future::Future, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use time::Duration as Days;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{ConfigArg, gateway, logging, signals};
use crate::{
    base::{
        chain::Chain,
        clock::{SharedClock, SystemClock},
    },
    config::Config,
    http,
    service::{
        App,
        audit::{self, Trail},
        replica,
    },
    store::Store,
    sync,
};

/// How often audit rows that are too old are forgotten.
const HOUSEKEEPING: Duration = Duration::from_hours(24);

pub(super) async fn run(args: &ConfigArg) -> anyhow::Result<ExitCode> {
    let config = args.load()?;
    logging::start(&config.log)?;
    ensure!(
        !config.tenants.is_empty(),
        "no tenant is configured: set tenants.default.tenant_id and tenants.default.credential \
         (entra-scim check tells more; entra-scim demo needs none)"
    );
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Store::open(&config.store).await?;
    store.migrate().await?;
    let app = gateway::app(&config, store.clone(), &clock)?;
    trace(&config, &store, &clock).await?;
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen at {listen} (server.listen)"))?;
    tracing::info!(
        listen = %listener.local_addr()?,
        version = env!("CARGO_PKG_VERSION"),
        tenants = config.tenants.len(),
        "ready"
    );
    let housekeeping = tokio::spawn(housekeeping(config.clone(), store.clone(), clock));
    let stopped = until(
        Arc::new(app),
        gateway::http_settings(&config),
        listener,
        signals::stop(),
        config.server.shutdown_grace,
    )
    .await;
    housekeeping.abort();
    store.close().await;
    stopped?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Serves until `stop` completes, then lets requests under way finish, but not longer than `grace`.
///
/// # Errors
/// When `stop` fails.
pub(super) async fn until(
    app: Arc<App>,
    settings: http::Settings,
    listener: TcpListener,
    stop: impl Future<Output = std::io::Result<()>>,
    grace: Duration,
) -> anyhow::Result<()> {
    let stopping = CancellationToken::new();
    let keepers = tokio::spawn(sync::run(Arc::clone(&app), stopping.clone()));
    let server = http::serve(
        Arc::clone(&app),
        settings,
        listener,
        stopping.clone().cancelled_owned(),
    );
    tokio::pin!(server);
    tokio::select! {
        () = &mut server => anyhow::bail!("the server has ended by itself"),
        stopped = stop => stopped.context("cannot listen to signals")?,
    }
    tracing::info!("stopping: no new requests, those under way are finished");
    stopping.cancel();
    let ended = timeout(grace, server).await;
    // A write goes on when its connection is cut.
    app.drain().await;
    if timeout(grace, keepers).await.is_err() {
        tracing::warn!("the keeper of a replica was cut off: the next start goes on from there");
    }
    if ended.is_err() {
        tracing::warn!("requests were cut: they took longer than server.shutdown_grace_secs");
    }
    Ok(())
}

/// Leaves a row of the start in the audit trail, and tells of writes that an earlier process began
/// and never ended.
///
/// # Errors
/// When the store fails and the trail is required.
async fn trace(config: &Config, store: &Store, clock: &SharedClock) -> anyhow::Result<()> {
    // Secrets do not print.
    let text = format!("{config:?}");
    let before = clock.now() - config.server.request_deadline * 2;
    for tenant in config.tenants.keys() {
        let stored = audit::configured(store, clock.as_ref(), tenant, &text).await;
        if let Err(error) = stored {
            ensure!(
                config.audit.trail == Trail::BestEffort,
                "the audit trail cannot be written (store.audit): {}",
                Chain(&error)
            );
            tracing::error!(tenant, error = %Chain(&error), "an audit row could not be stored");
            continue;
        }
        let begun = store.count_begun(tenant, before).await?;
        if begun > 0 {
            tracing::warn!(
                tenant,
                writes = begun,
                "of writes that were begun it is not known what became of them: see the audit rows with outcome begun"
            );
        }
    }
    Ok(())
}

fn age_in_micros(age: Duration) -> i64 {
    i64::try_from(age.as_micros()).unwrap_or(i64::MAX)
}

/// Forgets what is too old, at start and once a day.
async fn housekeeping(config: Config, store: Store, clock: SharedClock) {
    let mut daily = tokio::time::interval(HOUSEKEEPING);
    loop {
        daily.tick().await;
        let before = clock.now() - Days::days(i64::from(config.audit.days));
        for tenant in config.tenants.keys() {
            match store.forget_audit(tenant, before).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(tenant, rows, "old audit rows were forgotten"),
                Err(error) => {
                    tracing::warn!(tenant, error = %Chain(&error), "old audit rows are still there");
                }
            }
        }
        for (tenant, of) in config.tenants.iter().filter(|(_, of)| of.replica.on) {
            let micros = |age: Duration| replica::micros(clock.as_ref()) - age_in_micros(age);
            let (feed, guard) = (of.replica.feed, of.replica.guard);
            if let Err(error) = store
                .forget_changes(tenant, micros(feed), micros(guard))
                .await
            {
                tracing::warn!(tenant, error = %Chain(&error), "old changes are still there");
            }
        }
    }
}
