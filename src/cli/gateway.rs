//! The gateway as a whole, out of the configuration: every tenant with its credential, its Graph
//! client and its rules.

use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::task::TaskTracker;

use super::{rules, wiring};
use crate::{
    base::clock::SharedClock,
    config::{self, Config, EventFormat, NoMatch, Preset},
    delivery, graph, http,
    scim::{
        patch,
        resource::{InputRules, Unknown},
    },
    service::{
        self, App, MappedType, Tenant, audit::SignIns, licence::Licence, memory::Memory,
        names::Names, read::Pages, recent::Recent, relations::RecentRelations, replica::Replica,
        rights::Rights, role_groups::RoleGroups, seal::Seal, seen::Seen, write::Queue,
    },
    store::Store,
};

/// Everything that serves requests. Nothing is sent yet.
///
/// # Errors
/// When a credential or the rules of a mapping are not usable.
pub fn app(config: &Config, store: Store, clock: &SharedClock) -> anyhow::Result<App> {
    let http = graph::http_client()?;
    let mut tenants = Vec::new();
    for tenant in config.tenants.values() {
        let named = || format!("tenant {}", tenant.name);
        let tokens = wiring::tokens(tenant, &http, clock).with_context(named)?;
        let deadline = config.server.request_deadline;
        let graph =
            wiring::graph_client(tenant, deadline, tokens, &http, clock).with_context(named)?;
        let names = tenant.user_names.as_ref();
        let types = rules::compile(&tenant.mapping, names)
            .with_context(named)?
            .into_iter()
            .map(|(kind, mapping)| Arc::new(MappedType::new(kind, mapping)))
            .collect();
        tenants.push(Arc::new(Tenant {
            name: tenant.name.clone(),
            graph,
            graph_url: format!("{}/v1.0", tenant.entra.graph.as_str().trim_end_matches('/')),
            rights: match tenant.permissions {
                Preset::ReadOnly => Rights::ReadOnly,
                Preset::MembershipOnly => Rights::MembershipOnly,
                Preset::Full => Rights::Full,
            },
            types,
            replica: Replica::new(tenant.replica.clone()),
            recent: Recent::default(),
            seen: Seen::default(),
            role_groups: RoleGroups::default(),
            queue: Queue::default(),
            licence: Licence::default(),
            names: Names::default(),
            relations: RecentRelations::default(),
            pages: Pages::default(),
            seal: Seal::default(),
            event_keys: service::events::Keys::default(),
            receiver: receiver(config, tenant).with_context(named)?,
        }));
    }
    Ok(App {
        sign_ins: SignIns::default(),
        memory: Memory::new(config.server.max_answer_memory),
        tenants,
        store,
        clock: Arc::clone(clock),
        settings: service_settings(config),
        writes: TaskTracker::new(),
    })
}

/// Who is told of the tenant's changes.
fn receiver(
    config: &Config,
    tenant: &config::Tenant,
) -> Result<Option<delivery::Receiver>, delivery::Error> {
    let (Some(told), Some(base)) = (&tenant.receiver, &config.server.base_url) else {
        return Ok(None);
    };
    let how = match (told.format, &told.secret) {
        (EventFormat::Push, secret) => delivery::How::Push(secret.clone()),
        (EventFormat::Webhook, Some(secret)) => {
            delivery::How::Webhook(delivery::webhook_key(secret)?)
        }
        (EventFormat::Webhook, None) => return Err(delivery::Error::Secret),
    };
    let base = base.as_str().trim_end_matches('/');
    let issuer = if tenant.name == "default" {
        format!("{base}/scim/v2")
    } else {
        format!("{base}/tenants/{}/scim/v2", tenant.name)
    };
    let audience = told.audience.clone();
    delivery::Receiver::new(told.url.clone(), how, audience, issuer).map(Some)
}

fn service_settings(config: &Config) -> service::Settings {
    let server = &config.server;
    let unknown = if server.refuse_unknown_attributes {
        Unknown::Refuse
    } else {
        Unknown::Ignore
    };
    service::Settings {
        deadline: server.request_deadline,
        default_page: server.default_page_size,
        max_page: server.max_page_size,
        scan_limit: server.scan_limit,
        trail: config.audit.trail,
        bulk: service::bulk::Limits {
            operations: server.bulk_max_operations,
            time: server.bulk_deadline,
        },
        input: InputRules { unknown },
        patch: patch::Options {
            create_on_no_match: match server.patch_create_on_no_match {
                NoMatch::Never => patch::CreateOnNoMatch::Never,
                NoMatch::KnownTypes => patch::CreateOnNoMatch::KnownTypes,
                NoMatch::Always => patch::CreateOnNoMatch::Always,
            },
            unknown,
        },
    }
}

/// The settings of the HTTP floor.
pub fn http_settings(config: &Config) -> http::Settings {
    let server = &config.server;
    http::Settings {
        public_url: server
            .base_url
            .as_ref()
            .map(|u| u.as_str().trim_end_matches('/').to_owned()),
        open_discovery: server.discovery_without_token,
        announce_events: server.announce_security_events,
        open_metrics: server.metrics_without_token,
        limits: Arc::new(server.limits.clone()),
        proxies: Arc::new(server.proxies.clone()),
    }
}
