//! What went wrong in a use case, in the protocol's terms, with what an operator needs.

use std::time::Duration;

use crate::{graph, scim, store};

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
    pub allow: Option<String>,
    /// What failed below; for the log, never for the caller.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<scim::error::Error> for Error {
    fn from(scim: scim::error::Error) -> Self {
        Self {
            scim,
            retry_after: None,
            graph_request_id: None,
            allow: None,
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
            source: Some(Box::new(error)),
        }
    }
}

impl From<graph::Error> for Error {
    fn from(error: graph::Error) -> Self {
        from_graph(error)
    }
}

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
            retry_after: Some(DEFAULT_RETRY_AFTER),
            graph_request_id: error.request_id().map(str::to_owned),
            source: Some(Box::new(error)),
            ..Error::from(Scim::new(Kind::Unavailable, text))
        };
    }
    // Only what Graph itself gave as its final answer is read for its status.
    let status = matches!(error, graph::Error::Graph { .. })
        .then(|| error.status())
        .flatten();
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().unwrap_or_default().to_owned();
    let said = |kind: Kind, text: &str| {
        let cause = if message.is_empty() {
            String::new()
        } else {
            format!(": {message}")
        };
        Scim::new(kind, format!("{text}{cause}"))
    };
    let lower = message.to_ascii_lowercase();
    let scim = match status {
        Some(400) if is_duplicate(&error, &lower) => {
            said(Kind::Uniqueness, "Graph refused a duplicate value")
        }
        Some(409) if code.contains("MultipleObjectsWithSameKeyValue") => {
            said(Kind::Uniqueness, "Graph refused a duplicate value")
        }
        Some(400) if lower.contains("on-premises mastered") => said(
            Kind::Mutability,
            "the object is synchronised from on-premises Active Directory",
        ),
        Some(400) if code == "Request_UnsupportedQuery" => {
            said(Kind::InvalidFilter, "Graph cannot answer this query")
        }
        Some(404) if code == "Request_ResourceNotFound" || code == "Directory_ObjectNotFound" => {
            Scim::not_found(if message.is_empty() {
                "not found".to_owned()
            } else {
                message.clone()
            })
        }
        Some(401) => said(Kind::Unavailable, "Graph refused this server's token"),
        Some(403) if code == "Directory_QuotaExceeded" => {
            said(Kind::Forbidden, "a directory quota is used up")
        }
        Some(403) => said(
            Kind::Forbidden,
            "this server's application lacks a permission in the tenant (run `entra-scim check`)",
        ),
        Some(400 | 422) => said(Kind::InvalidValue, "Graph refused a value"),
        Some(409) => said(Kind::Conflict, "Graph reports a conflict"),
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
        scim,
        source: Some(Box::new(error)),
    }
}

fn is_duplicate(error: &graph::Error, lower_message: &str) -> bool {
    error
        .details()
        .iter()
        .any(|d| d.code.eq_ignore_ascii_case("ObjectConflict"))
        || lower_message.contains("already exists")
        || lower_message.contains("conflicting object")
}

/// Whether Graph refused an addition because the reference is there already.
pub fn is_already_there(error: &graph::Error) -> bool {
    let message = error.message().unwrap_or_default().to_ascii_lowercase();
    matches!(error.status(), Some(400 | 409))
        && (message.contains("already exist") || error.code() == Some("RoleAssignmentExists"))
}

/// Whether Graph itself said that there is no such object: a 404 of anything on the way there is
/// no such statement.
pub fn is_absent(error: &graph::Error) -> bool {
    error.status() == Some(404) && error.code() == Some("Request_ResourceNotFound")
}

/// Whether Graph refused a removal because there is nothing to remove.
pub fn is_not_there(error: &graph::Error) -> bool {
    let message = error.message().unwrap_or_default().to_ascii_lowercase();
    match error.status() {
        Some(404) => is_absent(error),
        Some(400) => {
            message.contains("do not exist") || error.code() == Some("RoleAssignmentDoesNotExist")
        }
        _ => false,
    }
}
