//! Floor 0: clock, backoff arithmetic, error chain printing.

pub mod backoff;
pub mod chain;
pub mod clock;
