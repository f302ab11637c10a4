//! The integration tests: one binary. Modules mirror what is entered from outside.

mod floors;
mod store;
mod support;
