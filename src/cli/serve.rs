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
    service::App,
    store::Store,
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
    if ended.is_err() {
        tracing::warn!("requests were cut: they took longer than server.shutdown_grace_secs");
    }
    Ok(())
}

/// Forgets what is too old, at start and once a day.
async fn housekeeping(config: Config, store: Store, clock: SharedClock) {
    let mut daily = tokio::time::interval(HOUSEKEEPING);
    loop {
        daily.tick().await;
        let before = clock.now() - Days::days(i64::from(config.audit_days));
        for tenant in config.tenants.keys() {
            match store.forget_audit(tenant, before).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(tenant, rows, "old audit rows were forgotten"),
                Err(error) => {
                    tracing::warn!(tenant, error = %Chain(&error), "old audit rows are still there");
                }
            }
        }
    }
}
