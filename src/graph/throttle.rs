//! The quota, kept on our side: two token buckets that refill by the published limits, two lanes,
//! and one pause that all callers share after a 429.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    model::{Budget, Lane},
    operation::Cost,
};

/// The share of the budget that the background lane leaves alone.
const RESERVE: f64 = 0.25;
/// How soon the background lane looks again while clients wait.
const YIELD: Duration = Duration::from_millis(25);
/// However long Graph wants one caller to wait: after this, the others try again.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// A token bucket; its level may be negative after a request that cost more than expected.
#[derive(Debug)]
struct Bucket {
    /// 0: no limit.
    capacity: f64,
    per_second: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(capacity: u32, window: f64, now: Instant) -> Self {
        let capacity = f64::from(capacity);
        Self {
            capacity,
            per_second: capacity / window,
            level: capacity,
            at: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.capacity);
        self.at = now;
    }

    /// How long until `cost` can be taken and `reserve` (a share) stays; zero: now.
    fn wait(&self, cost: u32, reserve: f64) -> Duration {
        if self.capacity <= 0.0 || cost == 0 {
            return Duration::ZERO;
        }
        let floor = self.capacity * reserve;
        // A request above the whole bucket passes when the bucket is full.
        let needed = f64::from(cost).min(self.capacity - floor) + floor;
        let missing = needed - self.level;
        if missing <= 1e-6 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64((missing / self.per_second).clamp(0.001, 3600.0))
        }
    }

    /// How long it takes until `count` have been taken one after the other, from `level` on.
    fn time_for(&self, count: u32, level: f64) -> Duration {
        if self.capacity <= 0.0 {
            return Duration::ZERO;
        }
        let missing = (f64::from(count) - level).max(0.0);
        Duration::from_secs_f64((missing / self.per_second).clamp(0.0, 86_400.0))
    }

    fn take(&mut self, cost: f64) {
        if self.capacity > 0.0 {
            self.level = (self.level - cost).clamp(-self.capacity, self.capacity);
        }
    }

    fn at_most(&mut self, share: f64) {
        if self.capacity > 0.0 {
            self.level = self.level.min(self.capacity * share.max(0.0));
        }
    }
}

#[derive(Debug)]
struct State {
    units: Bucket,
    writes: Bucket,
    /// No interactive request before this moment.
    interactive_from: Option<Instant>,
    background_from: Option<Instant>,
    /// Interactive callers that wait for the buckets.
    waiting: usize,
}

impl State {
    fn paused(&self, lane: Lane, now: Instant) -> Duration {
        let until = match lane {
            Lane::Interactive => self.interactive_from,
            Lane::Background => self.background_from,
        };
        until.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// Takes `cost`, or says how long to wait before trying again.
    fn try_take(&mut self, lane: Lane, cost: Cost, now: Instant) -> Result<(), Duration> {
        let pause = self.paused(lane, now);
        if !pause.is_zero() {
            return Err(pause);
        }
        self.units.refill(now);
        self.writes.refill(now);
        let reserve = match lane {
            Lane::Interactive => 0.0,
            Lane::Background => RESERVE,
        };
        if lane == Lane::Background && self.waiting > 0 {
            return Err(YIELD);
        }
        let wait = self
            .units
            .wait(cost.units, reserve)
            .max(self.writes.wait(cost.writes, reserve));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.units.take(f64::from(cost.units));
        self.writes.take(f64::from(cost.writes));
        Ok(())
    }
}

/// The gate that every request passes.
#[derive(Debug)]
pub(super) struct Throttle {
    state: Mutex<State>,
}

/// Counts an interactive caller as waiting until it is dropped, however that happens.
struct Waiting<'a>(&'a Throttle);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

impl Throttle {
    pub(super) fn new(budget: Budget) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                units: Bucket::new(budget.resource_units, 10.0, now),
                writes: Bucket::new(budget.writes, 150.0, now),
                interactive_from: None,
                background_from: None,
                waiting: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `cost`.
    ///
    /// # Errors
    ///
    /// The wait that is needed, when it would pass `deadline`; at once.
    pub(super) async fn admit(
        &self,
        lane: Lane,
        cost: Cost,
        deadline: Instant,
    ) -> Result<(), Duration> {
        let mut waiting = None;
        loop {
            let now = Instant::now();
            let wait = match self.state().try_take(lane, cost, now) {
                Ok(()) => return Ok(()),
                Err(wait) => wait,
            };
            if now + wait > deadline {
                return Err(wait);
            }
            if lane == Lane::Interactive && waiting.is_none() {
                self.state().waiting += 1;
                waiting = Some(Waiting(self));
            }
            // Those who wait for the same moment should not arrive in the same one.
            let spread = (wait / 20).min(Duration::from_millis(200));
            let sleep = wait + spread.mul_f64(rand::random::<f64>());
            tokio::time::sleep_until((now + sleep).min(deadline)).await;
        }
    }

    /// How long `count` writes take by the quota: from now on, and if nobody else wrote.
    pub(super) fn time_for_writes(&self, count: u32) -> (Duration, Duration) {
        let mut state = self.state();
        state.writes.refill(Instant::now());
        let writes = &state.writes;
        (
            writes.time_for(count, writes.level),
            writes.time_for(count, writes.capacity),
        )
    }

    /// Whether the lane was paused while the caller waited for a connection.
    pub(super) fn is_paused(&self, lane: Lane) -> bool {
        !self.state().paused(lane, Instant::now()).is_zero()
    }

    /// Gives back what was taken for a request that was not sent.
    pub(super) fn give_back(&self, cost: Cost) {
        let mut state = self.state();
        state.units.take(-f64::from(cost.units));
        state.writes.take(-f64::from(cost.writes));
    }

