//! `audit`: who changed what.

use std::process::ExitCode;

use clap::{Args as ClapArgs, Subcommand};

use super::{ConfigArg, output};
use crate::store::{AuditQuery, Store};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists audit rows, newest first.
    List {
        /// The tenant, as named in the configuration.
        #[arg(long, default_value = "default")]
        tenant: String,
        /// Only rows of one resource, such as User/00000000-0000-0000-0000-000000000000.
        #[arg(long, value_parser = resource)]
        resource: Option<(String, String)>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Prints one JSON object per line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArg,
    },
}

fn resource(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('/');
    let parts = parts.filter(|(kind, id)| !kind.is_empty() && !id.is_empty());
    let (kind, id) = parts.ok_or("expected a resource type and an id, such as User/…")?;
    Ok((kind.to_owned(), id.to_owned()))
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Action::List {
        tenant,
        resource,
        limit,
        json,
        config,
    } = &args.action;
    let config = config.load()?;
    let store = Store::open(&config.store).await?;
    store.migrate().await?;
    let query = AuditQuery {
        tenant: tenant.clone(),
        resource: resource.clone(),
        before: None,
        limit: *limit,
    };
    for row in store.list_audit(&query).await? {
        if *json {
            output::print(&serde_json::to_string(&row)?)?;
            continue;
        }
        let id = row.resource_id.as_deref().unwrap_or("-");
        let reason = row.reason.as_deref().unwrap_or_default();
        output::print(&format!(
            "{}  {:7}  {}  {} {} {id}  {}  {reason}",
            row.at,
            row.outcome.as_str(),
            row.status,
            row.operation,
            row.resource_type,
            row.actor.name,
        ))?;
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
