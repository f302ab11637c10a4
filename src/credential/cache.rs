//! Our token cache: keeps the last good token until its true end, asks early, once, and off the
//! request path, and does not hammer an endpoint that fails.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{Bearer, Error, Kind, TokenSource};
use crate::base::{backoff::Backoff, clock::SharedClock};

/// A refresh starts this long before the token ends, or at three quarters of a short life: a
/// metadata service may hand out the same old token again, and again.
const EARLY: time::Duration = time::Duration::minutes(5);
/// No token is kept longer.
const LONGEST: time::Duration = time::Duration::DAY;
/// Between failing refreshes.
const BACKOFF: Backoff = Backoff {
    floor: Duration::from_millis(250),
    ceiling: Duration::from_secs(30),
};

/// Something that makes a token anew each time, with a bound on how long it takes.
#[async_trait]
pub(super) trait Mint: Send + Sync {
    /// The credential's name for errors.
    fn name(&self) -> &'static str;
    async fn mint(&self) -> Result<Bearer, Error>;
}

type Flight = watch::Receiver<Option<Result<Bearer, Error>>>;

#[derive(Default)]
struct State {
    current: Option<Bearer>,
    /// When an early refresh of `current` may start.
    refresh_at: Option<OffsetDateTime>,
    /// The refresh under way; all who need its result wait on it.
    flight: Option<Flight>,
    failures: u32,
    /// No request before this moment, and why.
    hold: Option<(OffsetDateTime, Error)>,
}

struct Inner {
    mint: Arc<dyn Mint>,
    clock: SharedClock,
    state: Mutex<State>,
}

/// The cache in front of a [`Mint`].
pub(super) struct Cached(Arc<Inner>);

impl Cached {
    pub(super) fn new(mint: Arc<dyn Mint>, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            mint,
            clock,
            state: Mutex::new(State::default()),
        }))
    }
}

enum Next {
    Use(Bearer),
    Wait(Flight),
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides without waiting; starts a refresh where one is due.
    fn next(self: &Arc<Self>) -> Result<Next, Error> {
        let now = self.clock.now();
        let mut state = self.state();
        // A refresh whose task died leaves a closed channel behind.
        if state
            .flight
            .as_ref()
            .is_some_and(|f| f.borrow().is_none() && f.has_changed().is_err())
        {
            state.flight = None;
        }
        let held = state
            .hold
            .as_ref()
            .filter(|(until, _)| now < *until)
            .map(|(_, error)| error.clone());
        if let Some(bearer) = state.current.clone().filter(|b| now < b.expires_on) {
            let due = state.refresh_at.is_some_and(|at| now >= at);
            if due && held.is_none() && state.flight.is_none() {
                state.flight = Some(self.start());
            }
            return Ok(Next::Use(bearer));
        }
        if let Some(flight) = &state.flight {
            return Ok(Next::Wait(flight.clone()));
        }
        if let Some(error) = held {
            return Err(error);
        }
        let flight = self.start();
        state.flight = Some(flight.clone());
        Ok(Next::Wait(flight))
    }

    /// Starts a refresh in a task of its own: callers that give up do not take it with them.
    fn start(self: &Arc<Self>) -> Flight {
        let (sender, receiver) = watch::channel(None);
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let result = match inner.mint.mint().await {
                Ok(bearer) => inner.checked(bearer),
                Err(error) => Err(error),
            };
            inner.settle(&result);
            sender.send_replace(Some(result));
        });
        receiver
    }

    /// Refuses what is no token. The library passes `200 {}` on as an empty one.
    fn checked(&self, bearer: Bearer) -> Result<Bearer, Error> {
        let text = bearer.token.expose_secret();
        let fault = if text.is_empty() {
            "the token endpoint answered without a token"
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            "the token endpoint answered with a token that no header can carry"
        } else if bearer.expires_on <= self.clock.now() {
            "the token endpoint answered with a token that has already expired: check this \
             machine's clock"
        } else {
            // Whatever it says, it is renewed in time.
            let latest = self.clock.now() + LONGEST;
            return Ok(Bearer {
                expires_on: bearer.expires_on.min(latest),
                ..bearer
            });
        };
        Err(Error::new(Kind::Unavailable, self.mint.name(), fault))
    }

    fn settle(&self, result: &Result<Bearer, Error>) {
        let now = self.clock.now();
        let mut state = self.state();
        state.flight = None;
        match result {
            Ok(bearer) => {
                let life = bearer.expires_on - now;
                let early = EARLY.min(life / 4);
                state.refresh_at = Some(bearer.expires_on - early);
                state.current = Some(bearer.clone());
                state.failures = 0;
                state.hold = None;
                tracing::debug!(
                    credential = self.mint.name(),
                    expires_in_seconds = life.whole_seconds(),
                    "token refreshed"
                );
            }
            Err(error) => {
                let wait = BACKOFF.wait(state.failures, rand::random());
                state.failures = state.failures.saturating_add(1);
                state.hold = Some((now + wait, error.clone()));
                tracing::warn!(
                    credential = self.mint.name(),
                    failures = state.failures,
                    error = %error,
                    "token refresh failed"
                );
            }
        }
    }
}

#[async_trait]
impl TokenSource for Cached {
    async fn bearer(&self) -> Result<Bearer, Error> {
        match self.0.next()? {
            Next::Use(bearer) => Ok(bearer),
            Next::Wait(mut flight) => match flight.wait_for(Option::is_some).await {
                Ok(result) => result.clone().unwrap_or_else(|| Err(self.interrupted())),
                Err(_) => Err(self.interrupted()),
            },
        }
    }

    async fn invalidate(&self, rejected: &Bearer) {
        let mut state = self.0.state();
        let same = state
            .current
            .as_ref()
            .is_some_and(|b| b.token.expose_secret() == rejected.token.expose_secret());
        if same {
            state.current = None;
            state.refresh_at = None;
        }
    }
}

impl Cached {
    fn interrupted(&self) -> Error {
        Error::new(
            Kind::Unavailable,
            self.0.mint.name(),
            "the token refresh was interrupted",
        )
    }
}
