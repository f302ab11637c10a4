//! Whether, when and why a failed request is sent again. Pure.

use std::time::Duration;

use super::error::{Class, Error};
use crate::base::backoff::Backoff;

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it again.
    Again,
    /// It failed.
    Fail,
    /// It may have been done, and doing it twice would harm.
    Unknown,
}

/// Judges `error`; `repeatable` says that sending the request twice does no harm.
pub(super) fn verdict(error: &Error, repeatable: bool) -> Verdict {
    if let Error::Deadline { .. } = error {
        // From the gate: nothing was sent.
        return Verdict::Fail;
    }
    let lost = matches!(error, Error::Transport { .. } | Error::Protocol { .. });
    match error.class() {
        Class::Throttled => Verdict::Again,
        Class::Retry if repeatable || error.surely_undone() => Verdict::Again,
        Class::Retry => Verdict::Unknown,
        Class::Permanent if lost && !repeatable => Verdict::Unknown,
        Class::Permanent => Verdict::Fail,
    }
}

/// The wait before try number `attempt + 1`, `attempt` counting from 1: what Graph asks for, not
/// below the floor and with some spread, or else the backoff.
pub(super) fn wait(error: &Error, attempt: u32, backoff: &Backoff, jitter: f64) -> Duration {
    match error.retry_after() {
        Some(asked) => asked.max(backoff.floor) + backoff.floor.mul_f64(jitter.clamp(0.0, 1.0)),
        None => backoff.wait(attempt, jitter),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{
        error::{Cause, from_answer},
        refusal::Asked,
    };

    fn answer(status: u16, code: &str, retry_after: Option<u64>) -> Error {
        from_answer(
            Asked {
                operation: "POST /users",
                path: "/users",
            },
            status,
            &json!({"error":{"code":code}}),
            None,
            retry_after.map(Duration::from_secs),
        )
    }

    fn cut(sent: bool) -> Error {
        Error::Transport {
            operation: "POST /users".into(),
            sent,
            source: Cause::Silence(Duration::from_secs(1)),
        }
    }

    #[test]
    fn nothing_is_done_twice() {
        use Verdict::{Again, Fail, Unknown};
        for (error, repeatable, create) in [
            (answer(429, "TooManyRequests", Some(1)), Again, Again),
            (answer(429, "", None), Again, Again),
            (answer(503, "", Some(1)), Again, Again),
            (answer(503, "", None), Again, Again),
            (answer(509, "", None), Again, Again),
            (answer(424, "", None), Again, Again),
            (
                answer(409, "Directory_ConcurrencyViolation", None),
                Again,
                Again,
            ),
            (
                answer(400, "Directory_ConcurrencyViolation", None),
                Again,
                Again,
            ),
            (answer(408, "", None), Again, Unknown),
            (
                answer(404, "Directory_ObjectNotFound", None),
                Again,
                Unknown,
            ),
            (answer(500, "InternalServerError", None), Again, Unknown),
            (answer(504, "GatewayTimeout", None), Again, Unknown),
            (answer(500, "", None), Again, Unknown),
            (answer(502, "", None), Again, Unknown),
            (answer(504, "", None), Again, Unknown),
            (cut(false), Again, Again),
            (cut(true), Again, Unknown),
            (Error::protocol("POST /users", "html"), Fail, Unknown),
            (answer(400, "Request_BadRequest", None), Fail, Fail),
            (answer(403, "", None), Fail, Fail),
            (answer(404, "", None), Fail, Fail),
        ] {
            assert_eq!(verdict(&error, true), repeatable, "{error:?}");
            assert_eq!(verdict(&error, false), create, "{error:?}");
        }
    }

    #[test]
    fn waits_what_graph_asks_and_a_little_more() {
        let backoff = Backoff {
            floor: Duration::from_millis(200),
            ceiling: Duration::from_secs(5),
        };
        for (error, attempt, jitter, expected) in [
            (answer(429, "", Some(3)), 1, 0.0, 3000),
            (answer(429, "", Some(3)), 1, 1.0, 3200),
            (answer(429, "", Some(0)), 1, 0.0, 200),
            (answer(429, "", Some(60)), 1, 0.0, 60_000),
            (answer(429, "", None), 1, 1.0, 400),
            (answer(500, "", None), 3, 1.0, 1600),
            (answer(500, "", None), 3, 0.0, 200),
            (answer(500, "", None), 20, 1.0, 5000),
        ] {
            assert_eq!(
                wait(&error, attempt, &backoff, jitter),
                Duration::from_millis(expected)
            );
        }
    }
}
