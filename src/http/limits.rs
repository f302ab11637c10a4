//! The bounds on connections and requests: what one client can take, and for how long.

use std::time::Duration;

/// Bounds; each is a key below `server` in the configuration.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one peer address; a trusted proxy is no peer.
    pub connections_per_peer: usize,
    /// How long the head of a request may take.
    pub header_time: Duration,
    /// How long a connection may stay open without a request.
    pub idle_time: Duration,
    /// How long a request body may take.
    pub body_time: Duration,
    /// How long a client may take nothing of an answer.
    pub write_time: Duration,
    /// The slowest that a body may come, and an answer may be taken, in bytes a second.
    pub min_rate: u32,
    /// Largest request body, bytes.
    pub body: usize,
    /// Bytes of request bodies that are held at once.
    pub bodies: usize,
    /// Requests worked on at once.
    pub requests: usize,
    /// Of these, those of one tenant.
    pub requests_per_tenant: usize,
    /// Of these, those of one token.
    pub requests_per_token: usize,
    /// Requests a second of one token, over a while.
    pub rate_per_token: u32,
    /// Whether HTTP/2 is spoken without TLS.
    pub http2: bool,
}

impl Default for Limits {
    /// The values of `config/default.toml`.
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_peer: 2048,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_mins(2),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            min_rate: 1024,
            body: 4 << 20,
            bodies: 64 << 20,
            requests: 256,
            requests_per_tenant: 224,
            requests_per_token: 128,
            rate_per_token: 1000,
            http2: false,
        }
    }
}
