//! Faults on demand: which requests go wrong, and how. Pure but for the counters of its rules.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

/// Where a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// A request to Graph over HTTP; a `$batch` as a whole has the path `/$batch`.
    Request,
    /// One item inside a `$batch`.
    Item,
    /// The token endpoints, managed identity included.
    Token,
    /// A request or an item.
    #[default]
    Graph,
}

/// Which requests go wrong, and how. A request must match every field that is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Shown by `GET /_sim/faults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it applies.
    #[serde(default)]
    pub on: Surface,
    /// HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path below the version: `*` stands for one segment, a last `**` for any rest. The query is
    /// not looked at. Without case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Text that path and query, decoded, must contain (such as `$skiptoken`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Only each `every`-th matching request: 3 is the 3rd, 6th, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Passes over this many matching requests first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u64,
    /// Stops after this many faults; without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Chance from 0 to 1, drawn from the simulator's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What goes wrong.
    pub fault: Fault,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An error status in Graph's form (Entra's, at the token endpoints). The request is not
    /// carried out.
    Status {
        /// HTTP status.
        status: u16,
        /// `error.code`; by default the one Graph uses with the status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// `error.message`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// `Retry-After`; absent unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<RetryAfter>,
        /// Further headers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// The whole body in place of Graph's error form.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
        /// Carries the request out all the same: the answer is lost, the effect is not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        after: bool,
    },
    /// The connection ends before a byte of the answer. Befalls requests, not items.
    CutBefore {
        /// Carries the request out all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        after: bool,
    },
    /// The connection ends in the middle of the body. The request is carried out. Befalls requests,
    /// not items.
    CutBody,
    /// No answer for so many seconds; then the request goes its way. Befalls requests, not items.
    Silence {
        /// Seconds, fractions allowed.
        seconds: f64,
    },
    /// 200 with no body at all. The request is not carried out.
    Empty,
}

/// How `Retry-After` is spelt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryAfter {
    /// Seconds, printed as given: `2`, `2.128`.
    Seconds(serde_json::Number),
    /// An HTTP date so many seconds ahead.
    Date {
        /// Seconds from now.
        date_in: i64,
    },
    /// Any text, for answers that are malformed.
    Text(String),
}

impl RetryAfter {
    /// The header's value.
    pub fn header(&self, now: OffsetDateTime) -> String {
        match self {
            Self::Seconds(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Date { date_in } => (now + time::Duration::seconds(*date_in))
                .format(format_description!(
                    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
                ))
                .unwrap_or_default(),
        }
    }
}

/// An error answer, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorReply {
    /// HTTP status.
    pub status: u16,
    /// Headers, `Retry-After` among them.
    pub headers: Vec<(String, String)>,
    /// JSON body, without `innerError`: that is the sender's.
    pub body: Value,
}

/// `error.code` and `error.message` that go with a status when a rule names none.
fn default_error(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "InvalidAuthenticationToken",
            "Access token has expired or is not yet valid.",
        ),
        403 => (
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
        404 => (
            "Request_ResourceNotFound",
            "Resource does not exist or one of its queried reference-property objects are not present.",
        ),
        409 => (
            "Directory_ConcurrencyViolation",
            "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
        ),
        410 => ("resyncRequired", "Resync required."),
        429 => ("TooManyRequests", "Please retry again later."),
        502 => ("BadGateway", "Bad gateway."),
        503 => ("serviceNotAvailable", "The service is unavailable."),
        504 => (
            "GatewayTimeout",
            "The gateway did not receive a response in time.",
        ),
        s if s >= 500 => ("InternalServerError", "Internal server error."),
        _ => ("BadRequest", "Invalid request."),
    }
}

impl Fault {
    /// Whether the request is carried out before its answer is spoilt.
    fn comes_after(&self) -> bool {
        matches!(
            self,
            Self::Status { after: true, .. } | Self::CutBefore { after: true }
        )
    }

    /// Whether it can befall one item of a `$batch`: an item has no connection of its own.
    fn fits_items(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::Empty)
    }

    /// The answer in place of the real one; none for faults of the connection. A null body is no
    /// body at all.
    pub fn reply(&self, now: OffsetDateTime) -> Option<ErrorReply> {
        match self {
            Self::Status {
                status,
                code,
                message,
                retry_after,
                headers,
                body,
                ..
            } => {
                let (default_code, default_message) = default_error(*status);
                let mut list: Vec<(String, String)> = headers
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                if let Some(retry) = retry_after {
                    list.push(("Retry-After".to_owned(), retry.header(now)));
                }
                Some(ErrorReply {
                    status: *status,
                    headers: list,
                    body: body.clone().unwrap_or_else(|| {
                        json!({"error": {
                            "code": code.as_deref().unwrap_or(default_code),
                            "message": message.as_deref().unwrap_or(default_message),
                        }})
                    }),
                })
            }
            Self::Empty => Some(ErrorReply {
                status: 200,
                headers: Vec::new(),
                body: Value::Null,
            }),
            Self::CutBefore { .. } | Self::CutBody | Self::Silence { .. } => None,
        }
    }
}

