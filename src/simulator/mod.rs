//! A strict double of Microsoft Graph: documented behaviour only, Graph's own errors for the rest.

mod batch;
pub mod core;
pub mod directory;
pub mod errors;
pub mod headers;
mod model;
mod operations;
mod query;
pub mod request;
mod route;
pub mod seed_types;
pub mod server;
mod sets;
#[cfg(test)]
mod testing;
