//! One section per tenant: which Entra tenant, with which credential, and what may be done.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use secrecy::SecretString;
use url::{Host, Url};
use uuid::Uuid;

use super::{
    reader::Reader,
    server::{choice, seconds},
};
use crate::{
    credential::{self, CertificateSource},
    service::replica,
};

/// One tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name, as in `/tenants/{name}/scim/v2`.
    pub name: String,
    /// Where its directory is.
    pub entra: Entra,
    /// How the gateway signs in.
    pub credential: credential::Settings,
    /// How attributes are mapped.
    pub mapping: MappingSource,
    /// What user names get, where clients have none with a domain.
    pub user_names: Option<UserNames>,
    /// Who is told of changes.
    pub receiver: Option<Receiver>,
    /// What the gateway is for.
    pub permissions: Preset,
    /// How big the tenant is, by Graph's throttling limits.
    pub tenant_size: TenantSize,
    /// The local copy of its directory.
    pub replica: replica::Settings,
}

/// Who is told of changes.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where.
    pub url: Url,
    /// How.
    pub format: EventFormat,
    /// A bearer token for pushes, the signing secret of webhooks.
    pub secret: Option<SecretString>,
    /// Whom tokens are for.
    pub audience: String,
}

/// How changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFormat {
    /// Security event tokens.
    Push,
    /// JSON, signed.
    Webhook,
}

/// What user names of clients get to be user principal names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserNames {
    /// Stands in front.
    pub prefix: String,
    /// Stands behind an `@`.
    pub domain: String,
}

/// Where a tenant's directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entra {
    /// The tenant's id or a domain of it; some credentials know it themselves.
    pub tenant_id: Option<String>,
    /// Graph's origin.
    pub graph: Url,
    /// The sign-in host.
    pub authority: Url,
}

/// A Microsoft cloud.
///
/// Source: <https://learn.microsoft.com/graph/deployments>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// The global service.
    Public,
    /// Microsoft Cloud for US Government.
    UsGov,
    /// Microsoft Azure operated by 21Vianet in China.
    China,
}

impl Cloud {
    /// Graph's origin and the sign-in host.
    pub fn urls(self) -> (&'static str, &'static str) {
        match self {
            Self::Public => (
                "https://graph.microsoft.com",
                "https://login.microsoftonline.com",
            ),
            Self::UsGov => (
                "https://graph.microsoft.us",
                "https://login.microsoftonline.us",
            ),
            Self::China => (
                "https://microsoftgraph.chinacloudapi.cn",
                "https://login.chinacloudapi.cn",
            ),
        }
    }
}

/// Which rule files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingSource {
    /// Compiled in: `standard` or `iga-flat`.
    Preset(&'static str),
    /// A folder of rule files.
    Folder(PathBuf),
}

impl MappingSource {
    /// The names of the compiled-in mappings.
    pub const PRESETS: [&'static str; 2] = ["standard", "iga-flat"];

    /// Reads the name of a preset or the path of a folder that is there.
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(preset) = Self::PRESETS.iter().find(|preset| **preset == text) {
            return Ok(Self::Preset(preset));
        }
        let folder = PathBuf::from(text);
        if folder.is_dir() {
            Ok(Self::Folder(folder))
        } else {
            Err(format!(
                "expected \"standard\", \"iga-flat\" or a folder of rule files; {text:?} is none"
            ))
        }
    }
}

/// What the gateway is for, and so what its application should be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Nothing.
    ReadOnly,
    /// Members and owners of groups, holders of roles and licences.
    MembershipOnly,
    /// All that is mapped.
    Full,
}

/// Size by which Graph sets its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantSize {
    /// Under 50 users.
    Small,
    /// 50 to 500 users.
    Medium,
    /// Over 500 users.
    Large,
}

pub(super) fn tenants(reader: &mut Reader) -> BTreeMap<String, Tenant> {
    reader
        .names("tenants")
        .into_iter()
        .filter_map(|name| {
            let path = format!("tenants.{name}");
            if !is_name(&name) {
                reader.wrong(
                    &path,
                    "a tenant's name is 1 to 63 lower-case letters, digits and hyphens",
                );
            }
            let tenant = tenant(reader, name.clone(), &path)?;
            Some((name, tenant))
        })
        .collect()
}

fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Asks for every key, even after one was wrong, so that all problems are told at once.
fn tenant(reader: &mut Reader, name: String, path: &str) -> Option<Tenant> {
    let key = |name: &str| format!("{path}.{name}");
    let tenant_id = tenant_id(reader, &key("tenant_id"));
    let entra = entra(reader, path, tenant_id.clone());
    let mapping_key = key("mapping");
    let mapping = reader.text(&mapping_key).and_then(|text| {
        MappingSource::parse(&text)
            .map_err(|message| reader.wrong(&mapping_key, message))
            .ok()
    });
    let receiver = receiver(reader, path);
    let domain = reader.text(&key("user_name_domain")).unwrap_or_default();
    let prefix = reader.text(&key("user_name_prefix")).unwrap_or_default();
    if domain.is_empty() && !prefix.is_empty() {
        let text = "it needs user_name_domain".to_owned();
        reader.wrong(&key("user_name_prefix"), text);
    }
    let permissions = choice(
        reader,
        &key("permissions"),
        &[
            ("read-only", Preset::ReadOnly),
            ("membership-only", Preset::MembershipOnly),
            ("full", Preset::Full),
        ],
    );
    let tenant_size = choice(
        reader,
        &key("tenant_size"),
        &[
            ("small", TenantSize::Small),
            ("medium", TenantSize::Medium),
            ("large", TenantSize::Large),
        ],
    );
    let replica = replica(reader, path);
    let credential = credential(reader, path, tenant_id);
    Some(Tenant {
        name,
        entra: entra?,
        credential: credential?,
        mapping: mapping?,
        user_names: (!domain.is_empty()).then_some(UserNames { prefix, domain }),
        receiver,
        permissions: permissions?,
        tenant_size: tenant_size?,
        replica: replica?,
    })
}

fn receiver(reader: &mut Reader, path: &str) -> Option<Receiver> {
    let key = |name: &str| format!("{path}.{name}");
    let url: Option<Url> = reader.parsed(&key("events_url"));
    let secret = reader.secret(&key("events_secret"));
    let audience = reader.text(&key("events_audience"));
    let format = choice(
        reader,
        &key("events_format"),
        &[
            ("push", EventFormat::Push),
            ("webhook", EventFormat::Webhook),
        ],
    );
    let url = url?;
    let local = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    if url.scheme() != "https" && !(url.scheme() == "http" && local) {
        let text = "it must be https (http is for this machine only)";
        reader.wrong(&key("events_url"), text);
    }
    if !reader.has("server.base_url") {
        reader.wrong(
            &key("events_url"),
            "it needs server.base_url, which events name as their issuer",
        );
    }
    if format == Some(EventFormat::Webhook) && secret.is_none() {
        reader.wrong(
            &key("events_secret"),
            "webhooks are signed: give whsec_ and the base64 of 24 to 64 bytes",
        );
    }
    Some(Receiver {
        audience: audience.unwrap_or_else(|| url.origin().ascii_serialization()),
        url,
        format: format?,
        secret,
    })
}

fn replica(reader: &mut Reader, path: &str) -> Option<replica::Settings> {
    let key = |name: &str| format!("{path}.{name}");
    let on = choice(reader, &key("replica"), &[("on", true), ("off", false)]);
    let notification_url: Option<Url> = reader.parsed(&key("replica_notification_url"));
    let max_shrink = reader.number(&key("replica_max_shrink_percent"), 0..=100);
    Some(replica::Settings {
        interval: seconds(reader, &key("replica_interval_secs"), 1..=86_400),
        guard: seconds(reader, &key("replica_guard_secs"), 0..=86_400),
        reconcile: seconds(reader, &key("replica_reconcile_secs"), 1..=2_592_000),
        max_shrink: f64::from(max_shrink) / 100.0,
        feed: seconds(reader, &key("replica_feed_days"), 1..=3_650) * 86_400,
        notification_url: notification_url.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        on: on?,
    })
}

fn tenant_id(reader: &mut Reader, key: &str) -> Option<String> {
    let text = reader.text(key)?;
    if matches!(&*text, "common" | "organizations" | "consumers") {
        reader.wrong(key, "an application signs in to one tenant: give its id");
        return None;
    }
    let is_domain = text.contains('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if Uuid::try_parse(&text).is_err() && !is_domain {
        reader.wrong(
            key,
            "expected the tenant's id (a GUID) or one of its domains",
        );
        return None;
    }
    Some(text)
}

fn entra(reader: &mut Reader, path: &str, tenant_id: Option<String>) -> Option<Entra> {
    let cloud_key = format!("{path}.cloud");
    let cloud = choice(
        reader,
        &cloud_key,
        &[
            ("public", Cloud::Public),
            ("usgov", Cloud::UsGov),
            ("china", Cloud::China),
        ],
    );
    let (graph_key, authority_key) = (format!("{path}.graph_url"), format!("{path}.authority_url"));
    let given = (reader.has(&graph_key), reader.has(&authority_key));
    let graph = origin(reader, &graph_key);
    let authority = origin(reader, &authority_key);
    match given {
        (true, true) => {
            if !reader.is_default(&cloud_key) {
                reader.wrong(
                    &cloud_key,
                    "contradicts graph_url and authority_url: give the cloud or the URLs",
                );
            }
            Some(Entra {
                tenant_id,
                graph: graph?,
                authority: authority?,
            })
        }
        (false, false) => {
            let (graph, authority) = cloud?.urls();
            Some(Entra {
                tenant_id,
                graph: Url::parse(graph).ok()?,
                authority: Url::parse(authority).ok()?,
            })
        }
        (true, false) => {
            reader.wrong(
                &graph_key,
                "needs authority_url beside it: they go together",
            );
            None
        }
        (false, true) => {
            reader.wrong(
                &authority_key,
                "needs graph_url beside it: they go together",
            );
            None
        }
    }
}

