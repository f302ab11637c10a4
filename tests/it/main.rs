//! The integration tests: one binary. Modules mirror what is entered from outside.

mod bad_input;
mod cli;
mod faults;
mod floors;
mod members;
mod pitfalls;
mod roles_licences;
mod store;
mod support;
mod walk;
