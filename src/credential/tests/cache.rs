//! The cache's promises, each against a trap of the library's.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use time::{Duration as Span, OffsetDateTime, macros::datetime};

use super::super::{
    Bearer, Error, Kind, TokenSource,
    cache::{Cached, Mint},
};
use crate::base::clock::{Clock as _, ManualClock};

const START: OffsetDateTime = datetime!(2026-01-01 00:00:00 UTC);

type Outcome = Result<(&'static str, i64), Kind>;

/// Mints by script: the token and its life in seconds, or a failure.
struct Scripted {
    clock: Arc<ManualClock>,
    outcomes: Mutex<Vec<Outcome>>,
    calls: AtomicUsize,
    delay: Duration,
}

#[async_trait]
impl Mint for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn mint(&self) -> Result<Bearer, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.delay).await;
        let outcome = {
            let mut outcomes = self.outcomes.lock().unwrap();
            if outcomes.len() > 1 {
                outcomes.remove(0)
            } else {
                outcomes[0]
            }
        };
        match outcome {
            Ok((token, life)) => Ok(Bearer {
                token: SecretString::from(token),
                expires_on: self.clock.now() + Span::seconds(life),
            }),
            Err(kind) => Err(Error::new(kind, "scripted", "scripted failure")),
        }
    }
}

struct Fixture {
    cache: Arc<Cached>,
    mint: Arc<Scripted>,
    clock: Arc<ManualClock>,
}

fn fixture(outcomes: &[Outcome], delay: Duration) -> Fixture {
    let clock = Arc::new(ManualClock::new(START));
    let mint = Arc::new(Scripted {
        clock: Arc::clone(&clock),
        outcomes: Mutex::new(outcomes.to_vec()),
        calls: AtomicUsize::new(0),
        delay,
    });
    Fixture {
        cache: Arc::new(Cached::new(mint.clone(), clock.clone())),
        mint,
        clock,
    }
}

impl Fixture {
    async fn token(&self) -> Result<String, Kind> {
        match self.cache.bearer().await {
            Ok(bearer) => Ok(bearer.token.expose_secret().to_owned()),
            Err(error) => Err(error.kind),
        }
    }

    fn calls(&self) -> usize {
        self.mint.calls.load(Ordering::SeqCst)
    }

    /// Lets a background refresh finish.
    async fn settle(&self, calls: usize) {
        for _ in 0..200 {
            if self.calls() >= calls {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn twenty_callers_share_one_request() {
    for outcome in [Ok(("a", 3600)), Err(Kind::Unavailable)] {
        let f = fixture(&[outcome], Duration::from_millis(50));
        let start = std::time::Instant::now();
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let cache = Arc::clone(&f.cache);
            callers.spawn(async move { cache.bearer().await.is_ok() });
        }
        while let Some(ok) = callers.join_next().await {
            assert_eq!(ok.unwrap(), outcome.is_ok());
        }
        assert_eq!(f.calls(), 1);
        assert!(start.elapsed() < Duration::from_millis(500));
    }
}

#[tokio::test]
async fn the_last_good_token_serves_until_its_true_end() {
    let f = fixture(
        &[Ok(("a", 3600)), Err(Kind::Unavailable)],
        Duration::from_millis(1),
    );
    assert_eq!(f.token().await, Ok("a".into()));
    // Inside the early window, refreshes fail, and nobody notices.
    f.clock.advance(Span::seconds(3400));
    assert_eq!(f.token().await, Ok("a".into()));
    f.settle(2).await;
    f.clock.advance(Span::seconds(199));
    assert_eq!(f.token().await, Ok("a".into()));
    f.settle(3).await;
    f.clock.advance(Span::seconds(31));
    assert_eq!(f.token().await, Err(Kind::Unavailable));
}

#[tokio::test]
async fn refreshes_early_and_off_the_request_path() {
    let f = fixture(
        &[Ok(("a", 3600)), Ok(("b", 3600))],
        Duration::from_millis(100),
    );
    assert_eq!(f.token().await, Ok("a".into()));
    f.clock.advance(Span::seconds(3200));
    assert_eq!(f.token().await, Ok("a".into()));
    assert_eq!(f.calls(), 1, "too early for a refresh");
    f.clock.advance(Span::seconds(150));
    let start = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(f.token().await, Ok("a".into()));
    }
    assert!(start.elapsed() < Duration::from_millis(80), "did not wait");
    f.settle(2).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(f.token().await, Ok("b".into()));
    assert_eq!(f.calls(), 2, "one refresh for all");
}

#[tokio::test]
async fn a_service_that_repeats_an_old_token_is_not_hammered() {
    let f = fixture(&[Ok(("a", 3600)), Ok(("a", 100))], Duration::ZERO);
    f.token().await.unwrap();
    f.clock.advance(Span::seconds(3550));
    f.token().await.unwrap();
    f.settle(2).await;
    for _ in 0..10 {
        f.token().await.unwrap();
    }
    f.settle(3).await;
    assert_eq!(f.calls(), 2);
}

#[tokio::test]
async fn a_failing_endpoint_is_left_alone_for_a_while() {
    let f = fixture(&[Err(Kind::Denied), Ok(("a", 3600))], Duration::ZERO);
    for _ in 0..10 {
        assert_eq!(f.token().await, Err(Kind::Denied));
    }
    assert_eq!(f.calls(), 1);
    f.clock.advance(Span::seconds(31));
    assert_eq!(f.token().await, Ok("a".into()));
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    for outcome in [
        Ok(("", 3600)),
        Ok(("a", 0)),
        Ok(("a", -5)),
        Ok(("a\r\nb", 60)),
    ] {
        let f = fixture(&[outcome], Duration::ZERO);
        assert_eq!(f.token().await, Err(Kind::Unavailable), "{outcome:?}");
    }
}

#[tokio::test]
async fn only_the_rejected_token_is_dropped() {
    let f = fixture(&[Ok(("a", 3600)), Ok(("b", 3600))], Duration::ZERO);
    let a = f.cache.bearer().await.unwrap();
    f.cache.invalidate(&a).await;
    assert_eq!(f.token().await, Ok("b".into()));
    // A late report about `a` does not cost `b`.
    f.cache.invalidate(&a).await;
    assert_eq!(f.token().await, Ok("b".into()));
    assert_eq!(f.calls(), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_refresh() {
    let f = fixture(&[Ok(("a", 3600))], Duration::from_millis(50));
    let cut = tokio::time::timeout(Duration::from_millis(5), f.cache.bearer()).await;
    assert!(cut.is_err());
    assert_eq!(f.token().await, Ok("a".into()));
    assert_eq!(f.calls(), 1);
}

#[test]
fn nothing_prints_a_token() {
    let bearer = Bearer {
        token: SecretString::from("eyJ-secret"),
        expires_on: START,
    };
    assert!(!format!("{bearer:?}").contains("eyJ-secret"));
}
