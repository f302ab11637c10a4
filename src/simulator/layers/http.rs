//! The HTTP side of the layers: latency, faults of whole requests and of connections, recording.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::{ErrorReply, Fault, Phase, Surface, Target};
use super::gate::{self, Passage};
use super::record::{Exchange, Recorder};
use super::socket::Wire;
use crate::base::clock::SharedClock;
use crate::odata::facts::Cost;
use crate::simulator::identity::routes::origin;
use crate::simulator::request::{Body, SimResponse};
use crate::simulator::server::to_http;

/// How long a half-sent body may take to leave before its connection is cut.
const FLUSH: Duration = Duration::from_millis(20);

/// What the middleware needs.
pub struct Outer {
    /// The gate, for its counters and faults.
    pub passage: Arc<Passage>,
    /// Added to every answer.
    pub latency: Duration,
    /// Where exchanges with Graph go.
    pub recorder: Option<Recorder>,
    /// The tenant's clock.
    pub clock: SharedClock,
}

/// Where a request is headed: the surface, and the path that rules see.
fn surface(path: &str) -> Option<(Surface, &str)> {
    for version in ["/v1.0/", "/beta/"] {
        if let Some(rest) = path.strip_prefix(version) {
            return Some((Surface::Request, &path[path.len() - rest.len() - 1..]));
        }
    }
    let token = path.ends_with("/oauth2/v2.0/token")
        || path == "/msi/token"
        || path == "/metadata/identity/oauth2/token";
    token.then_some((Surface::Token, path))
}

/// The middleware around Graph and the token endpoints; anything else passes untouched.
pub async fn outer(
    State(outer): State<Arc<Outer>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    mut request: Request,
    next: Next,
) -> Response {
    if wire.is_secure() {
        // Links and sign-in go by it, as behind a proxy that ends TLS.
        let https = HeaderValue::from_static("https");
        request.headers_mut().insert("x-forwarded-proto", https);
    }
    let raw_path = request.uri().path().to_owned();
    let Some((surface, path)) = surface(&raw_path) else {
        return next.run(request).await;
    };
    match surface {
        Surface::Token => outer.passage.counters.token(),
        _ => outer.passage.counters.http(),
    }
    if !outer.latency.is_zero() {
        tokio::time::sleep(outer.latency).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let call = Call {
        surface,
        method: request.method().as_str().to_owned(),
        path: gate::decoded(path),
        query: gate::decoded(query),
        url: format!("{}{}", origin(request.headers()), request.uri()),
        headers: request.headers().clone(),
    };
    match outer.decide(&call, Phase::Before) {
        None => {}
        Some(Fault::Silence { seconds }) => {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        Some(Fault::CutBefore { .. }) => {
            outer.count_unanswered(&call);
            return cut(&wire);
        }
        Some(Fault::CutBody) => {
            let response = next.run(request).await;
            return cut_in_body(response, wire).await;
        }
        Some(fault) => {
            outer.count_unanswered(&call);
            let response = outer.spoilt(&fault, &call);
            return outer.record(&call, &Bytes::new(), response).await;
        }
    }
    let (request, body) = match outer.keep_body(request).await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(%error, "a request body did not arrive whole");
            return StatusCode::BAD_REQUEST.into_response();
        }
    };
    let response = next.run(request).await;
    match outer.decide(&call, Phase::After) {
        Some(Fault::CutBefore { .. }) => cut(&wire),
        Some(fault) => {
            let response = outer.spoilt(&fault, &call);
            outer.record(&call, &body, response).await
        }
        None => outer.record(&call, &body, response).await,
    }
}

/// A request, as far as it is needed after it went on.
struct Call {
    surface: Surface,
    method: String,
    path: String,
    query: String,
    url: String,
    headers: HeaderMap,
}

impl Outer {
    fn decide(&self, call: &Call, phase: Phase) -> Option<Fault> {
        self.passage
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .decide(
                &Target {
                    surface: call.surface,
                    method: &call.method,
                    path: &call.path,
                    query: &call.query,
                },
                phase,
            )
    }

