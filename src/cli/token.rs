//! `token`: clients' bearer tokens.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args as ClapArgs, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{ConfigArg, clap_types::Expiry, output};
use crate::{
    base::clock::{Clock, SystemClock},
    config::Config,
    resources,
    service::tokens::{self, Grant, Order},
    store::{Store, TokenRow},
};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a token and prints it: it is shown this once and stored hashed.
    Create {
        /// What you call it, such as the client's name.
        #[arg(long)]
        name: String,
        /// What it allows: read or write (which includes read), a colon, and a resource type or
        /// `*`; several with commas: `read:*,write:Groups`.
        #[arg(long, default_value = "read:*")]
        scope: Grant,
        /// When it expires: never, 90d, 12h, or a date.
        #[arg(long, default_value = "365d")]
        expires: Expiry,
        #[command(flatten)]
        common: Common,
    },
    /// Lists the tokens of a tenant, never the tokens themselves.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Revokes a token, at once and for good.
    Revoke {
        /// Its id, as listed.
        id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, ClapArgs)]
struct Common {
    #[command(flatten)]
    config: ConfigArg,
    /// The tenant, as named in the configuration.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let clock = SystemClock;
    match &args.action {
        Action::Create {
            name,
            scope,
            expires,
            common,
        } => {
            let (config, store) = open(common).await?;
            ensure!(
                config.tenants.contains_key(&common.tenant),
                "no tenant named {:?} is configured",
                common.tenant
            );
            known_resources(scope)?;
            let name = tokens::name(name).map_err(anyhow::Error::msg)?;
            let expires = expires.from(clock.now())?;
            let order = Order {
                tenant: &common.tenant,
                name,
                grant: scope,
                expires,
                by: &operator(),
            };
            let issued = tokens::issue(&store, &clock, tokens::mint(), &order).await?;
            let token = issued.token.expose_secret();
            if common.json {
                output::print(
                    &json!({
                        "token": token, "id": issued.row.id, "tenant": issued.row.tenant,
                        "name": name, "scopes": issued.row.scopes, "expires": text(expires)?,
                    })
                    .to_string(),
                )?;
            } else {
                output::complain(&format!(
                    "token {} for tenant {}: {}, expires {}; it is shown this once:",
                    issued.row.id,
                    common.tenant,
                    scope,
                    text(expires)?.as_deref().unwrap_or("never"),
                ));
                output::print(token)?;
            }
        }
        Action::List { common } => {
            let (_, store) = open(common).await?;
            list(
                &store.list_tokens(&common.tenant).await?,
                common.json,
                clock.now(),
            )?;
        }
        Action::Revoke { id, common } => {
            let (_, store) = open(common).await?;
            tokens::revoke(&store, &clock, &common.tenant, id, &operator()).await?;
            if common.json {
                output::print(&json!({"revoked": id}).to_string())?;
            } else {
                output::print(&format!("token {id} is revoked"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who works at the command line, as far as the system says.
fn operator() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    let user = user.unwrap_or_default();
    let plain = user.chars().filter(|c| !c.is_control()).take(60);
    format!("cli:{}", plain.collect::<String>())
}

async fn open(common: &Common) -> anyhow::Result<(Config, Store)> {
    let config = common.config.load()?;
    ensure!(
        !config.store.url.expose_secret().contains(":memory:"),
        "the store is in memory: tokens would be gone with this command; set store.url"
    );
    let store = Store::open(&config.store).await?;
    store.migrate().await?;
    Ok((config, store))
}

fn known_resources(grant: &Grant) -> anyhow::Result<()> {
    let known: Vec<&str> = resources::ALL
        .iter()
        .map(|kind| kind.endpoint.trim_start_matches('/'))
        .collect();
    for scope in grant.scopes() {
        if let Some(name) = &scope.resource {
            ensure!(
                known.iter().any(|k| k.eq_ignore_ascii_case(name)),
                "scope {scope}: there is no resource type {name}; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

fn text(at: Option<OffsetDateTime>) -> anyhow::Result<Option<String>> {
    at.map(|at| at.format(&Rfc3339).context("a moment has no text form"))
        .transpose()
}

fn state(row: &TokenRow, now: OffsetDateTime) -> &'static str {
    if row.revoked.is_some() {
        "revoked"
    } else if row.expires.is_some_and(|expires| expires <= now) {
        "expired"
    } else {
        "active"
    }
}

fn list(rows: &[TokenRow], as_json: bool, now: OffsetDateTime) -> anyhow::Result<()> {
    if !as_json && rows.is_empty() {
        output::complain("there are no tokens");
    }
    for row in rows {
        let (created, expires) = (text(Some(row.created))?, text(row.expires)?);
        let (revoked, used) = (text(row.revoked)?, text(row.last_used)?);
        if as_json {
            output::print(
                &json!({
                    "id": row.id, "tenant": row.tenant, "name": row.name, "scopes": row.scopes,
                    "state": state(row, now), "created": created, "expires": expires,
                    "revoked": revoked, "last_used": used,
                })
                .to_string(),
            )?;
        } else {
            output::print(&format!(
                "{}  {:8}  {}  {}  expires {}  last used {}",
                row.id,
                state(row, now),
                row.name,
                row.scopes,
                expires.as_deref().unwrap_or("never"),
                used.as_deref().unwrap_or("never"),
            ))?;
        }
    }
    Ok(())
}
