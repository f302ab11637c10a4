//! The client: one request out, one answer in, tried again where that is safe.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tracing::{Instrument as _, field::Empty};
use url::{Host, Url};

use super::{
    error::{Cause, Class, Error, from_answer},
    model::{Call, Lane, Reply, Settings},
    operation::{self, Cost},
    retry::{self, Verdict},
    throttle::Throttle,
};
use crate::{
    base::{backoff, clock::SharedClock},
    credential::{self, Bearer, TokenSource},
    odata::request::{Method, Request},
};

/// No answer is read beyond this.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// The name of a batch in logs and errors.
pub(super) const BATCH: &str = "POST /$batch";

/// A client of one Graph tenant. Cheap to share behind an [`Arc`]; safe to cancel anywhere.
pub struct Client {
    pub(super) settings: Settings,
    tokens: Arc<dyn TokenSource>,
    http: reqwest::Client,
    clock: SharedClock,
    pub(super) throttle: Throttle,
    slots: Semaphore,
    background_slots: Semaphore,
}

/// A request ready to be sent.
pub(super) struct Wire {
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
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An HTTP client as the Graph client and the credentials want it: pooled, no redirects (a bearer
/// must not travel), no overall timeout (the callers bound their own).
///
/// # Errors
///
/// [`Error::Settings`] when TLS cannot be set up, as without CA certificates.
pub fn http_client() -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_mins(1))
        .user_agent(concat!("entra-scim/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Error::Settings(crate::base::chain::Chain(&e.without_url()).to_string()))
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|v| v.to_str().ok())
        .filter(|v| !v.is_empty())
        .map(str::to_owned)
}

impl Raw {
    pub(super) fn request_id(&self) -> Option<String> {
        header_text(&self.headers, "request-id")
    }
}

impl Client {
    /// A client with its own quota. `http` should come from [`http_client`].
    ///
    /// # Errors
    ///
    /// [`Error::Settings`] when the origin is not one, or a bound is zero.
    pub fn new(
        settings: Settings,
        tokens: Arc<dyn TokenSource>,
        http: reqwest::Client,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let origin = &settings.origin;
        let loopback = match origin.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        };
        let fault = if !(origin.scheme() == "https" || origin.scheme() == "http" && loopback) {
            "the origin must use https (http is for loopback hosts only)"
        } else if origin.path() != "/"
            || origin.query().is_some()
            || origin.fragment().is_some()
            || !origin.username().is_empty()
            || origin.password().is_some()
        {
            "the origin must be a scheme and host, without a path"
        } else if settings.version.is_empty()
            || !settings
                .version
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.')
        {
            "the version must be one like v1.0"
        } else if settings.max_attempts == 0
            || settings.concurrency == 0
            || settings.batch_concurrency == 0
        {
            "attempts and concurrency must be at least 1"
        } else {
            ""
        };
        if !fault.is_empty() {
            return Err(Error::Settings(fault.to_owned()));
        }
        Ok(Self {
            throttle: Throttle::new(settings.budget),
            slots: Semaphore::new(settings.concurrency),
            background_slots: Semaphore::new((settings.concurrency * 3 / 4).max(1)),
            settings,
            tokens,
            http,
            clock,
        })
    }

