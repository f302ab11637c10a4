//! The client: one request out, one answer in, tried again where that is safe.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};
use tracing::{Instrument as _, field::Empty};
use url::Host;

use super::{
    error::{Class, Error, from_answer},
    expect::Expect,
    model::{Call, Lane, Reply, Settings},
    operation,
    refusal::Asked,
    retry::{self, Verdict},
    throttle::Throttle,
    transfer::{Prepared, Response, decode, header_text},
};
use crate::{
    base::{backoff, clock::SharedClock},
    credential::{Bearer, TokenSource},
    odata::request::{Method, Request},
};

/// A client of one Graph tenant. Cheap to share behind an [`Arc`]; safe to cancel anywhere.
pub struct Client {
    pub(super) settings: Settings,
    tokens: Arc<dyn TokenSource>,
    pub(super) http: reqwest::Client,
    clock: SharedClock,
    pub(super) throttle: Throttle,
    places: Semaphore,
    background_places: Semaphore,
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
            places: Semaphore::new(settings.concurrency),
            background_places: Semaphore::new((settings.concurrency * 3 / 4).max(1)),
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

    /// How long `count` writes take by the quota: from now on, and if nobody else wrote. Whoever
    /// begins what cannot be finished in time leaves half of it behind.
    pub fn time_for_writes(&self, count: usize) -> (Duration, Duration) {
        self.throttle
            .time_for_writes(u32::try_from(count).unwrap_or(u32::MAX))
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
        let repeatable = operation::is_repeatable(request);
        self.send_as(call, request, repeatable, &Expect::of(request))
            .await
    }

    /// As [`Self::send`], for an answer of which the caller knows what it must hold: the object
    /// with that id, for one.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; [`Error::Protocol`] when the answer is something else, and
    /// [`Error::OutcomeUnknown`] for a create.
    pub async fn object(
        &self,
        call: &Call,
        request: &Request,
        expect: &Expect,
    ) -> Result<Reply, Error> {
        let repeatable = operation::is_repeatable(request);
        self.send_as(call, request, repeatable, expect).await
    }

    /// As [`Self::send`], for a POST of which the caller knows that doing it twice does no harm.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but [`Error::OutcomeUnknown`].
    pub async fn send_repeatable(&self, call: &Call, request: &Request) -> Result<Reply, Error> {
        self.send_as(call, request, true, &Expect::of(request))
            .await
    }

    async fn send_as(
        &self,
        call: &Call,
        request: &Request,
        repeatable: bool,
        expect: &Expect,
    ) -> Result<Reply, Error> {
        let prepared = self.prepare(request, repeatable)?;
        let (response, _) = self.execute(call, &prepared).await?;
        let decoded = decode(call, &prepared.operation, &response).await;
        let read = decoded.and_then(
            |reply| match expect.check(!request.is_write(), &reply.body) {
                Ok(()) => Ok(reply),
                Err(what) => Err(Error::protocol(&prepared.operation, what)),
            },
        );
        read.map_err(|error| settle(error.answering(response.request_id()), repeatable))
    }

    /// The bytes of a media resource such as `/users/{id}/photo/$value`, with their content type.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; no photo is Graph's 404.
    pub async fn bytes(&self, call: &Call, request: &Request) -> Result<(String, Bytes), Error> {
        let mut prepared = self.prepare(request, operation::is_repeatable(request))?;
        prepared.accept = "*/*";
        let (response, _) = self.execute(call, &prepared).await?;
        if response.body.is_empty() {
            return Err(Error::protocol(&prepared.operation, "an empty body"));
        }
        let kind = header_text(&response.headers, CONTENT_TYPE.as_str())
            .unwrap_or_else(|| "application/octet-stream".to_owned());
        if kind.starts_with("application/json") {
            return Err(Error::protocol(
                &prepared.operation,
                "JSON in place of bytes",
            ));
        }
        Ok((kind, response.body))
    }

