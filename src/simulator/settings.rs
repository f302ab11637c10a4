//! What a simulated tenant is made of and how it behaves.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one simulator. [`Settings::default`] is the tenant that `demo` shows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Number of users.
    pub users: usize,
    /// Number of groups.
    pub groups: usize,
    /// The seed: the same seed, users and groups give the same tenant, byte for byte.
    pub seed: u64,
    /// Added to every answer of Graph and of the token endpoints.
    pub latency: Duration,
    /// The published limits to enforce.
    pub throttle: ThrottleSize,
    /// How long a write stays invisible to reads at the most; `POST /_sim/lag` sets its kinds apart.
    pub replication_lag: Duration,
    /// A file of fault rules, JSON of the same form as the body of `POST /_sim/faults`.
    pub faults: Option<PathBuf>,
    /// Where to append each exchange as a JSON line.
    pub record: Option<PathBuf>,
    /// Lifetime of access tokens.
    pub token_lifetime: Duration,
    /// PEM certificates registered on the gateway's application from the start.
    pub certificates: Vec<String>,
    /// Speaks TLS too, and writes the certificate authority to this file (PEM).
    pub tls_authority: Option<PathBuf>,
    /// The value that App Service callers must send as `X-IDENTITY-HEADER`.
    pub identity_header: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            users: 200,
            groups: 20,
            seed: 1,
            latency: Duration::ZERO,
            throttle: ThrottleSize::Off,
            replication_lag: Duration::ZERO,
            faults: None,
            record: None,
            token_lifetime: Duration::from_secs(3599),
            certificates: Vec::new(),
            tls_authority: None,
            identity_header: "simulated-identity-header".to_owned(),
        }
    }
}

/// Tenant size by which Graph's identity limits are set.
///
/// Source: [throttling limits](https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThrottleSize {
    /// Nothing is throttled.
    #[default]
    Off,
    /// Under 50 users: 3,500 resource units in 10 s.
    Small,
    /// 50 to 500 users: 5,000 resource units in 10 s.
    Medium,
    /// Over 500 users: 8,000 resource units in 10 s.
    Large,
}

impl std::str::FromStr for ThrottleSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "small" => Ok(Self::Small),
            "medium" => Ok(Self::Medium),
            "large" => Ok(Self::Large),
            other => Err(format!("`{other}` is not off, small, medium or large")),
        }
    }
}