    /// Whether there is a token to call Graph with.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn has_token(&self) -> Result<(), Error> {
        self.tokens.bearer().await?;
        Ok(())
    }

    /// A call that may take the configured time from now on.
    pub fn call(&self, lane: Lane) -> Call {
        Call::new(lane, self.settings.deadline)
    }

    /// Sends one request and waits for its final answer: 200 to 299, or an error. Retries by error
    /// class within the call's deadline.
    ///
    /// A POST that creates something is sent again only when Graph surely did not carry it out. A
    /// repeated DELETE that finds nothing any more is a success.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`Error::OutcomeUnknown`] for a create whose answer was lost.
    pub async fn send(&self, call: &Call, request: &Request) -> Result<Reply, Error> {
        self.send_as(call, request, operation::is_repeatable(request))
            .await
    }

    /// As [`Self::send`], for a POST of which the caller knows that doing it twice does no harm.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but [`Error::OutcomeUnknown`].
    pub async fn send_repeatable(&self, call: &Call, request: &Request) -> Result<Reply, Error> {
        self.send_as(call, request, true).await
    }

    async fn send_as(
        &self,
        call: &Call,
        request: &Request,
        repeatable: bool,
    ) -> Result<Reply, Error> {
        let wire = self.wire(request, repeatable)?;
        let (raw, _) = self.execute(call, &wire).await?;
        let read = decode(&wire.operation, &raw, !request.is_write());
        read.map_err(|error| settle(error, repeatable))
    }

    /// The bytes of a media resource such as `/users/{id}/photo/$value`, with their content type.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; no photo is Graph's 404.
    pub async fn bytes(&self, call: &Call, request: &Request) -> Result<(String, Bytes), Error> {
        let mut wire = self.wire(request, operation::is_repeatable(request))?;
        wire.accept = "*/*";
        let (raw, _) = self.execute(call, &wire).await?;
        if raw.body.is_empty() {
            return Err(Error::protocol(&wire.operation, "an empty body"));
        }
        let kind = header_text(&raw.headers, CONTENT_TYPE.as_str())
            .unwrap_or_else(|| "application/octet-stream".to_owned());
        Ok((kind, raw.body))
    }

    /// Prepares `request` for sending.
    pub(super) fn wire(&self, request: &Request, repeatable: bool) -> Result<Wire, Error> {
        let operation = operation::name(request.method.as_str(), &request.path);
        check_path(&operation, &request.path)?;
        let text = format!(
            "{}{}{}",
            self.settings.origin,
            self.settings.version,
            request.url()
        );
        let url = Url::parse(&text).map_err(|_| Error::Invalid {
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
        Ok(Wire {
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

    /// Sends `wire` until it succeeds, fails for good, or time or tries run out. Also says how
    /// many tries it took.
    pub(super) async fn execute(&self, call: &Call, wire: &Wire) -> Result<(Raw, u32), Error> {
        let mut maybe_done = false;
        let mut last: Option<Error> = None;
        for attempt in 1.. {
            let error = match self.exchange(call, wire, attempt).await {
                Ok(raw) => return Ok((raw, attempt)),
                Err(error) => error,
            };
            match retry::verdict(&error, wire.repeatable) {
                Verdict::Fail => {
                    if wire.method == Method::Delete && maybe_done && error.status() == Some(404) {
                        return Ok((Raw::gone(), attempt));
                    }
                    return Err(with_last(error, last));
                }
                Verdict::Unknown => {
                    return Err(Error::OutcomeUnknown {
                        operation: wire.operation.clone(),
                        last: Box::new(error),
                    });
                }
                Verdict::Again => {}
            }
            if attempt >= self.settings.max_attempts {
                return Err(error);
            }
            maybe_done |= !error.surely_undone();
            let wait = self.wait(&error, attempt);
            if Instant::now() + wait > call.deadline {
                return Err(Error::Deadline {
                    operation: wire.operation.clone(),
                    last: Some(Box::new(error)),
                    retry_after: Some(wait),
                });
            }
            last = Some(error);
            tokio::time::sleep(wait).await;
        }
        Err(Error::protocol(&wire.operation, "no try was made"))
    }

    pub(super) fn wait(&self, error: &Error, attempt: u32) -> Duration {
        retry::wait(error, attempt, &self.settings.backoff, rand::random())
    }

    /// One try: a token, a place in the queue, the request. A 401 is answered with a new token,
    /// once.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        wire: &Wire,
        attempt: u32,
    ) -> Result<Raw, Error> {
        let mut bearer = self.bearer(call, wire).await?;
        let mut renewed = false;
        loop {
            let permits = self.admit(call, wire).await?;
            let span = tracing::debug_span!(
                "graph",
                "graph.operation" = %wire.operation,
                attempt,
                status = Empty,
                request_id = Empty,
                duration_ms = Empty,
            );
            let raw = self.attempt(call, wire, &bearer).instrument(span).await?;
            drop(permits);
            if (200..300).contains(&raw.status) {
                return Ok(raw);
            }
            if raw.status == 401 && !renewed {
                renewed = true;
                self.tokens.invalidate(&bearer).await;
                bearer = self.bearer(call, wire).await?;
                continue;
            }
            // A body that is no JSON says nothing: the status speaks for itself.
            let body = serde_json::from_slice(&raw.body).unwrap_or(Value::Null);
            let error = from_answer(
                &wire.operation,
                raw.status,
                &body,
                raw.request_id(),
                self.retry_after(header_text(&raw.headers, RETRY_AFTER.as_str()).as_deref()),
            );
            self.note_throttling(call, &error, attempt);
            return Err(error);
        }
    }

    /// A 429 stops the whole lane, not only who got it.
    pub(super) fn note_throttling(&self, call: &Call, error: &Error, attempt: u32) {
        if error.class() == Class::Throttled {
            let wait = error
                .retry_after()
                .unwrap_or_else(|| self.wait(error, attempt));
            self.throttle
                .pause(call.lane, wait.max(self.settings.backoff.floor));
        }
    }

    /// Reads a `Retry-After` value.
    pub(super) fn retry_after(&self, value: Option<&str>) -> Option<Duration> {
        backoff::retry_after(value?, self.clock.now().unix_timestamp())
    }

    async fn bearer(&self, call: &Call, wire: &Wire) -> Result<Bearer, Error> {
        match timeout_at(call.deadline, self.tokens.bearer()).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(deadline(wire, None)),
        }
    }

    /// Waits for the quota and for a free connection.
    async fn admit(
        &self,
        call: &Call,
        wire: &Wire,
    ) -> Result<(SemaphorePermit<'_>, Option<SemaphorePermit<'_>>), Error> {
        loop {
            self.throttle
                .admit(call.lane, wire.cost, call.deadline)
                .await
                .map_err(|wait| deadline(wire, Some(wait)))?;
            let places = async {
                let background = match call.lane {
                    Lane::Interactive => None,
                    Lane::Background => Some(self.background_slots.acquire().await),
                };
                (self.slots.acquire().await, background)
            };
            let Ok((Ok(slot), background)) = timeout_at(call.deadline, places).await else {
                self.throttle.give_back(wire.cost);
                return Err(deadline(wire, Some(self.settings.backoff.ceiling)));
            };
            // Somebody may have been throttled while this call stood in the queue.
            if self.throttle.is_paused(call.lane) {
                self.throttle.give_back(wire.cost);
                continue;
            }
            return Ok((slot, background.and_then(Result::ok)));
        }
    }

    /// Sends the request once and reads the whole answer.
    async fn attempt(&self, call: &Call, wire: &Wire, bearer: &Bearer) -> Result<Raw, Error> {
        let start = Instant::now();
        call.stats.count_request();
        let result = self.transfer(call, wire, bearer).await;
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let span = tracing::Span::current();
        span.record("duration_ms", duration_ms);
        match &result {
            Ok(raw) => {
                span.record("status", raw.status);
                let units = header_text(&raw.headers, "x-ms-resource-unit")
                    .and_then(|v| v.parse::<u32>().ok());
                let share = header_text(&raw.headers, "x-ms-throttle-limit-percentage")
                    .and_then(|v| v.parse::<f64>().ok())
                    .filter(|v| v.is_finite());
                // A batch counts by its parts, which are read later.
                let units = units.filter(|_| wire.operation != BATCH);
                if let Some(units) = units {
                    call.stats.count_units(units);
                }
                self.throttle.observe(wire.cost, units, share);
                if let Some(id) = raw.request_id() {
                    span.record("request_id", id.as_str());
                    call.stats.note_request_id(&id);
                }
                tracing::debug!("answered");
            }
            Err(error) => {
                tracing::debug!(error = %crate::base::chain::Chain(error), "not answered");
            }
        }
        result
    }

    async fn transfer(&self, call: &Call, wire: &Wire, bearer: &Bearer) -> Result<Raw, Error> {
        let transport = |sent, source| Error::Transport {
            operation: wire.operation.clone(),
            sent,
            source,
        };
        let quiet = || transport(true, Cause::Silence(self.settings.request_timeout));
        let until = || (Instant::now() + self.settings.request_timeout).min(call.deadline);
        let request = self.request(call, wire, bearer)?;
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
        Ok(Raw {
            status,
            headers,
            body: body.freeze(),
        })
    }

    fn request(
        &self,
        call: &Call,
        wire: &Wire,
        bearer: &Bearer,
    ) -> Result<reqwest::RequestBuilder, Error> {
        let method = match wire.method {
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
            .request(method, wire.url.clone())
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, wire.accept)
            .header("client-request-id", uuid::Uuid::new_v4().to_string());
        if wire.advanced {
            request = request.header("ConsistencyLevel", "eventual");
        }
        if call.lane == Lane::Background {
            // Source: https://learn.microsoft.com/graph/throttling-limits: throttled first.
            request = request.header("x-ms-throttle-priority", "Low");
        }
        if let Some(body) = &wire.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        } else if matches!(wire.method, Method::Post | Method::Patch | Method::Put) {
            // Graph answers 411 to a write without a length.
            request = request.header("Content-Length", "0");
        }
        Ok(request)
    }
}

impl Raw {
    fn gone() -> Self {
        Self {
            status: 204,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

fn deadline(wire: &Wire, retry_after: Option<Duration>) -> Error {
    Error::Deadline {
        operation: wire.operation.clone(),
        last: None,
        retry_after,
    }
}

/// Gives a deadline that passed in the queue the failure that led there.
pub(super) fn with_last(error: Error, before: Option<Error>) -> Error {
    match error {
        Error::Deadline {
            operation,
            last: None,
            retry_after,
        } => Error::Deadline {
            operation,
            last: before.map(Box::new),
            retry_after,
        },
        other => other,
    }
}

/// An unreadable answer to a create leaves open what was done.
pub(super) fn settle(error: Error, repeatable: bool) -> Error {
    match retry::verdict(&error, repeatable) {
        Verdict::Unknown => Error::OutcomeUnknown {
            operation: match &error {
                Error::Protocol { operation, .. } => operation.clone(),
                _ => String::new(),
            },
            last: Box::new(error),
        },
        Verdict::Again | Verdict::Fail => error,
    }
}

/// Refuses paths that URL parsing would fold into others.
pub(super) fn check_path(operation: &str, path: &str) -> Result<(), Error> {
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
        operation: operation.to_owned(),
        what: what.to_owned(),
    })
}

/// Reads a successful answer. `reading` asks for a body: nothing is not an empty list.
fn decode(operation: &str, raw: &Raw, reading: bool) -> Result<Reply, Error> {
    let bytes = raw.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&raw.body);
    let body = if bytes.iter().all(u8::is_ascii_whitespace) {
        if reading && raw.status != 204 {
            return Err(Error::protocol(operation, "an empty body"));
        }
        Value::Null
    } else {
        serde_json::from_slice(bytes)
            .map_err(|e| Error::protocol(operation, format!("the body is not JSON: {e}")))?
    };
    Ok(Reply {
        status: raw.status,
        body,
        request_id: raw.request_id(),
        location: header_text(&raw.headers, LOCATION.as_str()),
    })
}

impl Client {
    /// Reads the answer of a GET or reading action.
    pub(super) fn read(operation: &str, raw: &Raw) -> Result<Reply, Error> {
        decode(operation, raw, true)
    }
}
