//! The edge of the server: connections, time-outs, shares, and headers that mean two things.

mod headers;
mod load;
mod raw;
mod shares;
mod times;

use crate::support::app::{App, Options};

/// A small tenant behind a gateway with these keys below `server`.
async fn limited(latency_ms: u64, keys: &[(&str, &str)]) -> App {
    let key = |name: &str| format!("ENTRA_SCIM__SERVER__{}", name.to_uppercase());
    App::with(Options {
        users: 60,
        groups: 4,
        latency_ms,
        environment: keys
            .iter()
            .map(|(name, value)| (key(name), (*value).to_owned()))
            .collect(),
        ..Options::default()
    })
    .await
}
