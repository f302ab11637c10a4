//! The sections that are not per tenant.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::reader::Reader;
use crate::{
    http::{forwarded::Proxies, limits::Limits},
    service::audit::Trail,
    store,
};

/// How the SCIM server behaves.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The public address, without `/scim/v2` and without a slash at the end.
    pub base_url: Option<Url>,
    /// The time for one request.
    pub request_deadline: Duration,
    /// The most resources on one page.
    pub max_page_size: usize,
    /// Resources on one page when the client does not say.
    pub default_page_size: usize,
    /// The memory that answers may take, in bytes.
    pub max_answer_memory: usize,
    /// The most operations of one bulk request.
    pub bulk_max_operations: usize,
    /// The time for one bulk request.
    pub bulk_deadline: Duration,
    /// The most objects read for one query of which Graph can answer a part only.
    pub scan_limit: usize,
    /// What one client can take, and for how long.
    pub limits: Limits,
    /// Who may say where a request came from.
    pub proxies: Proxies,
    /// Whether an attribute that no schema has is refused, not ignored.
    pub refuse_unknown_attributes: bool,
    /// Whether PATCH replace through a filter without a match creates the element.
    pub patch_create_on_no_match: NoMatch,
    /// Whether discovery is answered without a token.
    pub discovery_without_token: bool,
    /// Whether discovery tells of security events.
    pub announce_security_events: bool,
    /// Whether metrics are answered without a token.
    pub metrics_without_token: bool,
    /// How long requests under way may take after SIGTERM.
    pub shutdown_grace: Duration,
}

/// What PATCH replace does through a filter that matches nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoMatch {
    /// It is refused.
    Never,
    /// The element is made when it is of a `type` that the schema names.
    #[default]
    KnownTypes,
    /// The element is made.
    Always,
}

/// The audit trail.
#[derive(Clone, Copy, Debug)]
pub struct Audit {
    /// How many days its rows are kept.
    pub days: u32,
    /// What happens to a write of which no row can be stored.
    pub trail: Trail,
}

/// Logging.
#[derive(Clone, Debug)]
pub struct Log {
    /// The form of each line.
    pub format: LogFormat,
    /// The directives of the filter.
    pub level: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// Reads one of a few words.
pub(super) fn choice<T: Copy>(reader: &mut Reader, key: &str, among: &[(&str, T)]) -> Option<T> {
    let text = reader.text(key)?;
    let found = among.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let words: Vec<String> = among.iter().map(|(w, _)| format!("{w:?}")).collect();
        reader.wrong(key, format!("expected {}", words.join(" or ")));
    }
    found.map(|(_, value)| *value)
}

fn size(reader: &mut Reader, key: &str, range: std::ops::RangeInclusive<u32>) -> usize {
    // Everywhere this runs, a `usize` holds a `u32`.
    usize::try_from(reader.number(key, range)).unwrap_or(usize::MAX)
}

pub(super) fn seconds(
    reader: &mut Reader,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
) -> Duration {
    Duration::from_secs(u64::from(reader.number(key, range)))
}

fn limits(reader: &mut Reader) -> Limits {
    let many = 1..=1_000_000;
    Limits {
        connections: size(reader, "server.max_connections", many.clone()),
        connections_per_peer: size(reader, "server.max_connections_per_peer", many.clone()),
        header_time: seconds(reader, "server.header_timeout_secs", 1..=3_600),
        idle_time: seconds(reader, "server.idle_timeout_secs", 1..=3_600),
        body_time: seconds(reader, "server.body_timeout_secs", 1..=3_600),
        write_time: seconds(reader, "server.write_timeout_secs", 1..=3_600),
        min_rate: reader.number("server.min_bytes_per_sec", 1..=1_000_000_000),
        body: size(reader, "server.max_body_bytes", 1_024..=1_073_741_824),
        bodies: size(
            reader,
            "server.max_buffered_body_bytes",
            1_024..=4_294_967_295,
        ),
        requests: size(reader, "server.max_concurrent_requests", 1..=65_536),
        requests_per_tenant: size(
            reader,
            "server.max_concurrent_requests_per_tenant",
            1..=65_536,
        ),
        requests_per_token: size(
            reader,
            "server.max_concurrent_requests_per_token",
            1..=65_536,
        ),
        rate_per_token: reader.number("server.requests_per_sec_per_token", many),
        http2: reader.flag("server.http2_cleartext"),
    }
}

