//! Answers: the only place where a use case's result or error becomes HTTP.

use std::any::Any;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;

use super::paced;
use crate::{
    scim::{
        Document,
        error::{Error as ScimError, Kind},
    },
    service::{self, read::ListPage},
};

/// RFC 7644 §3.1
const SCIM_JSON: &str = "application/scim+json";

/// An answer under construction.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Content,
}

/// What an answer sends.
#[derive(Debug)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Value),
    /// JSON, as text.
    Text(Bytes),
    /// A page of a list, whose resources are texts already.
    List(ListPage),
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Content::Json(body),
        }
    }

    /// A page of a list.
    pub fn list(page: ListPage) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Content::List(page),
        }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Content::Nothing,
        }
    }

    /// A resource, with `ETag`, `Location` and `Content-Location`.
    pub fn resource(status: u16, doc: Document, version: Option<String>, location: String) -> Self {
        let mut answer = Self::json(status, Value::Object(doc));
        answer.headers.push(("content-location", location.clone()));
        answer.headers.push(("location", location));
        if let Some(version) = version {
            answer.headers.push(("etag", version));
        }
        answer
    }

    /// A resource whose text is finished.
    pub fn text(text: Bytes, version: String, location: String) -> Self {
        Self {
            status: 200,
            headers: vec![
                ("content-location", location.clone()),
                ("location", location),
                ("etag", version),
            ],
            body: Content::Text(text),
        }
    }

    /// Where a method was only asked about: which there are.
    pub fn options(self) -> Self {
        if self.status != 405 {
            return self;
        }
        let headers = self.headers.into_iter();
        Self {
            headers: headers.filter(|(name, _)| *name == "allow").collect(),
            ..Self::empty(204)
        }
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl From<ScimError> for Answer {
    fn from(error: ScimError) -> Self {
        let mut answer = Self::json(error.kind.status(), error.body());
        if error.kind == Kind::Unauthorized {
            answer = answer.with("www-authenticate", "Bearer realm=\"scim\"");
        }
        answer
    }
}

impl From<service::Error> for Answer {
    /// The caller gets kind and text; what failed below goes to the log, once, here.
    fn from(error: service::Error) -> Self {
        error.log();
        let mut answer = Self::from(error.scim);
        if let Some(wait) = error.retry_after {
            // Whole seconds, rounded up: clients parse integers only.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            answer = answer.with("retry-after", seconds.max(1).to_string());
        }
        if let Some(allow) = error.allow {
            answer = answer.with("allow", allow);
        }
        if let Some(id) = error.graph_request_id {
            answer = answer.with("x-graph-request-id", id);
        }
        answer
    }
}

/// The most characters of names that a header tells.
const TOLD: usize = 2_000;

/// Tells the client what it said and what is not kept.
pub fn telling(answer: Answer, ignored: &[String]) -> Answer {
    let plain = |name: &&String| name.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    let mut told = String::new();
    for name in ignored.iter().filter(plain) {
        if told.len() + name.len() > TOLD {
            break;
        }
        if !told.is_empty() {
            told.push_str(", ");
        }
        told.push_str(name);
    }
    if told.is_empty() {
        return answer;
    }
    answer.with("x-entra-scim-ignored", told)
}

/// Finishes an answer: the media type that the client accepts, the body, the headers.
pub fn finish(answer: Answer, accept: Option<&str>) -> Response {
    let has_body = !matches!(answer.body, Content::Nothing);
    let (body, length) = match answer.body {
        Content::Nothing => (Body::empty(), None),
        Content::Json(body) => (
            Body::from(serde_json::to_vec(&body).unwrap_or_default()),
            None,
        ),
        Content::Text(text) => (Body::from(text), None),
        Content::List(page) => {
            let (body, length) = paced::list(page);
            (body, Some(length))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if has_body {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(media_type(accept)),
        );
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    put(headers, answer.headers);
    response
}

fn put(headers: &mut HeaderMap, more: Vec<(&'static str, String)>) {
    for (name, value) in more {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        } else {
            tracing::error!(header = name, "a header value could not be sent");
        }
    }
}

/// `application/json` for clients that name it and not SCIM's own type.
fn media_type(accept: Option<&str>) -> &'static str {
    let accept = accept.unwrap_or_default().to_ascii_lowercase();
    if accept.contains("application/json") && !accept.contains(SCIM_JSON) {
        "application/json"
    } else {
        SCIM_JSON
    }
}

/// A short text answer.
pub fn plain(status: u16, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// A bug must not cut the connection: the client gets a SCIM error, the log gets the message.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    finish(internal(&*panic), None)
}

/// The answer to a request whose handler panicked; the log gets the message.
pub fn internal(panic: &(dyn Any + Send + 'static)) -> Answer {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = message, "a request handler panicked");
    ScimError::new(Kind::Internal, "internal error").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (accept, expected) in [
            (None, "application/scim+json"),
            (Some("*/*"), "application/scim+json"),
            (
                Some("application/scim+json, application/json"),
                "application/scim+json",
            ),
            (Some("application/json"), "application/json"),
            (Some("text/html"), "application/scim+json"),
        ] {
            assert_eq!(media_type(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn retry_after_is_whole_seconds() {
        let error = service::Error {
            scim: ScimError::new(Kind::Unavailable, "x"),
            retry_after: Some(std::time::Duration::from_millis(1200)),
            graph_request_id: None,
            allow: None,
            left_behind: None,
            source: None,
        };
        assert_eq!(
            Answer::from(error).headers,
            [("retry-after", "2".to_owned())]
        );
    }
}