    /// The answer that a fault puts in the place of the real one.
    fn spoilt(&self, fault: &Fault, call: &Call) -> Response {
        let now = self.clock.now();
        let Some(reply) = fault.reply(now) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        self.passage.counters.answered(reply.status);
        let id = Uuid::new_v4().to_string();
        let client_id = call
            .headers
            .get("client-request-id")
            .and_then(|value| value.to_str().ok())
            .unwrap_or(&id);
        let mut answer = match call.surface {
            Surface::Token => token_form(reply),
            _ => gate::response(reply, &id, client_id, now),
        };
        if !matches!(answer.body, Body::Empty) {
            answer = answer.with_header("Content-Type", "application/json");
        }
        to_http(answer.with_header("request-id", id.clone()))
    }

    /// Reads the body when it will be recorded.
    async fn keep_body(&self, request: Request) -> Result<(Request, Bytes), axum::Error> {
        if self.recorder.is_none() {
            return Ok((request, Bytes::new()));
        }
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await?;
        let request = Request::from_parts(parts, HttpBody::from(bytes.clone()));
        Ok((request, bytes))
    }

    /// A request that never reaches the tenant is asked all the same; it costs nothing there.
    fn count_unanswered(&self, call: &Call) {
        if call.surface == Surface::Request {
            let free = Cost {
                resource_units: 0,
                writes: 0,
            };
            self.passage
                .counters
                .operation(&call.method, &call.path, false, free);
        }
    }

    /// Writes the exchange down. Sign-in is not recorded: it carries secrets.
    async fn record(&self, call: &Call, request_body: &Bytes, response: Response) -> Response {
        let Some(recorder) = self
            .recorder
            .as_ref()
            .filter(|_| call.surface == Surface::Request)
        else {
            return response;
        };
        let (parts, body) = response.into_parts();
        let bytes = match axum::body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => bytes,
            Err(error) => return lost(&error),
        };
        let result = recorder.append(&Exchange {
            method: &call.method,
            url: &call.url,
            request_headers: &call.headers,
            request_body,
            status: parts.status.as_u16(),
            response_headers: &parts.headers,
            response_body: &bytes,
        });
        if let Err(error) = result {
            tracing::error!(%error, "an exchange was not recorded");
        }
        Response::from_parts(parts, HttpBody::from(bytes))
    }
}

/// Entra's error form for faults at the token endpoints; a body of the rule's own stays.
fn token_form(reply: ErrorReply) -> SimResponse {
    let message = reply
        .body
        .pointer("/error/message")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let body = match message {
        None => reply.body,
        Some(message) => {
            let (error, code) = if reply.status >= 500 || reply.status == 429 {
                ("temporarily_unavailable", 90_033)
            } else {
                ("invalid_client", 7_000_215)
            };
            json!({
                "error": error,
                "error_description": format!("AADSTS{code}: {message}"),
                "error_codes": [code],
            })
        }
    };
    SimResponse {
        status: reply.status,
        headers: reply.headers,
        body: if body.is_null() {
            Body::Empty
        } else {
            Body::Json(body)
        },
    }
}

/// The tenant's own answer broke off: that is a fault nobody asked for.
fn lost(error: &axum::Error) -> Response {
    tracing::error!(%error, "a simulated answer broke off");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn cut(wire: &Wire) -> Response {
    wire.cut();
    // Never written: the first byte of it ends the connection.
    Response::new(HttpBody::empty())
}

/// Sends the head and half the body, then ends the connection.
async fn cut_in_body(response: Response, wire: Wire) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return lost(&error),
    };
    if bytes.len() < 2 {
        return cut(&wire);
    }
    let half = bytes.slice(..bytes.len() / 2);
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let rest = futures_util::stream::once(async move {
        tokio::time::sleep(FLUSH).await;
        wire.cut();
        Err::<Bytes, io::Error>(io::ErrorKind::ConnectionReset.into())
    });
    let stream = futures_util::StreamExt::chain(
        futures_util::stream::once(async move { Ok::<Bytes, io::Error>(half) }),
        rest,
    );
    Response::from_parts(parts, HttpBody::from_stream(stream))
}
