//! The integration tests: one binary. Modules mirror what is entered from outside.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests and what they stand on may panic"
)]

#[path = "../common/aloud.rs"]
mod aloud;
mod audit;
mod bad_input;
mod bulk;
mod cli;
mod conformance;
mod credentials;
mod deliveries;
mod dependencies;
mod edge;
mod events;
mod faults;
mod floors;
mod foreign;
mod hardening;
mod heavy;
mod lag;
mod logs;
mod members;
mod memory;
mod odd_answers;
mod outcome;
mod pitfalls;
mod postgres;
mod queries;
mod replica;
mod reports;
mod rights;
mod role_times;
mod roles_licences;
mod safety;
mod scopes;
mod snapshots;
mod store;
mod support;
mod toy_type;
mod units;
mod user_names;
mod walk;
