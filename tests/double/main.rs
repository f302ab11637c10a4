//! The simulator as a double of Graph: held to the facts, to itself, and to Graph's own SDK.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests and what they stand on may panic"
)]

#[path = "../common/aloud.rs"]
mod aloud;
mod clients;
mod determinism;
mod errors;
mod facts;
mod foreign;
mod reports;
mod reports_right;
mod sdk;
mod sim;
