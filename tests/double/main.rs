//! The simulator as a double of Graph: held to the facts, to itself, and to Graph's own SDK.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests and what they stand on may panic; a check that is skipped is told aloud"
)]

mod determinism;
mod errors;
mod facts;
mod sdk;
mod sim;
