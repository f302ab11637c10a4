//! A SCIM 2.0 server in front of Microsoft Entra ID, through Microsoft Graph.
//!
//! The floors, top to bottom; a module uses only floors below its own:
//!
//! ```text
//! 6  cli/  config/                wiring: reads files and environment, builds everything, owns the loops
//! 5  http/                        axum; the only floor that knows status codes
//! 4  service/  sync/              use cases, and what keeps the replica: decide with floors 0-2
//! 3  graph/  store/  credential/  I/O: Graph over HTTP, SQL, Entra tokens     simulator/ beside them
//!    heavy.rs                     threads for long pure work
//! 2  resources/  translation/     pure: what each resource type is; SCIM <-> Graph by rule files
//! 1  scim/  odata/                pure protocol: RFC 7643/7644; OData query text
//! 0  base/                        clock, backoff arithmetic, error chain
//! ```

pub mod base;
pub mod cli;
pub mod config;
pub mod credential;
pub mod delivery;
pub mod graph;
mod heavy;
pub mod http;
pub mod odata;
pub mod resources;
pub mod scim;
pub mod service;
pub mod simulator;
pub mod store;
pub mod sync;
pub mod translation;
