//! `migrate`: the store's tables, without starting the server.

use std::process::ExitCode;

use super::{ConfigArg, output};
use crate::store::Store;

pub(super) async fn run(args: &ConfigArg) -> anyhow::Result<ExitCode> {
    let config = args.load()?;
    let store = Store::open(&config.store).await?;
    let was_current = store.is_current().await?;
    store.migrate().await?;
    output::print(if was_current {
        "the store is up to date"
    } else {
        "the store has been brought up to date"
    })?;
    Ok(ExitCode::SUCCESS)
}
