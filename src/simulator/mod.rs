//! A strict double of Microsoft Graph: documented behaviour only, Graph's own errors for the rest.

pub mod seed_types;
