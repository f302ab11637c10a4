//! A strict double of Microsoft Graph: documented behaviour only, Graph's own errors for the rest.

pub mod directory;
pub mod identity;
pub mod layers;
pub mod permissions;
pub mod seed;
pub mod seed_types;
pub mod settings;