    /// Corrects the estimate by Graph's own count, and the level by Graph's view of the quota,
    /// which other instances share. `share` is `x-ms-throttle-limit-percentage` (0.8 to 1.8).
    pub(super) fn observe(&self, estimate: Cost, units: Option<u32>, share: Option<f64>) {
        let mut state = self.state();
        if let Some(units) = units {
            state
                .units
                .take(f64::from(units) - f64::from(estimate.units));
        }
        if let Some(share) = share {
            state.units.at_most(1.0 - share);
        }
    }

    /// Graph said 429: the lane stops for all. A client that is throttled stops the background
    /// too; the background alone does not stop clients.
    pub(super) fn pause(&self, lane: Lane, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST_PAUSE);
        let mut state = self.state();
        let later = |old: Option<Instant>| Some(old.map_or(until, |o| o.max(until)));
        state.background_from = later(state.background_from);
        if lane == Lane::Interactive {
            state.interactive_from = later(state.interactive_from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(units: u32, writes: u32) -> Cost {
        Cost { units, writes }
    }

    fn throttle(units: u32, writes: u32) -> (Throttle, Instant) {
        let throttle = Throttle::new(Budget {
            resource_units: units,
            writes,
        });
        let at = throttle.state().units.at;
        (throttle, at)
    }

    #[test]
    fn a_bucket_refills_by_its_window() {
        let (throttle, t0) = throttle(100, 0);
        let mut s = throttle.state();
        assert_eq!(s.try_take(Lane::Interactive, cost(100, 0), t0), Ok(()));
        // 10 units at 10 per second.
        assert_eq!(
            s.try_take(Lane::Interactive, cost(10, 0), t0),
            Err(Duration::from_secs(1))
        );
        let later = t0 + Duration::from_secs(1);
        assert_eq!(s.try_take(Lane::Interactive, cost(10, 0), later), Ok(()));
        // Writes have a bucket of their own, here without limit.
        assert_eq!(s.try_take(Lane::Interactive, cost(0, 9999), later), Ok(()));
    }

    #[test]
    fn the_background_leaves_a_reserve_and_gives_way() {
        let (throttle, t0) = throttle(100, 0);
        let mut s = throttle.state();
        assert_eq!(s.try_take(Lane::Background, cost(75, 0), t0), Ok(()));
        assert!(s.try_take(Lane::Background, cost(1, 0), t0).is_err());
        assert_eq!(s.try_take(Lane::Interactive, cost(20, 0), t0), Ok(()));
        let full = t0 + Duration::from_mins(1);
        s.waiting = 1;
        assert_eq!(
            s.try_take(Lane::Background, cost(1, 0), full),
            Err(YIELD),
            "a client waits"
        );
        s.waiting = 0;
        assert_eq!(s.try_take(Lane::Background, cost(1, 0), full), Ok(()));
    }

    #[test]
    fn a_request_above_the_bucket_is_not_stuck() {
        let (throttle, t0) = throttle(10, 0);
        let mut s = throttle.state();
        assert_eq!(s.try_take(Lane::Interactive, cost(50, 0), t0), Ok(()));
        let full = t0 + Duration::from_mins(1);
        assert_eq!(s.try_take(Lane::Background, cost(50, 0), full), Ok(()));
    }

    #[test]
    fn graphs_own_numbers_win() {
        let (throttle, t0) = throttle(100, 0);
        assert_eq!(
            throttle.state().try_take(Lane::Interactive, cost(1, 0), t0),
            Ok(())
        );
        throttle.observe(cost(1, 0), Some(21), None);
        assert!((throttle.state().units.level - 79.0).abs() < 1e-3);
        throttle.observe(cost(0, 0), None, Some(0.9));
        assert!((throttle.state().units.level - 10.0).abs() < 1e-3);
        throttle.observe(cost(0, 0), None, Some(1.8));
        assert!(throttle.state().units.level.abs() < 1e-3);
    }

    #[test]
    fn a_pause_is_shared_by_lane() {
        let now = Instant::now();
        let (throttle, _) = throttle(0, 0);
        throttle.pause(Lane::Background, Duration::from_secs(5));
        assert!(throttle.is_paused(Lane::Background));
        assert!(!throttle.is_paused(Lane::Interactive));
        throttle.pause(Lane::Interactive, Duration::from_secs(1));
        assert!(throttle.is_paused(Lane::Interactive));
        let s = throttle.state();
        assert!(s.paused(Lane::Background, now) > Duration::from_secs(4));
        drop(s);
        throttle.pause(Lane::Interactive, Duration::from_hours(24));
        let s = throttle.state();
        assert!(s.paused(Lane::Interactive, Instant::now()) <= LONGEST_PAUSE);
    }

    #[tokio::test]
    async fn a_wait_beyond_the_deadline_is_refused_at_once() {
        let (throttle, _) = throttle(0, 0);
        throttle.pause(Lane::Interactive, Duration::from_secs(30));
        let start = Instant::now();
        let refused = throttle
            .admit(
                Lane::Interactive,
                cost(1, 0),
                start + Duration::from_secs(2),
            )
            .await;
        assert!(refused.is_err_and(|wait| wait > Duration::from_secs(29)));
        assert!(start.elapsed() < Duration::from_millis(500));
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_no_longer_waits() {
        let (throttle, _) = throttle(10, 0);
        assert_eq!(
            throttle
                .admit(Lane::Interactive, cost(10, 0), Instant::now())
                .await,
            Ok(())
        );
        let far = Instant::now() + Duration::from_mins(1);
        let waiter = throttle.admit(Lane::Interactive, cost(10, 0), far);
        let cut = tokio::time::timeout(Duration::from_millis(20), waiter).await;
        assert!(cut.is_err());
        assert_eq!(throttle.state().waiting, 0);
    }
}
