//! `demo`: the gateway and a simulated tenant in one process, nothing to install.

mod lines;

use std::{
    collections::BTreeMap,
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
    config::{self, Config, Entra, Log, LogFormat, MappingSource, Preset, Sources, TenantSize},
    credential,
    service::{
        replica,
        tokens::{self, Grant, Order},
    },
    simulator,
    store::{self, Store},
};

/// The tenant's name.
const TENANT: &str = "default";

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
    #[arg(long, default_value = "standard", value_parser = MappingSource::parse)]
    mapping: MappingSource,
    /// Prints one line of JSON once ready, and no help.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    logging::start(&Log {
        format: LogFormat::Text,
        level: "warn".to_owned(),
    })?;
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
    let credential = credential::Settings::ClientSecret {
        tenant_id: ready.tenant_id.clone(),
        client_id: ready.client_id.clone(),
        secret: SecretString::from(ready.client_secret.clone()),
    };
    let config = config(args, graph, &ready.tenant_id, credential)?;
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

/// The defaults, with the simulated tenant as the only one.
fn config(
    args: &Args,
    graph: Url,
    tenant_id: &str,
    credential: credential::Settings,
) -> anyhow::Result<Config> {
    let mut config = config::load(&Sources::default())?;
    config.server.listen = args.listen;
    config.store = match &args.data_dir {
        Some(folder) => {
            store::Settings::new(&format!("sqlite://{}", folder.join("store.db").display()))
        }
        None => store::Settings::new("sqlite::memory:"),
    };
    config.tenants = BTreeMap::from([(
        TENANT.to_owned(),
        config::Tenant {
            name: TENANT.to_owned(),
            entra: Entra {
                tenant_id: Some(tenant_id.to_owned()),
                graph: graph.clone(),
                authority: graph,
            },
            credential,
            mapping: args.mapping.clone(),
            permissions: Preset::Full,
            tenant_size: TenantSize::Large,
            replica: replica::Settings {
                interval: std::time::Duration::from_secs(2),
                ..replica::Settings::default()
            },
        },
    )]);
    Ok(config)
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
