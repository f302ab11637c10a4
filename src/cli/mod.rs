//! Floor 6: the command line.

mod audit;
mod check;
mod clap_types;
mod demo;
pub mod gateway;
mod healthcheck;
mod logging;
mod mapping;
mod migrate;
mod output;
mod rules;
mod serve;
mod signals;
mod simulate;
mod sync;
mod token;
mod wiring;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::{self, Config, Sources};

/// A SCIM 2.0 server in front of Microsoft Entra ID.
#[derive(Debug, Parser)]
#[command(name = "entra-scim", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The gateway and a simulated tenant in one process: nothing to install.
    Demo(demo::Args),
    /// The gateway.
    Serve(ConfigArg),
    /// A simulated Microsoft Graph alone.
    Simulate(simulate::Args),
    /// Finds out whether everything is in place: configuration, store, credential, Graph,
    /// permissions.
    Check(check::Args),
    /// Brings the local copy of the directory up to date once.
    Sync(sync::Args),
    /// Makes, lists and revokes clients' bearer tokens.
    Token(token::Args),
    /// Shows who changed what.
    Audit(audit::Args),
    /// Looks at mapping rules: check, show, preview.
    Mapping(mapping::Args),
    /// Brings the store's tables up to date (serve does so by itself).
    Migrate(ConfigArg),
    /// Asks the server on this machine whether it lives: for containers.
    #[command(hide = true)]
    Healthcheck(ConfigArg),
}

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
struct ConfigArg {
    /// The configuration file; the environment overrides it. Default: `ENTRA_SCIM_CONFIG`, or none.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArg {
    fn load(&self) -> Result<Config, config::Errors> {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let file = self.config.clone().or_else(|| {
            let (_, path) = environment
                .iter()
                .find(|(name, value)| name == "ENTRA_SCIM_CONFIG" && !value.is_empty())?;
            Some(PathBuf::from(path))
        });
        config::load(&Sources { file, environment })
    }
}

/// Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Serve(args) => serve::run(&args).await,
        Command::Simulate(args) => simulate::run(&args).await,
        Command::Check(args) => check::run(&args).await,
        Command::Sync(args) => sync::run(&args).await,
        Command::Token(args) => token::run(&args).await,
        Command::Audit(args) => audit::run(&args).await,
        Command::Mapping(args) => mapping::run(&args),
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Healthcheck(args) => healthcheck::run(&args).await,
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    output::complain(&format!("error: {}", crate::base::chain::Chain(&**error)));
    if error.is::<config::Errors>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}
