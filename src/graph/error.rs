//! What can go wrong between us and Graph, and how Graph's own errors are read.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::refusal::{self, Asked, Refusal};
use crate::credential;

/// Whether doing it again can help. Says nothing about whether doing it again is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A passing fault.
    Retry,
    /// Too much was asked; see [`Error::retry_after`].
    Throttled,
    /// The same request will fail again, or must not be repeated blindly.
    Permanent,
}

/// One entry of Graph's `error.details`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Such as `ObjectConflict`.
    pub code: String,
    /// The property concerned.
    pub target: Option<String>,
    /// For people. Not for decisions.
    pub message: String,
}

/// A call to Graph that did not succeed. `operation` is method and path without ids.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Graph answered with an error.
    #[error(
        "Graph refused {operation}: {status} {code}: {message}{}",
        request_id.as_deref().map(|id| format!(" (request-id {id})")).unwrap_or_default()
    )]
    Graph {
        /// Method and path template.
        operation: String,
        /// The HTTP status, also of a part of a `$batch`.
        status: u16,
        /// Graph's error code; empty when the body had none.
        code: Box<str>,
        /// For people. Not for decisions.
        message: Box<str>,
        /// Further entries, as for conflicts.
        details: Box<[Detail]>,
        /// What it means, where it means more than its status.
        refusal: Option<Refusal>,
        /// Graph's id of the request.
        request_id: Option<String>,
        /// How long Graph asks to wait.
        retry_after: Option<Duration>,
    },
    /// The call's deadline passed, or the wait that is needed would pass it.
    #[error("no time left for {operation}")]
    Deadline {
        /// Method and path template.
        operation: String,
        /// The last failure before time ran out.
        #[source]
        last: Option<Box<Self>>,
        /// How long a client should wait before it asks again.
        retry_after: Option<Duration>,
    },
    /// No complete answer arrived.
    #[error("{operation}: {}", if *sent { "the connection failed after the request was sent" } else { "no connection" })]
    Transport {
        /// Method and path template.
        operation: String,
        /// Whether Graph may have received the request.
        sent: bool,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// There is no token to call Graph with.
    #[error("no token for Graph")]
    Token(#[from] credential::Error),
    /// Graph's answer breaks the protocol; it is not used, not even in part.
    #[error(
        "{operation}: unusable answer: {what}{}",
        request_id.as_deref().map(|id| format!(" (request-id {id})")).unwrap_or_default()
    )]
    Protocol {
        /// Method and path template.
        operation: String,
        /// What is wrong with it.
        what: String,
        /// Graph's id of the request.
        request_id: Option<String>,
    },
    /// A part of a batch was not sent, because of how the part went that it follows.
    #[error("{operation}: not done, because of what it follows")]
    Blocked {
        /// Method and path template.
        operation: String,
        /// What went wrong with the part before; shared by all that follow it.
        #[source]
        cause: Arc<Self>,
    },
    /// A list is longer than the caller can take.
    #[error("{operation}: more than {limit} items")]
    TooMany {
        /// Method and path template.
        operation: String,
        /// The caller's limit.
        limit: usize,
    },
    /// A write may or may not have been done: the answer was lost, or said nothing. It was not
    /// repeated, because it must not be done twice; the caller has to look.
    #[error("{operation}: it is not known whether this was done")]
    OutcomeUnknown {
        /// Method and path template.
        operation: String,
        /// How the answer was lost.
        #[source]
        last: Box<Self>,
    },
    /// The request cannot be sent as it is: a fault of ours. Nothing was sent.
    #[error("{operation}: unusable request: {what}")]
    Invalid {
        /// Method and path template.
        operation: String,
        /// What is wrong with it.
        what: String,
    },
    /// The client's settings contradict themselves.
    #[error("Graph client settings: {0}")]
    Settings(String),
}

