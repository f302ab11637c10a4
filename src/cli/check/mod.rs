//! `check`: finds out whether everything is in place, and says what to do where it is not.

mod claims;
mod permissions;
mod report;
mod tenant;

use std::{process::ExitCode, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use serde_json::json;

use super::{ConfigArg, output, rules};
use crate::{
    base::{
        chain::Chain,
        clock::{Clock, SharedClock, SystemClock},
    },
    config::{self, Config},
    graph,
    store::{self, Store},
};
use report::{Level, Line};

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut lines = Vec::new();
    match args.config.load() {
        Ok(config) => {
            lines.push(Line::new(Level::Ok, "configuration", "is complete"));
            lines.extend(everything(&config).await?);
        }
        Err(config::Errors(problems)) => lines.extend(
            problems
                .iter()
                .map(|problem| Line::new(Level::Fail, "configuration", problem.to_string())),
        ),
    }
    let is_good = lines.iter().all(|line| line.level != Level::Fail);
    if args.json {
        output::print(&json!({"ok": is_good, "checks": lines}).to_string())?;
    } else {
        for line in &lines {
            output::print(&line.text())?;
        }
    }
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn everything(config: &Config) -> anyhow::Result<Vec<Line>> {
    let clock: SharedClock = Arc::new(SystemClock);
    let mut lines = store(config, clock.as_ref()).await;
    if config.tenants.is_empty() {
        lines.push(
            Line::new(Level::Fail, "configuration", "no tenant is configured").remedy(
                "set tenants.default.tenant_id and tenants.default.credential, in the file or \
                 as ENTRA_SCIM__TENANTS__DEFAULT__…",
            ),
        );
    }
    let http = graph::http_client()?;
    for tenant in config.tenants.values() {
        let mut found = vec![mapping(tenant)];
        found.extend(tenant::check(tenant, &http, &clock).await?);
        lines.extend(found.into_iter().map(|line| line.of(&tenant.name)));
    }
    Ok(lines)
}

async fn store(config: &Config, clock: &dyn Clock) -> Vec<Line> {
    let store = match Store::open(&config.store).await {
        Ok(store) => store,
        Err(error) => return vec![unusable(&error)],
    };
    let mut lines = Vec::new();
    if config.store.url.expose_secret().contains(":memory:") {
        lines.push(
            Line::new(
                Level::Warn,
                "store",
                "is in memory: clients' tokens are lost at a restart",
            )
            .remedy("set store.url to a file or to PostgreSQL"),
        );
    }
    match store.is_current().await {
        Ok(true) => lines.push(Line::new(Level::Ok, "store", "answers and is up to date")),
        Ok(false) => {
            lines.push(
                Line::new(
                    Level::Warn,
                    "store",
                    "answers, its tables are not up to date",
                )
                .remedy("entra-scim migrate (serve does it at start)"),
            );
            return lines;
        }
        Err(error) => {
            lines.push(unusable(&error));
            return lines;
        }
    }
    for name in config.tenants.keys() {
        match store.list_tokens(name).await {
            Ok(rows) => {
                let now = clock.now();
                let active = rows
                    .iter()
                    .filter(|row| row.revoked.is_none() && row.expires.is_none_or(|at| at > now))
                    .count();
                let line = if active == 0 {
                    Line::new(Level::Warn, "tokens", "no client has a token").remedy(format!(
                        "entra-scim token create --tenant {name} --name CLIENT"
                    ))
                } else {
                    Line::new(Level::Ok, "tokens", format!("{active} active"))
                };
                lines.push(line.of(name));
            }
            Err(error) => lines.push(unusable(&error)),
        }
    }
    lines
}

fn unusable(error: &store::Error) -> Line {
    Line::new(Level::Fail, "store", Chain(error).to_string()).remedy(match error {
        store::Error::Url(_) => "correct store.url",
        _ if error.is_transient() => "is the database running, and reachable from here?",
        _ => "check address, user, password, database, and the rights on the file or database",
    })
}

fn mapping(tenant: &config::Tenant) -> Line {
    match rules::compile(&tenant.mapping, tenant.user_names.as_ref()) {
        Ok(rules) => Line::new(
            Level::Ok,
            "mapping",
            format!("{} resource types", rules.len()),
        ),
        Err(rules::Errors(errors)) => Line::new(Level::Fail, "mapping", errors.join("; "))
            .remedy("correct the rule files; entra-scim mapping check FOLDER"),
    }
}
