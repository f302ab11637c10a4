//! Floor 6: configuration, read once into typed settings.
//!
//! Layers, the later over the earlier: the compiled-in `config/default.toml`, a file,
//! `PORT`/`WEBSITES_PORT`, the environment (`ENTRA_SCIM__SECTION__KEY`). Everything that is
//! wrong is reported together, each with its file or variable and its key, never with its value.

mod reader;
mod server;
mod tenant;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use figment::{
    Figment, Metadata, Provider,
    providers::{Format, Toml},
    value::{Dict, Value},
};

pub use reader::Problem;
pub use server::{Audit, Log, LogFormat, NoMatch, Server};
pub use tenant::{
    Cloud, Entra, EventFormat, MappingSource, Preset, Receiver, Tenant, TenantSize, UserNames,
};

use crate::store;
use reader::{Layer, Reader};

/// The compiled-in layer: every key, documented, with its default.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// The name of the compiled-in layer.
const DEFAULTS: &str = "defaults";
/// What variables that are configuration begin with.
const PREFIX: &str = "ENTRA_SCIM__";

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The SCIM server.
    pub server: Server,
    /// The database.
    pub store: store::Settings,
    /// The audit trail.
    pub audit: Audit,
    /// Logging.
    pub log: Log,
    /// The tenants by name; empty when none was configured.
    pub tenants: BTreeMap<String, Tenant>,
}

/// Where configuration comes from, beside the compiled-in defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Errors(pub Vec<Problem>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not usable:")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl Errors {
    fn one(key: &str, message: impl Into<String>) -> Self {
        Self(vec![Problem {
            origin: None,
            key: key.to_owned(),
            message: message.into(),
        }])
    }
}

/// Reads and checks the configuration.
///
/// # Errors
/// All that is wrong, together.
pub fn load(sources: &Sources) -> Result<Config, Errors> {
    let mut user = Figment::new();
    if let Some(path) = &sources.file {
        let unreadable = |why: String| Errors::one(&path.display().to_string(), why);
        std::fs::metadata(path).map_err(|e| unreadable(format!("cannot read this file: {e}")))?;
        let toml = Toml::file_exact(path);
        toml.data().map_err(|e| unreadable(e.kind.to_string()))?;
        user = user.merge(toml);
    }
    for name in ["WEBSITES_PORT", "PORT"] {
        if let Some(layer) = port(sources, name)? {
            user = user.merge(layer);
        }
    }
    user = user.merge(Layer::environment(PREFIX, &sources.environment));

    let figment = defaults(&user)?.merge(user);
    let mut reader =
        Reader::new(figment).map_err(|e| Errors::one("configuration", e.to_string()))?;
    let server = server::server(&mut reader, on_app_service(sources));
    let (store, audit) = server::store(&mut reader);
    let log = server::log(&mut reader);
    let tenants = tenant::tenants(&mut reader);
    let problems = reader.finish();
    match store {
        Some(store) if problems.is_empty() => Ok(Config {
            server,
            store,
            audit,
            log,
            tenants,
        }),
        _ => Err(Errors(problems)),
    }
}

/// The compiled-in layer, with the defaults of `tenants.default` repeated for each tenant that
/// the user's layers name. A tenant that nobody named does not exist.
fn defaults(user: &Figment) -> Result<Figment, Errors> {
    let broken = |e: &dyn fmt::Display| Errors::one("config/default.toml", e.to_string());
    let mut values: Dict = Figment::from(Toml::string(DEFAULT_TOML))
        .extract()
        .map_err(|e| broken(&e))?;
    let template = match values.remove("tenants") {
        Some(tenants) => tenants
            .find("default")
            .ok_or_else(|| broken(&"tenants.default is missing"))?,
        None => return Err(broken(&"tenants.default is missing")),
    };
    if let Ok(Value::Dict(_, named)) = user.find_value("tenants") {
        let tenants: Dict = named
            .keys()
            .map(|name| (name.clone(), template.clone()))
            .collect();
        values.insert("tenants".to_owned(), Value::from(tenants));
    }
    Ok(Figment::from(Layer::new(Metadata::named(DEFAULTS), values)))
}

/// Whether this runs on App Service, which says so in each container's environment.
///
/// Source: <https://learn.microsoft.com/azure/app-service/reference-app-settings>
fn on_app_service(sources: &Sources) -> bool {
    let names = ["WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"];
    let variables = &sources.environment;
    variables
        .iter()
        .any(|(name, _)| names.contains(&name.as_str()))
}

/// What `PORT` says: all addresses, that port.
///
/// Source: App Service sets `PORT` for a container, the operator `WEBSITES_PORT`:
/// <https://learn.microsoft.com/azure/app-service/reference-app-settings>
fn port(sources: &Sources, name: &'static str) -> Result<Option<Layer>, Errors> {
    let Some((_, text)) = sources.environment.iter().find(|(n, _)| n == name) else {
        return Ok(None);
    };
    if text.is_empty() {
        return Ok(None);
    }
    let port: u16 = text
        .parse()
        .map_err(|_| Errors::one(name, "expected a port number"))?;
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).to_string();
    let server: Dict = [("listen".to_owned(), Value::from(listen))].into();
    let values: Dict = [("server".to_owned(), Value::from(server))].into();
    Ok(Some(Layer::new(Metadata::named(name), values)))
}