/// The cause of a transport failure. Shared, so that errors can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// From the HTTP library; carries no URL.
    #[error(transparent)]
    Http(Arc<reqwest::Error>),
    /// Nothing came for this long.
    #[error("nothing received for {} ms", .0.as_millis())]
    Silence(Duration),
    /// The answer was longer than we read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Error {
    /// What Graph means by it. Only of an error that Graph itself gave as the final answer, so
    /// that nothing is concluded from a fault on the way.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Graph { refusal, .. } => *refusal,
            _ => None,
        }
    }

    /// Method and path template of the request; empty where there is none.
    pub fn operation(&self) -> &str {
        match self {
            Self::Graph { operation, .. }
            | Self::Deadline { operation, .. }
            | Self::Transport { operation, .. }
            | Self::Protocol { operation, .. }
            | Self::Blocked { operation, .. }
            | Self::TooMany { operation, .. }
            | Self::OutcomeUnknown { operation, .. }
            | Self::Invalid { operation, .. } => operation,
            Self::Token(_) | Self::Settings(_) => "",
        }
    }

    /// The HTTP status, when Graph answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Graph { status, .. } => Some(*status),
            Self::Deadline { last, .. } => last.as_ref().and_then(|e| e.status()),
            Self::OutcomeUnknown { last, .. } => last.status(),
            _ => None,
        }
    }

    /// Graph's error code, such as `Request_ResourceNotFound`. Only of an error that Graph itself
    /// gave as the final answer.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Graph { code, .. } if !code.is_empty() => Some(code),
            _ => None,
        }
    }

    /// Graph's own text, where Graph itself gave the final answer. For people: what it means is
    /// [`Self::refusal`].
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Graph { message, .. } if !message.is_empty() => Some(message),
            _ => None,
        }
    }

    /// Graph's `error.details`.
    pub fn details(&self) -> &[Detail] {
        match self {
            Self::Graph { details, .. } => details,
            _ => &[],
        }
    }

    /// Graph's id of the failed request.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Graph { request_id, .. } | Self::Protocol { request_id, .. } => {
                request_id.as_deref()
            }
            Self::Deadline { last, .. } => last.as_ref().and_then(|e| e.request_id()),
            Self::OutcomeUnknown { last, .. } => last.request_id(),
            Self::Blocked { cause, .. } => cause.request_id(),
            _ => None,
        }
    }

    /// How long to wait before asking again, when that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Graph { retry_after, .. } | Self::Deadline { retry_after, .. } => *retry_after,
            Self::Blocked { cause, .. } => cause.retry_after(),
            _ => None,
        }
    }

    /// Whether asking again can help.
    ///
    /// Source: errors of directory objects,
    /// <https://learn.microsoft.com/graph/errors>, <https://learn.microsoft.com/graph/throttling>
    pub fn class(&self) -> Class {
        match self {
            Self::Graph {
                status,
                code,
                refusal,
                retry_after,
                ..
            } => match (*status, &**code) {
                _ if *refusal == Some(Refusal::Replicating) => Class::Retry,
                (429, _) | (_, "Request_ThrottledTemporarily") => Class::Throttled,
                (503, _) if retry_after.is_some() => Class::Throttled,
                (400 | 409, "Directory_ConcurrencyViolation")
                | (408 | 424 | 500 | 502 | 503 | 504 | 509, _) => Class::Retry,
                _ => Class::Permanent,
            },
            Self::Transport { source, .. } => match source {
                Cause::Http(_) | Cause::Silence(_) => Class::Retry,
                Cause::TooLong(_) => Class::Permanent,
            },
            Self::Deadline { last, .. } => match last.as_ref().map(|e| e.class()) {
                Some(Class::Throttled) => Class::Throttled,
                _ => Class::Retry,
            },
            Self::Token(error) => match error.kind {
                credential::Kind::Unavailable => Class::Retry,
                credential::Kind::Denied | credential::Kind::Misconfigured => Class::Permanent,
            },
            Self::Blocked { cause, .. } => cause.class(),
            Self::Protocol { .. }
            | Self::TooMany { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Invalid { .. }
            | Self::Settings(_) => Class::Permanent,
        }
    }

    /// Whether the request may have been carried out all the same.
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } | Self::Protocol { .. } => true,
            // Without a failure before, nothing was sent.
            Self::Deadline { last, .. } => last.as_ref().is_some_and(|last| last.is_uncertain()),
            Self::Graph { status, .. } => {
                (*status >= 500 || self.refusal() == Some(Refusal::Replicating))
                    && !self.surely_undone()
            }
            Self::Transport { sent, .. } => *sent,
            _ => false,
        }
    }

    /// Whether it was not sent because of another part of its batch.
    pub fn is_dependency(&self) -> bool {
        match self {
            Self::Blocked { .. } => true,
            Self::Graph { status, .. } => *status == 424,
            _ => false,
        }
    }

    /// Whether Graph says that what a DELETE names is not there (any more).
    pub(super) fn says_gone(&self) -> bool {
        matches!(
            self.refusal(),
            Some(Refusal::Absent | Refusal::NotThere | Refusal::NoPhoto)
        )
    }

    /// Whether an error that Graph gave is proof that the request was not carried out.
    pub(super) fn surely_undone(&self) -> bool {
        match self {
            Self::Graph { status, code, .. } => {
                matches!(status, 424 | 429 | 503 | 509)
                    || matches!(
                        &**code,
                        "Request_ThrottledTemporarily" | "Directory_ConcurrencyViolation"
                    )
            }
            Self::Transport { sent, .. } => !sent,
            Self::Token(_) => true,
            _ => false,
        }
    }

    /// An answer that cannot be used, and why.
    pub fn protocol(operation: &str, what: impl Into<String>) -> Self {
        Self::Protocol {
            operation: operation.to_owned(),
            what: what.into(),
            request_id: None,
        }
    }

    /// Names the request of which the answer cannot be used.
    pub(super) fn answering(self, id: Option<String>) -> Self {
        match self {
            Self::Protocol {
                operation,
                what,
                request_id,
            } => Self::Protocol {
                operation,
                what,
                request_id: request_id.or(id),
            },
            other => other,
        }
    }
}

/// Finds `name` in `object`, in whatever case.
pub(super) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        // Legacy `odata.error`: {"lang": "en", "value": "…"}
        Value::Object(o) => text(member(o, "value")),
        _ => None,
    }
}

