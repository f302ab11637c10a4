//! What the integration tests stand on.

pub mod app;
pub mod databases;
pub mod pg;
pub mod program;
pub mod tenant;
