//! One try: a [`Request`] as bytes out, bytes in. No retries, no opinions.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{
    client::Client,
    error::{Cause, Error},
    model::{Call, Lane, Reply},
    operation::{self, Cost},
};
use crate::{
    base::chain::Chain,
    credential::{self, Bearer},
    heavy,
    odata::request::{Method, Request},
};

/// No answer is read beyond this.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// The name of a batch in logs and errors.
pub(super) const BATCH: &str = "POST /$batch";

/// A request ready to be sent.
pub(super) struct Prepared {
    pub(super) operation: String,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) advanced: bool,
    pub(super) accept: &'static str,
    pub(super) body: Option<Bytes>,
    pub(super) cost: Cost,
    pub(super) repeatable: bool,
}

/// An answer of status 200 to 299, not yet looked into.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|v| v.to_str().ok())
        .filter(|v| !v.is_empty())
        .map(str::to_owned)
}

impl Response {
    /// What a DELETE gets that another try has done.
    pub(super) fn gone() -> Self {
        Self {
            status: 204,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn request_id(&self) -> Option<String> {
        header_text(&self.headers, "request-id")
    }
}

impl Client {
    /// The address of `request`.
    pub(super) fn url(&self, request: &Request) -> String {
        format!(
            "{}{}{}",
            self.settings.origin,
            self.settings.version,
            request.url()
        )
    }

    /// Prepares `request` for sending.
    pub(super) fn prepare(&self, request: &Request, repeatable: bool) -> Result<Prepared, Error> {
        let operation = operation::name(request.method.as_str(), &request.path);
        check_path(request)?;
        let url = Url::parse(&self.url(request)).map_err(|_| Error::Invalid {
            operation: operation.clone(),
            what: "path and query make no URL".to_owned(),
        })?;
        let body = match &request.body {
            None => None,
            Some(value) => Some(Bytes::from(serde_json::to_vec(value).map_err(|e| {
                Error::Invalid {
                    operation: operation.clone(),
                    what: format!("the body is not JSON: {e}"),
                }
            })?)),
        };
        Ok(Prepared {
            // `$count` is text, and refused (415) to who accepts JSON only.
            accept: if request.path.ends_with("/$count") {
                "text/plain, application/json"
            } else {
                "application/json"
            },
            operation,
            method: request.method,
            url,
            advanced: request.advanced,
            body,
            cost: operation::cost(request),
            repeatable,
        })
    }

    /// Sends the request once and reads the whole answer.
    pub(super) async fn attempt(
        &self,
        call: &Call,
        prepared: &Prepared,
        bearer: &Bearer,
    ) -> Result<Response, Error> {
        let start = Instant::now();
        call.stats.count_request();
        let result = self.transfer(call, prepared, bearer).await;
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let span = tracing::Span::current();
        span.record("graph.duration_ms", duration_ms);
        match &result {
            Ok(response) => {
                span.record("graph.status", response.status);
                let units = header_text(&response.headers, "x-ms-resource-unit")
                    .and_then(|v| v.parse::<u32>().ok());
                let share = header_text(&response.headers, "x-ms-throttle-limit-percentage")
                    .and_then(|v| v.parse::<f64>().ok())
                    .filter(|v| v.is_finite());
                // A batch counts by its parts, which are read later.
                let units = units.filter(|_| prepared.operation != BATCH);
                if let Some(units) = units {
                    call.stats.count_units(units);
                }
                self.throttle.observe(prepared.cost, units, share);
                if let Some(id) = response.request_id() {
                    span.record("graph.request_id", id.as_str());
                    call.stats.note_request_id(&id);
                }
                tracing::debug!("answered");
            }
            Err(error) => {
                tracing::debug!(error = %Chain(error), "not answered");
            }
        }
        result
    }

    async fn transfer(
        &self,
        call: &Call,
        prepared: &Prepared,
        bearer: &Bearer,
    ) -> Result<Response, Error> {
        let transport = |sent, source| Error::Transport {
            operation: prepared.operation.clone(),
            sent,
            source,
        };
        let quiet = || transport(true, Cause::Silence(self.settings.request_timeout));
        let until = || (Instant::now() + self.settings.request_timeout).min(call.deadline);
        let request = self.request(call, prepared, bearer)?;
        let mut response = match timeout_at(until(), request.send()).await {
            Err(_) => return Err(quiet()),
            Ok(Err(e)) => {
                let sent = !(e.is_connect() || e.is_builder());
                return Err(transport(sent, Cause::Http(Arc::new(e.without_url()))));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = BytesMut::new();
        loop {
            let fault = match timeout_at(until(), response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > MAX_BODY => {
                    transport(true, Cause::TooLong(MAX_BODY))
                }
                Ok(Ok(Some(chunk))) => {
                    body.extend_from_slice(&chunk);
                    continue;
                }
                Ok(Ok(None)) => break,
                Ok(Err(e)) => transport(true, Cause::Http(Arc::new(e.without_url()))),
                Err(_) => quiet(),
            };
            if status < 400 {
                return Err(fault);
            }
            // The status of a refusal is worth more than its explanation.
            body.clear();
            break;
        }
        Ok(Response {
            status,
            headers,
            body: body.freeze(),
        })
    }

    fn request(
        &self,
        call: &Call,
        prepared: &Prepared,
        bearer: &Bearer,
    ) -> Result<reqwest::RequestBuilder, Error> {
        let method = match prepared.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", bearer.token.expose_secret())).map_err(
                |_| {
                    credential::Error::new(
                        credential::Kind::Unavailable,
                        "Graph",
                        "the token is no header value",
                    )
                },
            )?;
        authorization.set_sensitive(true);
        let mut request = self
            .http
            .request(method, prepared.url.clone())
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, prepared.accept)
            .header("client-request-id", uuid::Uuid::new_v4().to_string());
        if prepared.advanced {
            request = request.header("ConsistencyLevel", "eventual");
        }
        if call.lane == Lane::Background {
            // Source: https://learn.microsoft.com/graph/throttling-limits: throttled first.
            request = request.header("x-ms-throttle-priority", "Low");
        }
        if let Some(body) = &prepared.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        } else if matches!(prepared.method, Method::Post | Method::Patch | Method::Put) {
            // Graph answers 411 to a write without a length.
            request = request.header("Content-Length", "0");
        }
        Ok(request)
    }
}

/// Refuses paths that URL parsing would fold into others.
pub(super) fn check_path(request: &Request) -> Result<(), Error> {
    let path = request.path.as_str();
    let dots = path.split(['/', '\\']).any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    });
    let what = if !path.starts_with('/') || path.starts_with("//") {
        "the path must start with one slash"
    } else if dots {
        "the path has a dot segment"
    } else if path.contains(['?', '#', '\\']) || path.chars().any(char::is_control) {
        "the path is not encoded"
    } else {
        return Ok(());
    };
    Err(Error::Invalid {
        operation: operation::of(request),
        what: what.to_owned(),
    })
}

/// Reads JSON, a long text on a thread of its own.
pub(super) async fn json(call: &Call, operation: &str, bytes: &Bytes) -> Result<Value, Error> {
    let text = bytes.clone();
    let much = text.len() > heavy::MANY_BYTES;
    let read = heavy::run(much, call.deadline, move || serde_json::from_slice(&text)).await;
    match read {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(Error::protocol(
            operation,
            format!("the body is not JSON: {e}"),
        )),
        Err(ended) => Err(Error::protocol(
            operation,
            format!("the body was not read: {ended}"),
        )),
    }
}

/// Reads a successful answer.
pub(super) async fn decode(
    call: &Call,
    operation: &str,
    response: &Response,
) -> Result<Reply, Error> {
    let mark = b"\xef\xbb\xbf";
    let bytes = if response.body.starts_with(mark) {
        response.body.slice(mark.len()..)
    } else {
        response.body.clone()
    };
    let body = if bytes.iter().all(u8::is_ascii_whitespace) {
        Value::Null
    } else {
        json(call, operation, &bytes).await?
    };
    Ok(Reply {
        status: response.status,
        body,
        request_id: response.request_id(),
        location: header_text(&response.headers, LOCATION.as_str()),
    })
}
