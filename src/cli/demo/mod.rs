//! `demo`: the gateway and a simulated tenant in one process, nothing to install.

mod lines;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;

use super::{
    gateway, logging, output, serve, signals,
    simulate::{self, TenantArgs},
};
use crate::{
    base::clock::{SharedClock, SystemClock},
    config::{self, Config, MappingSource, Sources},
    service::tokens::{self, Grant, Order},
    simulator,
    store::{self, Store},
};

/// The tenant's name.
const TENANT: &str = "default";
/// What variables that are configuration begin with.
const PREFIX: &str = "ENTRA_SCIM__";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the gateway listens; the simulated tenant takes any free port of this machine.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    tenant: TenantArgs,
    /// Keeps the gateway's store in this folder; without it all is in memory.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The bearer token to accept; without it a random one.
    #[arg(long)]
    token: Option<String>,
    /// standard, iga-flat, or a folder of rule files.
    #[arg(long, value_parser = MappingSource::parse)]
    mapping: Option<MappingSource>,
    /// Prints one line of JSON once ready, and no help.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let listener = simulate::bind(args.listen).await?;
    let simulator = simulate::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let graph = Url::parse(&format!("http://{}", simulator.local_addr()?))?;
    let running = simulator::start::start(
        simulator::settings::Settings {
            users: args.tenant.users,
            groups: args.tenant.groups,
            seed: args.tenant.seed,
            ..Default::default()
        },
        simulator,
    )
    .await?;
    let ready = &running.ready;

    let clock: SharedClock = Arc::new(SystemClock);
    let config = config(args, &graph, ready)?;
    logging::start(&config.log)?;
    let store = Store::open(&config.store).await?;
    store.migrate().await?;
    let token = token(args, &store, &clock).await?;
    let app = Arc::new(gateway::app(&config, store.clone(), &clock)?);

    let base = format!("http://{}/scim/v2", listener.local_addr()?);
    if args.json {
        output::print(
            &json!({
                "scim": base, "token": token.expose_secret(), "console": null, "simulator": ready,
            })
            .to_string(),
        )?;
    } else {
        let tenant = app.tenant(TENANT).context("the demo's tenant is missing")?;
        let picked = lines::pick(&tenant.graph).await?;
        output::print(&lines::page(
            &base,
            token.expose_secret(),
            &ready.graph,
            &picked,
        ))?;
    }
    let stopped = serve::until(
        app,
        gateway::http_settings(&config),
        listener,
        signals::stop(),
        config.server.shutdown_grace,
    )
    .await;
    store.close().await;
    running.shutdown().await?;
    stopped?;
    Ok(ExitCode::SUCCESS)
}

/// The environment's settings, and where it says nothing those of a demonstration; the simulated
/// tenant is the only one.
fn config(args: &Args, graph: &Url, ready: &simulator::start::ReadyLine) -> anyhow::Result<Config> {
    let store = match &args.data_dir {
        Some(folder) => format!("sqlite://{}", folder.join("store.db").display()),
        None => "sqlite::memory:".to_owned(),
    };
    let unless_said = [
        ("LOG__LEVEL", "warn"),
        ("TENANTS__DEFAULT__REPLICA_INTERVAL_SECS", "2"),
    ];
    let listen = args.listen.to_string();
    let in_any_case = [
        ("SERVER__LISTEN", listen.as_str()),
        ("STORE__URL", &store),
        ("TENANTS__DEFAULT__TENANT_ID", &ready.tenant_id),
        ("TENANTS__DEFAULT__GRAPH_URL", graph.as_str()),
        ("TENANTS__DEFAULT__AUTHORITY_URL", graph.as_str()),
        ("TENANTS__DEFAULT__CREDENTIAL__KIND", "client-secret"),
        ("TENANTS__DEFAULT__CREDENTIAL__CLIENT_ID", &ready.client_id),
        ("TENANTS__DEFAULT__CREDENTIAL__SECRET", &ready.client_secret),
    ];
    let ours = |(name, value): &(&str, &str)| (format!("{PREFIX}{name}"), (*value).to_owned());
    let said = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.strip_prefix(PREFIX).is_some_and(is_of_demo));
    let mut environment: Vec<(String, String)> = unless_said.iter().map(ours).collect();
    environment.extend(said);
    environment.extend(in_any_case.iter().map(ours));
    let mut config = config::load(&Sources {
        file: None,
        environment,
    })?;
    if let (Some(mapping), Some(tenant)) = (&args.mapping, config.tenants.get_mut(TENANT)) {
        tenant.mapping = mapping.clone();
    }
    Ok(config)
}

/// Whether a setting of the environment is one of the demonstration's: who the tenant is, how it is
/// signed in to and where the store is are its own.
fn is_of_demo(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if let Some(rest) = name.strip_prefix("TENANTS__") {
        let own = ["TENANT_ID", "CLOUD", "GRAPH_URL", "AUTHORITY_URL"];
        return rest
            .strip_prefix("DEFAULT__")
            .is_some_and(|key| !own.contains(&key) && !key.starts_with("CREDENTIAL"));
    }
    !name.starts_with("STORE__URL")
}

/// The token that clients use: the given one, or a new one.
async fn token(args: &Args, store: &Store, clock: &SharedClock) -> anyhow::Result<SecretString> {
    let token = match &args.token {
        Some(token) => SecretString::from(token.clone()),
        None => tokens::mint(),
    };
    let issued = tokens::issue(
        store,
        clock.as_ref(),
        token.clone(),
        &Order {
            tenant: TENANT,
            name: "demo",
            grant: &Grant::full(),
            expires: None,
            by: "demo",
        },
    )
    .await;
    match issued {
        // The same token as at an earlier start with the same folder.
        Ok(_) | Err(store::Error::Conflict { .. }) => Ok(token),
        Err(error) => Err(error).context("the demo's token cannot be stored"),
    }
}