    /// Sends `prepared` until it succeeds, fails for good, or time or tries run out. Also says how
    /// many tries it took.
    pub(super) async fn execute(
        &self,
        call: &Call,
        prepared: &Prepared,
    ) -> Result<(Response, u32), Error> {
        let mut maybe_done = false;
        let mut last: Option<Error> = None;
        for attempt in 1.. {
            let error = match self.exchange(call, prepared, attempt).await {
                Ok(response) => return Ok((response, attempt)),
                Err(error) => error,
            };
            match retry::verdict(&error, prepared.repeatable) {
                Verdict::Fail => {
                    if prepared.method == Method::Delete && maybe_done && error.says_gone() {
                        return Ok((Response::gone(), attempt));
                    }
                    return Err(with_last(error, last));
                }
                Verdict::Unknown => {
                    return Err(Error::OutcomeUnknown {
                        operation: prepared.operation.clone(),
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
                    operation: prepared.operation.clone(),
                    last: Some(Box::new(error)),
                    retry_after: Some(wait),
                });
            }
            last = Some(error);
            tokio::time::sleep(wait).await;
        }
        Err(Error::protocol(&prepared.operation, "no try was made"))
    }

    pub(super) fn wait(&self, error: &Error, attempt: u32) -> Duration {
        retry::wait(error, attempt, &self.settings.backoff, rand::random())
    }

    /// One try: a token, a place in the queue, the request. A 401 is answered with a new token,
    /// once.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        prepared: &Prepared,
        attempt: u32,
    ) -> Result<Response, Error> {
        if call.is_over() {
            return Err(deadline(prepared, None));
        }
        let mut bearer = self.bearer(call, prepared).await?;
        let mut renewed = false;
        loop {
            let permits = self.admit(call, prepared).await?;
            let span = tracing::debug_span!(
                "graph",
                "graph.operation" = %prepared.operation,
                graph.attempt = attempt,
                graph.status = Empty,
                graph.request_id = Empty,
                graph.duration_ms = Empty,
            );
            let response = self
                .attempt(call, prepared, &bearer)
                .instrument(span)
                .await?;
            drop(permits);
            if (200..300).contains(&response.status) {
                return Ok(response);
            }
            if response.status == 401 && !renewed {
                renewed = true;
                self.tokens.invalidate(&bearer).await;
                bearer = self.bearer(call, prepared).await?;
                continue;
            }
            // A body that is no JSON says nothing: the status speaks for itself.
            let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
            let error = from_answer(
                Asked {
                    operation: &prepared.operation,
                    path: self.below_version(prepared.url.path()),
                },
                response.status,
                &body,
                response.request_id(),
                self.retry_after(header_text(&response.headers, RETRY_AFTER.as_str()).as_deref()),
            );
            self.note_throttling(call, &error, attempt);
            return Err(error);
        }
    }

    /// The path of a URL below `/v1.0`.
    pub(super) fn below_version<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(self.settings.version.as_str()))
            .unwrap_or(path)
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

    async fn bearer(&self, call: &Call, prepared: &Prepared) -> Result<Bearer, Error> {
        match timeout_at(call.deadline, self.tokens.bearer()).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(deadline(prepared, None)),
        }
    }

    /// Waits for the quota and for a free connection.
    async fn admit(
        &self,
        call: &Call,
        prepared: &Prepared,
    ) -> Result<(SemaphorePermit<'_>, Option<SemaphorePermit<'_>>), Error> {
        loop {
            self.throttle
                .admit(call.lane, prepared.cost, call.deadline)
                .await
                .map_err(|wait| deadline(prepared, Some(wait)))?;
            let places = async {
                let background = match call.lane {
                    Lane::Interactive => None,
                    Lane::Background => Some(self.background_places.acquire().await),
                };
                (self.places.acquire().await, background)
            };
            let Ok((Ok(place), background)) = timeout_at(call.deadline, places).await else {
                self.throttle.give_back(prepared.cost);
                return Err(deadline(prepared, Some(self.settings.backoff.ceiling)));
            };
            // What took so long need not have been a wait.
            if call.is_over() {
                self.throttle.give_back(prepared.cost);
                return Err(deadline(prepared, None));
            }
            // Somebody may have been throttled while this call stood in the queue.
            if self.throttle.is_paused(call.lane) {
                self.throttle.give_back(prepared.cost);
                continue;
            }
            return Ok((place, background.and_then(Result::ok)));
        }
    }
}

fn deadline(prepared: &Prepared, retry_after: Option<Duration>) -> Error {
    Error::Deadline {
        operation: prepared.operation.clone(),
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
            operation: error.operation().to_owned(),
            last: Box::new(error),
        },
        Verdict::Again | Verdict::Fail => error,
    }
}
