//! `sync`: brings the replica up to date once, and shows how far it is.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{ConfigArg, gateway, logging, output};
use crate::{
    base::{
        chain::Chain,
        clock::{SharedClock, SystemClock},
    },
    service::{
        App, Tenant,
        replica::{Fault, Progress},
    },
    store::Store,
    sync::Keeper,
};

/// How often the bars move.
const TICK: Duration = Duration::from_millis(200);
/// How long another instance that keeps the replica is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Reads all there is again, while the old data is served.
    #[arg(long)]
    full: bool,
    /// Only this tenant; all by default.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    logging::start(&config.log)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Store::open(&config.store).await?;
    store.migrate().await?;
    let app = Arc::new(gateway::app(&config, store.clone(), &clock)?);
    let wanted = |tenant: &&Arc<Tenant>| {
        args.tenant.as_ref().is_none_or(|name| *name == tenant.name) && tenant.replica.settings.on
    };
    let tenants: Vec<Arc<Tenant>> = app.tenants.iter().filter(wanted).cloned().collect();
    ensure!(
        !tenants.is_empty(),
        "no tenant to synchronise: name one that is configured and has replica = \"on\""
    );
    for tenant in &tenants {
        one(&app, tenant, args.full)
            .await
            .with_context(|| format!("tenant {}", tenant.name))?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn one(app: &Arc<App>, tenant: &Arc<Tenant>, full: bool) -> anyhow::Result<()> {
    let keeper = Keeper::new(app, tenant);
    let started = tokio::time::Instant::now();
    let mut bars = Bars::default();
    let working = async {
        loop {
            let ended = if full {
                Box::pin(keeper.afresh()).await
            } else {
                Box::pin(keeper.once()).await
            };
            match ended {
                Err(Fault::NotOurs) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                ended => return ended,
            }
        }
    };
    tokio::pin!(working);
    let ended = loop {
        tokio::select! {
            ended = &mut working => break ended,
            () = tokio::time::sleep(TICK) => {
                bars.show(&tenant.replica.progress(|progress| progress.clone()));
            }
        }
    };
    let progress = tenant.replica.progress(|progress| progress.clone());
    bars.show(&progress);
    bars.end();
    if let Err(fault) = ended {
        bail!("{}", Chain(&fault));
    }
    output::print(
        &json!({
            "tenant": tenant.name,
            "seconds": (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            "requests": keeper.requests(),
            "resourceUnits": keeper.units(),
            "types": progress.types,
        })
        .to_string(),
    )?;
    Ok(())
}

/// One bar for each type; nothing where there is no terminal.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    each: BTreeMap<String, ProgressBar>,
}

impl Bars {
    fn show(&mut self, progress: &Progress) {
        for (name, of) in &progress.types {
            let bar = self.each.entry(name.clone()).or_insert_with(|| {
                let bar = self.all.add(ProgressBar::no_length());
                let style = ProgressStyle::with_template(
                    "{prefix:12} {bar:30} {pos}/{len} {per_sec} {eta} {msg}",
                );
                if let Ok(style) = style {
                    bar.set_style(style);
                }
                bar.set_prefix(name.clone());
                bar
            });
            if let Some(total) = of.total {
                bar.set_length(total.max(of.done));
            }
            bar.set_position(of.done);
            bar.set_message(format!("{} units", progress.units));
            if of.complete && !bar.is_finished() {
                bar.finish();
            }
        }
    }

    fn end(&self) {
        for bar in self.each.values() {
            bar.finish();
        }
    }
}