/// The body of `POST /_sim/faults`, and a faults file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleList {
    /// The rules, first match wins.
    pub faults: Vec<Rule>,
}

/// A rule and what it has done.
#[derive(Clone, Debug, Serialize)]
pub struct RuleState {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// Requests that matched it.
    pub matched: u64,
    /// Faults it made.
    pub served: u64,
}

/// When a decision is taken; a rule takes part in exactly one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the request is carried out.
    Before,
    /// When it has been.
    After,
}

/// What a rule is matched against.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Where the request came in; never [`Surface::Graph`].
    pub surface: Surface,
    /// HTTP method.
    pub method: &'a str,
    /// Path below the version, decoded.
    pub path: &'a str,
    /// The query, decoded.
    pub query: &'a str,
}

/// The rules in force.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<RuleState>,
    random: ChaCha8Rng,
}

impl Faults {
    /// No rules; chances are drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Adds rules behind those in force.
    ///
    /// # Errors
    /// The first rule that can never work, in words.
    pub fn add(&mut self, list: RuleList) -> Result<(), String> {
        for rule in &list.faults {
            check(rule)?;
        }
        self.rules
            .extend(list.faults.into_iter().map(|rule| RuleState {
                rule,
                matched: 0,
                served: 0,
            }));
        Ok(())
    }

    /// Drops every rule.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules with their counts.
    pub fn list(&self) -> &[RuleState] {
        &self.rules
    }

    /// The fault that befalls a request, if any. Every rule that matches counts it; the first that
    /// is due makes it fail.
    pub fn decide(&mut self, target: &Target<'_>, phase: Phase) -> Option<Fault> {
        let mut chosen = None;
        for state in &mut self.rules {
            if state.rule.fault.comes_after() != (phase == Phase::After)
                || !matches(&state.rule, target)
            {
                continue;
            }
            state.matched += 1;
            if chosen.is_some() {
                continue;
            }
            let rule = &state.rule;
            let after_skip = state.matched.saturating_sub(rule.skip);
            let due = after_skip > 0
                && rule
                    .every
                    .is_none_or(|every| after_skip.is_multiple_of(every))
                && rule.count.is_none_or(|count| state.served < count);
            if due && rule.probability.is_none_or(|p| self.random.random_bool(p)) {
                state.served += 1;
                chosen = Some(rule.fault.clone());
            }
        }
        chosen
    }
}

fn check(rule: &Rule) -> Result<(), String> {
    let name = rule.name.as_deref().unwrap_or("a rule without name");
    if rule.every == Some(0) {
        return Err(format!("{name}: `every` must be 1 or more"));
    }
    if rule.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
        return Err(format!("{name}: `probability` must lie between 0 and 1"));
    }
    if rule.on == Surface::Item && !rule.fault.fits_items() {
        return Err(format!(
            "{name}: an item of a batch has no connection of its own"
        ));
    }
    match &rule.fault {
        Fault::Status { status, .. } if !(200..=599).contains(status) => {
            Err(format!("{name}: {status} is no final HTTP status"))
        }
        Fault::Silence { seconds } if !(0.0..=3600.0).contains(seconds) => {
            Err(format!("{name}: `seconds` must lie between 0 and 3600"))
        }
        _ => Ok(()),
    }
}

fn matches(rule: &Rule, target: &Target<'_>) -> bool {
    let surface = match rule.on {
        Surface::Graph => target.surface != Surface::Token,
        exact => exact == target.surface,
    } && (target.surface != Surface::Item || rule.fault.fits_items());
    surface
        && rule
            .method
            .as_deref()
            .is_none_or(|method| method.eq_ignore_ascii_case(target.method))
        && rule
            .path
            .as_deref()
            .is_none_or(|pattern| path_matches(pattern, target.path))
        && rule
            .contains
            .as_deref()
            .is_none_or(|text| target.path.contains(text) || target.query.contains(text))
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('/').filter(|part| !part.is_empty());
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    loop {
        match (parts.next(), segments.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(part), Some(segment)) if part.eq_ignore_ascii_case(segment) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests;