fn detail(value: &Value) -> Option<Detail> {
    let o = value.as_object()?;
    Some(Detail {
        code: text(member(o, "code")).unwrap_or_default(),
        target: text(member(o, "target")),
        message: text(member(o, "message")).unwrap_or_default(),
    })
}

/// Reads an error body, whatever its dialect; a body that is none gives an empty code.
/// `request_id` is the header's; the body's stands in for it.
pub(super) fn from_answer(
    asked: Asked<'_>,
    status: u16,
    body: &Value,
    request_id: Option<String>,
    retry_after: Option<Duration>,
) -> Error {
    let empty = Map::new();
    let error = body
        .as_object()
        .and_then(|o| member(o, "error").or_else(|| member(o, "odata.error")))
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let details: Box<[Detail]> = match member(error, "details") {
        Some(Value::Array(list)) => list.iter().filter_map(detail).collect(),
        Some(one) => detail(one).into_iter().collect(),
        None => Box::default(),
    };
    let inner_id = || {
        let inner = member(error, "innerError")?.as_object()?;
        text(member(inner, "request-id").or_else(|| member(inner, "requestId")))
    };
    let code = text(member(error, "code")).unwrap_or_default();
    let message = text(member(error, "message")).unwrap_or_default();
    Error::Graph {
        refusal: refusal::read(asked, status, &code, &message, &details),
        operation: asked.operation.to_owned(),
        status,
        code: code.into(),
        message: if message.is_empty() {
            "no reason given".into()
        } else {
            message.chars().take(1000).collect::<String>().into()
        },
        details,
        request_id: request_id.or_else(inner_id),
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ASKED: Asked<'_> = Asked {
        operation: "GET /users/{id}",
        path: "/users/1",
    };

    fn read(status: u16, body: &Value) -> Error {
        from_answer(ASKED, status, body, None, None)
    }

    #[test]
    fn reads_every_dialect() {
        let conflict = Detail {
            code: "ObjectConflict".into(),
            target: Some("userPrincipalName".into()),
            message: "taken".into(),
        };
        let detail =
            json!({"code":"ObjectConflict","message":"taken","target":"userPrincipalName"});
        for (body, code, details, id) in [
            (
                json!({"error":{"code":"A","message":"m","details":[detail],"innerError":{"request-id":"r1"}}}),
                Some("A"),
                vec![conflict.clone()],
                Some("r1"),
            ),
            (
                json!({"error":{"code":"A","message":{"lang":"en","value":"m"},"details":detail,"innererror":{"requestId":"r2"}}}),
                Some("A"),
                vec![conflict],
                Some("r2"),
            ),
            (
                json!({"odata.error":{"code":"B","message":{"value":"m"}}}),
                Some("B"),
                vec![],
                None,
            ),
            (
                json!({"Error":{"Code":"C","Message":"m"}}),
                Some("C"),
                vec![],
                None,
            ),
            (json!({"error":{"code":429}}), Some("429"), vec![], None),
            (json!({"error":"invalid_grant"}), None, vec![], None),
            (json!("<html>"), None, vec![], None),
            (Value::Null, None, vec![], None),
        ] {
            let error = read(400, &body);
            assert_eq!(error.code(), code, "{body}");
            assert_eq!(error.details(), &details[..], "{body}");
            assert_eq!(error.request_id(), id, "{body}");
            assert_eq!(error.status(), Some(400));
        }
    }

    #[test]
    fn the_header_has_the_last_word_on_the_request_id() {
        let body = json!({"error":{"code":"A","innerError":{"request-id":"body"}}});
        let error = from_answer(ASKED, 404, &body, Some("header".into()), None);
        assert_eq!(error.request_id(), Some("header"));
    }

    #[test]
    fn classes() {
        let after = Some(Duration::from_secs(1));
        for (status, code, retry_after, class) in [
            (408, "", None, Class::Retry),
            (424, "", None, Class::Retry),
            (500, "", None, Class::Retry),
            (502, "", None, Class::Retry),
            (503, "", None, Class::Retry),
            (503, "", after, Class::Throttled),
            (504, "", None, Class::Retry),
            (509, "", None, Class::Retry),
            (429, "TooManyRequests", None, Class::Throttled),
            (503, "Request_ThrottledTemporarily", None, Class::Throttled),
            (409, "Directory_ConcurrencyViolation", None, Class::Retry),
            (400, "Directory_ConcurrencyViolation", None, Class::Retry),
            (
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                None,
                Class::Permanent,
            ),
            (400, "Request_BadRequest", None, Class::Permanent),
            (401, "InvalidAuthenticationToken", None, Class::Permanent),
            (403, "Authorization_RequestDenied", None, Class::Permanent),
            (404, "Request_ResourceNotFound", None, Class::Permanent),
            (404, "Directory_ObjectNotFound", None, Class::Retry),
            (410, "resyncRequired", None, Class::Permanent),
            (501, "", None, Class::Permanent),
            (507, "", None, Class::Permanent),
        ] {
            let body = json!({"error":{"code":code}});
            let error = from_answer(ASKED, status, &body, None, retry_after);
            assert_eq!(error.class(), class, "{status} {code} {retry_after:?}");
        }
    }
}