/// The proxies that are named, else App Service's when it runs there.
fn proxies(reader: &mut Reader, on_app_service: bool) -> Proxies {
    let key = "server.trusted_proxies";
    match reader.text(key) {
        Some(text) => Proxies::parse(&text).unwrap_or_else(|wrong| {
            reader.wrong(key, wrong);
            Proxies::default()
        }),
        None if on_app_service => Proxies::of_app_service(),
        None => Proxies::default(),
    }
}

pub(super) fn server(reader: &mut Reader, on_app_service: bool) -> Server {
    let listen = reader.text("server.listen").and_then(|text| {
        let parsed = text.parse();
        if parsed.is_err() {
            reader.wrong(
                "server.listen",
                "expected address:port, such as 0.0.0.0:8080",
            );
        }
        parsed.ok()
    });
    let base_url = reader.parsed::<Url>("server.base_url").and_then(|url| {
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            reader.wrong(
                "server.base_url",
                "expected https://host, without query, fragment or user",
            );
        }
        plain.then_some(url)
    });
    let server = Server {
        listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
        base_url,
        request_deadline: seconds(reader, "server.request_deadline_secs", 1..=3_600),
        max_page_size: size(reader, "server.max_page_size", 1..=100_000),
        default_page_size: size(reader, "server.default_page_size", 1..=100_000),
        max_answer_memory: size(reader, "server.max_answer_memory_mb", 16..=65_536) << 20,
        bulk_max_operations: size(reader, "server.bulk_max_operations", 1..=10_000),
        bulk_deadline: seconds(reader, "server.bulk_deadline_secs", 1..=3_600),
        scan_limit: size(reader, "server.scan_limit", 1..=10_000_000),
        limits: limits(reader),
        proxies: proxies(reader, on_app_service),
        refuse_unknown_attributes: choice(
            reader,
            "server.unknown_attributes",
            &[("refuse", true), ("ignore", false)],
        )
        .unwrap_or(true),
        patch_create_on_no_match: choice(
            reader,
            "server.patch_create_on_no_match",
            &[
                ("never", NoMatch::Never),
                ("known-types", NoMatch::KnownTypes),
                ("always", NoMatch::Always),
                ("false", NoMatch::Never),
                ("true", NoMatch::Always),
            ],
        )
        .unwrap_or_default(),
        discovery_without_token: reader.flag("server.discovery_without_token"),
        announce_security_events: reader.flag("server.announce_security_events"),
        metrics_without_token: reader.flag("server.metrics_without_token"),
        shutdown_grace: seconds(reader, "server.shutdown_grace_secs", 0..=3_600),
    };
    if server.default_page_size > server.max_page_size {
        reader.wrong(
            "server.default_page_size",
            "contradicts server.max_page_size, which is smaller",
        );
    }
    server
}

pub(super) fn store(reader: &mut Reader) -> (Option<store::Settings>, Audit) {
    let url = reader.secret("store.url");
    if url.is_none() {
        reader.wrong(
            "store.url",
            "expected sqlite://path or postgres://host/database",
        );
    }
    let max_connections = NonZeroU32::new(reader.number("store.max_connections", 1..=1_000));
    let journal = reader.parsed("store.sqlite_journal");
    let audit_days = reader.number("store.audit_days", 1..=36_500);
    let words = [
        ("required", Trail::Required),
        ("best-effort", Trail::BestEffort),
    ];
    let trail = choice(reader, "store.audit", &words).unwrap_or_default();
    let settings =
        url.zip(max_connections)
            .zip(journal)
            .map(|((url, max_connections), journal)| store::Settings {
                url,
                max_connections,
                journal,
            });
    (
        settings,
        Audit {
            days: audit_days,
            trail,
        },
    )
}

pub(super) fn log(reader: &mut Reader) -> Log {
    let format = choice(
        reader,
        "log.format",
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
    );
    let level = reader.text("log.level").unwrap_or_default();
    if EnvFilter::try_new(&level).is_err() || level.is_empty() {
        reader.wrong("log.level", "expected a level such as info, or directives");
    }
    Log {
        format: format.unwrap_or(LogFormat::Text),
        level,
    }
}
