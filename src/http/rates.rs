//! How many requests a second a token may send, over a while: a bucket each, which fills steadily
//! and holds two seconds' worth.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    scim::error::{Error as ScimError, Kind},
    service::Error,
};

/// How many buckets are kept; full ones go first, which are as good as new ones.
const CAPACITY: usize = 10_000;
/// How many seconds' worth a bucket holds.
const HOLDS: f64 = 2.0;

/// The buckets of all tokens.
#[derive(Debug)]
pub struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: f64, now: Instant) -> Self {
        Self {
            left: rate * HOLDS,
            at: now,
        }
    }

    /// What it holds at `now`.
    fn level(self, rate: f64, now: Instant) -> f64 {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * rate;
        (self.left + filled).min(rate * HOLDS)
    }

    /// Takes one request out, or tells when there will be one.
    fn take(&mut self, rate: f64, now: Instant) -> Result<(), Duration> {
        let level = self.level(rate, now);
        if level < 1.0 {
            return Err(Duration::from_secs_f64(
                ((1.0 - level) / rate).clamp(0.0, 3600.0),
            ));
        }
        *self = Self {
            left: level - 1.0,
            at: now,
        };
        Ok(())
    }
}

impl Rates {
    /// Every token may send so many requests a second.
    pub fn new(per_second: u32) -> Self {
        Self {
            per_second: f64::from(per_second.max(1)),
            buckets: Mutex::default(),
        }
    }

    /// Counts a request of the token.
    ///
    /// # Errors
    /// 429, with the time after which there is room.
    pub fn count(&self, token: &str) -> Result<(), Error> {
        let now = Instant::now();
        let rate = self.per_second;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY && !buckets.contains_key(token) {
            buckets.retain(|_, bucket| bucket.level(rate, now) < rate * HOLDS);
            if buckets.len() >= CAPACITY {
                buckets.clear();
            }
        }
        let bucket = buckets
            .entry(token.to_owned())
            .or_insert_with(|| Bucket::full(rate, now));
        bucket.take(rate, now).map_err(|wait| Error {
            retry_after: Some(wait),
            ..Error::from(ScimError::new(
                Kind::TooManyRequests,
                format!("this token sends more than {rate} requests a second"),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        let start = Instant::now();
        // Milliseconds between requests, how many, at ten a second: how many pass.
        for (every, requests, passed) in [(0, 50, 20), (100, 50, 50), (50, 100, 69), (1000, 5, 5)] {
            let mut bucket = Bucket::full(10.0, start);
            let good = (0..requests).filter(|i| {
                bucket
                    .take(10.0, start + Duration::from_millis(i * every))
                    .is_ok()
            });
            assert_eq!(good.count(), passed, "every {every} ms");
        }
        let mut empty = Bucket {
            left: 0.5,
            at: start,
        };
        assert_eq!(empty.take(10.0, start), Err(Duration::from_millis(50)));
    }

    #[tokio::test]
    async fn tokens_are_apart_and_bounded() {
        let rates = Rates::new(1);
        for _ in 0..2 {
            rates.count("a").unwrap();
        }
        let refused = rates.count("a").unwrap_err();
        assert_eq!(refused.scim.kind, Kind::TooManyRequests);
        assert!(refused.retry_after.is_some());
        rates.count("b").unwrap();
        for i in 0..CAPACITY + 5 {
            rates.count(&i.to_string()).unwrap();
        }
        assert!(rates.buckets.lock().unwrap().len() <= CAPACITY);
    }
}
