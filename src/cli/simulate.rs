//! `simulate`: a Graph double alone.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use tokio::net::TcpListener;

use super::{logging, output, signals};
use crate::{
    config::{Log, LogFormat},
    simulator::{
        self,
        settings::{Settings, ThrottleSize},
    },
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9400")]
    listen: SocketAddr,
    #[command(flatten)]
    tenant: TenantArgs,
    /// Added to every answer, in milliseconds.
    #[arg(long, value_name = "L", default_value_t = 0)]
    latency_ms: u64,
    /// Graph's published limits for a tenant size: off, small, medium, large.
    #[arg(long, value_name = "SIZE", default_value = "off")]
    throttle: ThrottleSize,
    /// How long a write stays unseen by reads, in milliseconds.
    #[arg(long, value_name = "R", default_value_t = 0)]
    replication_lag_ms: u64,
    /// A JSON file of fault rules, as for POST /_sim/faults.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Appends every exchange to this file, one JSON line each.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Speaks TLS too, with a certificate of its own making, and stands for Microsoft's hosts to
    /// clients that have it as `HTTPS_PROXY`.
    #[arg(long)]
    tls: bool,
    /// Where the certificate authority is written, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls", default_value_os_t = authority_file())]
    tls_ca: PathBuf,
}

fn authority_file() -> PathBuf {
    std::env::temp_dir().join("entra-scim-simulator-ca.pem")
}

/// The size of the simulated tenant.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct TenantArgs {
    /// Users in the simulated tenant.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(super) users: usize,
    /// Groups in the simulated tenant.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) groups: usize,
    /// The same seed and sizes give the same tenant.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(super) seed: u64,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    logging::start(&Log {
        format: LogFormat::Text,
        level: "warn".to_owned(),
    })?;
    let listener = bind(args.listen).await?;
    let settings = Settings {
        users: args.tenant.users,
        groups: args.tenant.groups,
        seed: args.tenant.seed,
        latency: Duration::from_millis(args.latency_ms),
        throttle: args.throttle,
        replication_lag: Duration::from_millis(args.replication_lag_ms),
        faults: args.faults.clone(),
        record: args.record.clone(),
        tls_authority: args.tls.then(|| args.tls_ca.clone()),
        ..Settings::default()
    };
    let running = simulator::start::start(settings, listener).await?;
    output::print(&serde_json::to_string(&running.ready)?)?;
    signals::stop().await?;
    running.shutdown().await?;
    Ok(ExitCode::SUCCESS)
}

/// Takes an address to listen at.
///
/// # Errors
/// When it is taken or not ours, with the remedy.
pub(super) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen at {address}: is another program there? choose another with --listen"
        )
    })
}
