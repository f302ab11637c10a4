//! The replica's tables: objects, the values by which they are found, edges, tombstones, the change
//! feed, and where each reconciler stands. SQL only; what is stored is decided above.

mod edges;
mod feed;
mod id;
mod objects;
mod query;
mod state;

pub use edges::{EdgeRow, Near};
pub use feed::{Change, ChangeQuery, ChangeRow};
pub use id::{from_bytes, to_bytes};
pub use objects::{ObjectRow, Shown, Tombstone};
pub use query::{Order, Selection, relation_name};
pub use state::{Mark, StateRow};

/// Rows of one statement: a fixed number, so that few texts are prepared.
const ROWS: usize = 200;
/// Ids of one `IN (…)`.
const IDS: usize = 500;
