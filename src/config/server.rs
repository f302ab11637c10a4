//! The sections that are not per tenant.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::reader::Reader;
use crate::store;

/// How the SCIM server behaves.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The public address, without `/scim/v2` and without a slash at the end.
    pub base_url: Option<Url>,
    /// The longest request body, in bytes.
    pub max_body_bytes: usize,
    /// The time for one request.
    pub request_deadline: Duration,
    /// The most resources on one page.
    pub max_page_size: usize,
    /// Resources on one page when the client does not say.
    pub default_page_size: usize,
    /// The most objects read for one query of which Graph can answer a part only.
    pub scan_limit: usize,
    /// Requests worked on at once.
    pub max_concurrent_requests: usize,
    /// Whether an attribute that no schema has is refused, not ignored.
    pub refuse_unknown_attributes: bool,
    /// Whether PATCH replace through a filter without a match creates the element.
    pub patch_create_on_no_match: bool,
    /// Whether discovery is answered without a token.
    pub discovery_without_token: bool,
    /// How long requests under way may take after SIGTERM.
    pub shutdown_grace: Duration,
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

fn seconds(reader: &mut Reader, key: &str, range: std::ops::RangeInclusive<u32>) -> Duration {
    Duration::from_secs(u64::from(reader.number(key, range)))
}

pub(super) fn server(reader: &mut Reader) -> Server {
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
        max_body_bytes: size(reader, "server.max_body_bytes", 1_024..=1_073_741_824),
        request_deadline: seconds(reader, "server.request_deadline_secs", 1..=3_600),
        max_page_size: size(reader, "server.max_page_size", 1..=100_000),
        default_page_size: size(reader, "server.default_page_size", 1..=100_000),
        scan_limit: size(reader, "server.scan_limit", 1..=10_000_000),
        max_concurrent_requests: size(reader, "server.max_concurrent_requests", 1..=65_536),
        refuse_unknown_attributes: choice(
            reader,
            "server.unknown_attributes",
            &[("refuse", true), ("ignore", false)],
        )
        .unwrap_or(true),
        patch_create_on_no_match: reader.flag("server.patch_create_on_no_match"),
        discovery_without_token: reader.flag("server.discovery_without_token"),
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

pub(super) fn store(reader: &mut Reader) -> (Option<store::Settings>, u32) {
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
    let settings =
        url.zip(max_connections)
            .zip(journal)
            .map(|((url, max_connections), journal)| store::Settings {
                url,
                max_connections,
                journal,
            });
    (settings, audit_days)
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
