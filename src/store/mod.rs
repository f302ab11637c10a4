//! Floor 3: what the gateway remembers, in SQLite or PostgreSQL.
//!
//! One implementation and one SQL text serve both. Reads go through [`Store`]; what must happen
//! together is written through a [`Tx`], whose beginning and end the caller decides.

mod audit;
mod bulk;
mod error;
mod keys;
mod migrate;
mod moment;
mod pool;
mod remembered;
pub mod replica;
mod settings;
mod statement;
mod streams;
#[cfg(test)]
mod tests;
mod tokens;

pub use audit::{Actor, AuditEntry, AuditQuery, Outcome};
pub use bulk::{BulkKey, BulkRow};
pub use error::Error;
pub use pool::{Backend, Store, Tx};
pub use settings::{Journal, Settings};
pub use streams::EventStream;
pub use tokens::{NewToken, TokenHash, TokenRow};
