//! Backoff arithmetic: no clock, no randomness of its own.

use std::time::{Duration, UNIX_EPOCH};

/// Exponential backoff with full jitter, between `floor` and `ceiling`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The shortest wait, and the base of the exponential.
    pub floor: Duration,
    /// The longest wait.
    pub ceiling: Duration,
}

impl Backoff {
    /// The wait before try number `attempt + 1` (`attempt` counts from 0), with `jitter` in `0..=1`.
    ///
    /// The wait lies between `floor` and `floor * 2^attempt`, never above `ceiling`.
    pub fn wait(&self, attempt: u32, jitter: f64) -> Duration {
        let top = self
            .floor
            .saturating_mul(2_u32.saturating_pow(attempt.min(20)))
            .min(self.ceiling)
            .max(self.floor);
        let spread = top.saturating_sub(self.floor);
        self.floor + spread.mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// Reads a `Retry-After` header value: whole or decimal seconds, or an HTTP date relative to
/// `now` (Unix seconds). `None` when it is neither.
///
/// Source: RFC 9110 §10.2.3 and §5.6.7; Graph also sends decimals (`2.128`).
pub fn retry_after(value: &str, now_unix: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds.is_finite() && (0.0..=86_400.0 * 365.0).contains(&seconds))
            .then(|| Duration::from_secs_f64(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let at = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
    // What has passed already is no wait.
    let wait = i64::try_from(at).ok()?.saturating_sub(now_unix);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_in_the_window() {
        let backoff = Backoff {
            floor: Duration::from_millis(200),
            ceiling: Duration::from_secs(5),
        };
        assert_eq!(backoff.wait(0, 1.0), Duration::from_millis(200));
        assert_eq!(backoff.wait(1, 1.0), Duration::from_millis(400));
        assert_eq!(backoff.wait(3, 0.0), Duration::from_millis(200));
        assert_eq!(backoff.wait(30, 1.0), Duration::from_secs(5));
    }

    #[test]
    fn reads_integers_decimals_and_dates() {
        for (text, expected) in [
            ("2", Some(Duration::from_secs(2))),
            (" 2.128 ", Some(Duration::from_millis(2128))),
            ("0", Some(Duration::ZERO)),
            (
                "Thu, 01 Jan 1970 00:01:00 GMT",
                Some(Duration::from_mins(1)),
            ),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(Duration::ZERO)),
            // The obsolete forms, which a recipient must accept.
            (
                "Thursday, 01-Jan-70 00:01:00 GMT",
                Some(Duration::from_mins(1)),
            ),
            ("Thu Jan  1 00:01:00 1970", Some(Duration::from_mins(1))),
            ("Thu, 32 Jan 1970 00:01:00 GMT", None),
            ("soon", None),
            ("-1", None),
            ("NaN", None),
        ] {
            assert_eq!(retry_after(text, 0), expected, "{text}");
        }
    }
}
