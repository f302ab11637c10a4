//! What went wrong in a use case, in the protocol's terms, with what an operator needs.

use std::time::Duration;

use crate::{
    base::chain::Chain,
    graph::{self, Refusal},
    scim, store,
};

/// A failed use case: the SCIM error for the caller, and what goes to the log and into headers.
#[derive(Debug, thiserror::Error)]
#[error("{scim}")]
pub struct Error {
    /// Kind and text for the caller.
    pub scim: scim::error::Error,
    /// When to come back, where waiting helps.
    pub retry_after: Option<Duration>,
    /// Graph's request-id, where Graph refused.
    pub graph_request_id: Option<String>,
    /// The methods that an endpoint does have, for a 405.
    pub allow: Option<Box<str>>,
    /// The id of an object that a failed write could not take back; for the audit row.
    pub left_behind: Option<Box<str>>,
    /// What failed below; for the log, never for the caller.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Tells the log what failed below: once, where the error becomes an answer.
    pub fn log(&self) {
        let Some(source) = &self.source else {
            return;
        };
        let status = self.scim.kind.status();
        let request_id = self.graph_request_id.as_deref();
        let chain = Chain(source.as_ref() as &(dyn std::error::Error + 'static)).to_string();
        if status >= 500 {
            tracing::error!(
                http.status = status,
                graph.request_id = request_id,
                error = chain,
                "request failed"
            );
        } else {
            tracing::info!(
                http.status = status,
                graph.request_id = request_id,
                error = chain,
                "request refused"
            );
        }
    }
}

impl From<scim::error::Error> for Error {
    fn from(scim: scim::error::Error) -> Self {
        Self {
            scim,
            retry_after: None,
            graph_request_id: None,
            allow: None,
            left_behind: None,
            source: None,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self {
            scim: scim::error::Error::new(
                scim::error::Kind::Unavailable,
                "the server's own database did not answer",
            ),
            retry_after: Some(Duration::from_secs(5)),
            graph_request_id: None,
            allow: None,
            left_behind: None,
            source: Some(Box::new(error)),
        }
    }
}

impl From<graph::Error> for Error {
    fn from(error: graph::Error) -> Self {
        from_graph(error)
    }
}

/// No more of a message of Graph is passed on.
const MESSAGE: usize = 500;
/// How long a caller is asked to wait when Graph did not say.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Reads a Graph error. A 404 stays a 404 only when Graph itself said that the resource does not
/// exist; every fault upstream is a 503 that can be retried.
fn from_graph(error: graph::Error) -> Error {
    use scim::error::{Error as Scim, Kind};
    if let graph::Error::TooMany { limit, .. } = &error {
        let text = format!("the query matches more than {limit} objects in Graph: narrow it down");
        return Error {
            source: Some(Box::new(error)),
            ..Error::from(Scim::new(Kind::TooMany, text))
        };
    }
    if matches!(error, graph::Error::OutcomeUnknown { .. }) {
        let text = "Microsoft Graph did not say whether it did this: look before you try again";
        return Error {
            graph_request_id: error.request_id().map(str::to_owned),
            source: Some(Box::new(error)),
            ..Error::from(Scim::new(Kind::Unavailable, text))
        };
    }
    if let graph::Error::Protocol { what, .. } = &error {
        let text = format!("Microsoft Graph gave an answer that cannot be used: {what}");
        return Error {
            graph_request_id: error.request_id().map(str::to_owned),
            source: Some(Box::new(error)),
            ..Error::from(Scim::new(Kind::BadGateway, text))
        };
    }
    // Only what Graph itself gave as its final answer is read for its status.
    let status = matches!(error, graph::Error::Graph { .. })
        .then(|| error.status())
        .flatten();
    let message: String = error
        .message()
        .unwrap_or_default()
        .chars()
        .take(MESSAGE)
        .collect();
    let said = |kind: Kind, text: &str| {
        let cause = if message.is_empty() {
            String::new()
        } else {
            format!(": {message}")
        };
        Scim::new(kind, format!("{text}{cause}"))
    };
    let scim = match (error.refusal(), status) {
        // Graph's own words for it name no property that anybody knows.
        (Some(Refusal::Duplicate), _) if message.to_ascii_lowercase().contains("netid") => said(
            Kind::Uniqueness,
            "the user name, mail nickname (externalId) or mail address is another object's",
        ),
        (Some(Refusal::Duplicate), _) => said(Kind::Uniqueness, "Graph refused a duplicate value"),
        (Some(Refusal::OnPremises), _) => said(
            Kind::Mutability,
            "the object is synchronised from on-premises Active Directory",
        ),
        (Some(Refusal::ExchangeManaged), _) => said(
            Kind::Mutability,
            "the object is managed in Exchange and cannot be changed through Graph",
        ),
        (Some(Refusal::InheritedLicence), _) => said(
            Kind::Mutability,
            "the licence is inherited from a group: change it there",
        ),
        (Some(Refusal::UnsupportedQuery), _) => {
            said(Kind::InvalidFilter, "Graph cannot answer this query")
        }
        (Some(Refusal::Absent), _) => Scim::not_found(if message.is_empty() {
            "not found".to_owned()
        } else {
            message.clone()
        }),
        (Some(Refusal::AssignmentPolicy), _) => Scim::invalid_value(policy(&message)),
        (Some(Refusal::PremiumRequired), _) => {
            said(Kind::Forbidden, "the tenant has no licence for this")
        }
        (Some(Refusal::QuotaExceeded), _) => said(Kind::Forbidden, "a directory quota is used up"),
        (_, Some(401)) => said(Kind::Unavailable, "Graph refused this server's token"),
        (_, Some(403)) => said(
            Kind::Forbidden,
            "this server's application lacks a permission in the tenant (run `entra-scim check`)",
        ),
        (Some(Refusal::MissingReference | Refusal::NotThere), _) | (_, Some(400 | 422)) => {
            said(Kind::InvalidValue, "Graph refused a value")
        }
        (_, Some(409)) => said(Kind::Conflict, "Graph reports a conflict"),
        _ => Scim::new(
            Kind::Unavailable,
            "Microsoft Graph could not be asked just now; nothing is known to be wrong with the request",
        ),
    };
    let waits = matches!(scim.kind, Kind::Unavailable | Kind::Conflict);
    Error {
        retry_after: waits.then(|| error.retry_after().unwrap_or(DEFAULT_RETRY_AFTER)),
        graph_request_id: error.request_id().map(str::to_owned),
        allow: None,
        left_behind: None,
        scim,
        source: Some(Box::new(error)),
    }
}

/// The rules of Privileged Identity Management that an administrator's request can break, and what to
/// do about it.
const RULES: [(&str, &str); 6] = [
    (
        "ExpirationRule",
        "it must end, and no later than the role's policy allows: give an earlier 'end'",
    ),
    ("JustificationRule", "it needs a 'justification'"),
    ("TicketingRule", "it needs a 'ticket'"),
    (
        "MfaRule",
        "the policy wants multifactor authentication of who assigns, which an application cannot \
         pass: take it off for assignments by administrators",
    ),
    ("ApprovalRule", "it needs an approval"),
    ("EligibilityRule", "there is no eligibility to activate"),
];

/// What the policy of a role refused, each rule with what to do about it.
fn policy(message: &str) -> String {
    let broken: Vec<String> = RULES
        .iter()
        .filter(|(rule, _)| message.contains(rule))
        .map(|(rule, what)| format!("{what} ({rule})"))
        .collect();
    if broken.is_empty() {
        return format!("the policy of the role refuses this: {message}");
    }
    format!("the policy of the role refuses this: {}", broken.join("; "))
}
