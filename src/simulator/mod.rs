//! A strict double of Microsoft Graph: documented behaviour only, Graph's own errors for the rest.

mod applications;
pub mod arm;
mod batch;
pub mod control;
pub mod core;
pub mod delta;
pub mod directory;
mod dispatch;
pub mod errors;
mod front;
pub mod headers;
pub mod identity;
pub mod layers;
mod metadata;
mod model;
pub mod notifications;
mod operations;
pub mod options;
mod parts;
pub mod permissions;
mod query;
pub mod request;
mod route;
pub mod seed;
pub mod seed_types;
pub mod server;
mod sets;
pub mod settings;
pub mod start;
#[cfg(test)]
mod testing;
