//! Builds the parts out of the configuration, in one place.

use std::{sync::Arc, time::Duration};

use url::Url;

use crate::{
    base::clock::SharedClock,
    config::{self, TenantSize},
    credential::{self, Endpoints, TokenSource},
    graph::{self, Budget},
};

/// The token source of a tenant.
///
/// # Errors
/// When the credential is not usable; nothing is sent yet.
pub(super) fn tokens(
    tenant: &config::Tenant,
    http: &reqwest::Client,
    clock: &SharedClock,
) -> Result<Arc<dyn TokenSource>, credential::Error> {
    let endpoints = Endpoints {
        authority: tenant.entra.authority.clone(),
        scope: scope(&tenant.entra.graph),
    };
    credential::build(
        &tenant.credential,
        &endpoints,
        http.clone(),
        Arc::clone(clock),
    )
}

/// The scope that asks for everything that was granted.
fn scope(graph: &Url) -> String {
    format!("{}/.default", graph.as_str().trim_end_matches('/'))
}

/// The Graph client of a tenant.
///
/// # Errors
/// When the settings contradict each other.
pub(super) fn graph_client(
    tenant: &config::Tenant,
    deadline: Duration,
    tokens: Arc<dyn TokenSource>,
    http: &reqwest::Client,
    clock: &SharedClock,
) -> Result<graph::Client, graph::Error> {
    let mut settings = graph::Settings::new(tenant.entra.graph.clone());
    settings.deadline = deadline;
    settings.request_timeout = settings.request_timeout.min(deadline);
    settings.budget = match tenant.tenant_size {
        TenantSize::Small => Budget::SMALL,
        TenantSize::Medium => Budget::MEDIUM,
        TenantSize::Large => Budget::LARGE,
    };
    graph::Client::new(settings, tokens, http.clone(), Arc::clone(clock))
}
