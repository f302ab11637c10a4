//! Graph's published limits as token buckets.
//!
//! Source: [throttling limits](https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits):
//! per application and tenant, resource units in 10 seconds by tenant size, and 3,000 writes in
//! 150 seconds.

use time::OffsetDateTime;

use crate::simulator::settings::ThrottleSize;

/// How far a bucket may go into debt, as a share of its size: the percentage header ends at 1.8.
const DEBT: f64 = 0.8;
/// From this share on, the percentage header appears.
const WARN_FROM: f64 = 0.8;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    size: f64,
    per_second: f64,
    level: f64,
}

impl Bucket {
    fn new(size: f64, window_seconds: f64) -> Self {
        Self {
            size,
            per_second: size / window_seconds,
            level: size,
        }
    }

    fn refill(&mut self, seconds: f64) {
        self.level = (self.level + seconds * self.per_second).min(self.size);
    }

    /// Throttled requests count too, so the level sinks whatever the answer.
    fn take(&mut self, cost: f64) {
        self.level = (self.level - cost).max(-DEBT * self.size);
    }

    fn used(&self) -> f64 {
        1.0 - self.level / self.size
    }

    fn wait_seconds(&self) -> f64 {
        (-self.level).max(0.0) / self.per_second
    }
}

/// A throttled request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refused {
    /// `Retry-After`, whole seconds.
    pub retry_after: u64,
    /// Value of `x-ms-throttle-information`.
    pub information: &'static str,
    /// The tenant's size as messages spell it: `large`.
    pub size: &'static str,
}

/// The buckets of one application in one tenant.
#[derive(Debug)]
pub struct Throttle {
    buckets: Option<(Bucket, Bucket)>,
    size: &'static str,
    at: Option<OffsetDateTime>,
}

impl Throttle {
    /// Full buckets for a tenant of this size.
    pub fn new(size: ThrottleSize) -> Self {
        let (size, units) = match size {
            ThrottleSize::Off => ("off", None),
            ThrottleSize::Small => ("small", Some(3_500.0)),
            ThrottleSize::Medium => ("medium", Some(5_000.0)),
            ThrottleSize::Large => ("large", Some(8_000.0)),
        };
        Self {
            size,
            buckets: units.map(|units| (Bucket::new(units, 10.0), Bucket::new(3_000.0, 150.0))),
            at: None,
        }
    }

    /// The value of `x-ms-throttle-limit-percentage`, which is sent above 80 % only.
    pub fn percentage(&self) -> Option<f64> {
        let (read, write) = self.buckets.as_ref()?;
        let used = read.used().max(write.used());
        (used > WARN_FROM).then(|| (used * 100.0).round() / 100.0)
    }

    /// Charges a request of `units` resource units and `writes` write requests; the refusal, when
    /// a limit is exceeded.
    pub fn charge(&mut self, units: u32, writes: u32, now: OffsetDateTime) -> Option<Refused> {
        let (read, write) = self.buckets.as_mut()?;
        let passed = self
            .at
            .map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
        self.at = Some(now);
        read.refill(passed);
        write.refill(passed);
        read.take(f64::from(units));
        write.take(f64::from(writes));
        let (wait, information) = if read.level < 0.0 {
            (read.wait_seconds(), "ResourceUnitLimitExceeded")
        } else if write.level < 0.0 && writes > 0 {
            (write.wait_seconds(), "WriteLimitExceeded")
        } else {
            return None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a wait is between 0 and 120 seconds"
        )]
        Some(Refused {
            retry_after: wait.ceil().max(1.0) as u64,
            information,
            size: self.size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const START: OffsetDateTime = datetime!(2026-03-01 10:00 UTC);

    #[test]
    fn off_never_throttles() {
        let mut throttle = Throttle::new(ThrottleSize::Off);
        assert_eq!(throttle.charge(1_000_000, 1_000_000, START), None);
        assert_eq!(throttle.percentage(), None);
    }

    #[test]
    fn resource_units_by_size() {
        for (size, units) in [
            (ThrottleSize::Small, 3_500),
            (ThrottleSize::Medium, 5_000),
            (ThrottleSize::Large, 8_000),
        ] {
            let mut throttle = Throttle::new(size);
            assert_eq!(throttle.charge(units / 2, 0, START), None, "{size:?}");
            assert_eq!(throttle.percentage(), None, "{size:?}");
            assert_eq!(throttle.charge(units / 2, 0, START), None, "{size:?}");
            assert_eq!(throttle.percentage(), Some(1.0), "{size:?}");
            let refused = throttle.charge(5, 0, START).unwrap();
            assert_eq!(
                (refused.retry_after, refused.information),
                (1, "ResourceUnitLimitExceeded")
            );
            // What was refused counts too, up to 1.8 times the limit.
            assert_eq!(throttle.charge(units * 2, 0, START).unwrap().retry_after, 8);
            assert_eq!(throttle.percentage(), Some(1.8));
            assert!(
                throttle
                    .charge(1, 0, START + Duration::seconds(7))
                    .is_some()
            );
            assert_eq!(
                throttle.charge(1, 0, START + Duration::seconds(9)),
                None,
                "{size:?}"
            );
        }
    }

    #[test]
    fn writes_have_their_own_quota() {
        let mut throttle = Throttle::new(ThrottleSize::Large);
        assert_eq!(throttle.charge(3_000, 3_000, START), None);
        let refused = throttle.charge(1, 40, START).unwrap();
        assert_eq!(
            (refused.retry_after, refused.information),
            (2, "WriteLimitExceeded")
        );
        assert_eq!(throttle.charge(1, 0, START), None, "reads go on");
    }
}