/// A URL without path; `http` for this machine only, because tokens travel over it.
fn origin(reader: &mut Reader, key: &str) -> Option<Url> {
    let url: Url = reader.parsed(key)?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    };
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        reader.wrong(key, "expected https://host, without path, query or user");
        return None;
    }
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        Some(url)
    } else {
        reader.wrong(key, "must be https; http is for loopback addresses only");
        None
    }
}

/// The kinds of credential, and the keys that each uses.
const KINDS: [(&str, &[&str]); 5] = [
    ("managed-identity", &["client_id"]),
    (
        "certificate",
        &[
            "client_id",
            "certificate",
            "certificate_file",
            "certificate_password",
            "certificate_password_file",
        ],
    ),
    ("client-secret", &["client_id", "secret", "secret_file"]),
    ("workload-identity", &["client_id", "token_file"]),
    ("azure-cli", &[]),
];

fn credential(
    reader: &mut Reader,
    path: &str,
    tenant_id: Option<String>,
) -> Option<credential::Settings> {
    let key = |name: &str| format!("{path}.credential.{name}");
    let client_id = reader.text(&key("client_id"));
    let secret = reader.secret(&key("secret"));
    let certificate = certificate(reader, &key("certificate"));
    let password = reader.secret(&key("certificate_password"));
    let token_file = reader.text(&key("token_file")).map(PathBuf::from);

    let kinds = KINDS.map(|(kind, _)| (kind, kind));
    if reader.text(&key("kind")).is_none() {
        let kinds: Vec<String> = kinds.iter().map(|(kind, _)| format!("{kind:?}")).collect();
        reader.wrong(&key("kind"), format!("is needed: {}", kinds.join(" or ")));
        return None;
    }
    let kind = choice(reader, &key("kind"), &kinds)?;
    let uses = KINDS.iter().find(|(name, _)| *name == kind)?.1;
    for name in KINDS.iter().flat_map(|(_, keys)| *keys) {
        let unused = reader.has(&key(name)) && !uses.contains(name);
        if unused && reader.blame_once(&key(name)) {
            reader.wrong(
                &key(name),
                format!("contradicts kind = {kind:?}, which has no use for it"),
            );
        }
    }
    // A key that is there but wrong has been reported already.
    let needed = |reader: &mut Reader, at: &str, what: &str| {
        if !reader.has(at) {
            reader.wrong(at, format!("is needed with kind = {kind:?}{what}"));
        }
    };
    let tenant_key = format!("{path}.tenant_id");
    let app = matches!(kind, "certificate" | "client-secret");
    if app && client_id.is_none() {
        needed(reader, &key("client_id"), " (the application's id)");
    }
    if app && tenant_id.is_none() {
        needed(reader, &tenant_key, " (the Entra tenant's id)");
    }
    match kind {
        "managed-identity" => Some(credential::Settings::ManagedIdentity { client_id }),
        "certificate" => {
            if certificate.is_none() && !reader.has(&key("certificate_file")) {
                needed(reader, &key("certificate_file"), " (or certificate)");
            }
            Some(credential::Settings::Certificate {
                tenant_id: tenant_id?,
                client_id: client_id?,
                certificate: certificate?,
                password,
            })
        }
        "client-secret" => {
            if secret.is_none() && !reader.has(&key("secret_file")) {
                needed(reader, &key("secret"), " (or secret_file)");
            }
            Some(credential::Settings::ClientSecret {
                tenant_id: tenant_id?,
                client_id: client_id?,
                secret: secret?,
            })
        }
        "workload-identity" => Some(credential::Settings::WorkloadIdentity {
            tenant_id,
            client_id,
            token_file,
        }),
        _ => Some(credential::Settings::AzureCli { tenant_id }),
    }
}

/// A certificate: its text at `key`, or the file named at `key` + `_file`, which is read anew
/// whenever it is used and so can be replaced in place.
fn certificate(reader: &mut Reader, key: &str) -> Option<CertificateSource> {
    let file_key = format!("{key}_file");
    let inline = reader.text(key);
    let file = reader.file(&file_key);
    if inline.is_some() && reader.has(&file_key) {
        reader.wrong(&file_key, format!("contradicts {key}: give one of them"));
        return None;
    }
    inline
        .map(|text| CertificateSource::Inline(SecretString::from(text)))
        .or(file.map(CertificateSource::Path))
}
