//! What this process wrote moments ago. Graph replicates with a delay: a new object may be absent,
//! a deleted one present, a property or a member old, on one read and not on the next. What was
//! written here is laid over what Graph says, until Graph has had its time.
//!
//! A property is overlaid only where Graph shows a value that was superseded here: any other value
//! was written by somebody else since, and stands.
//!
//! Source: Microsoft's description of directory replication; no delay is promised, 20 minutes
//! have been seen for new objects.

mod edges;
mod objects;

use time::{Duration, OffsetDateTime};

pub use edges::RecentEdges;
pub use objects::{Absence, Presence, RecentObjects, Touched};

/// How long a changed property or edge is remembered.
const CHANGE: Duration = Duration::minutes(5);
/// How long a changed property or edge is overlaid although Graph has been seen to agree.
const AGREED: Duration = Duration::seconds(3);
/// How many objects and how many edges are remembered at most; the oldest are forgotten first.
const CAPACITY: usize = 50_000;

/// The memory of recent writes of one tenant.
#[derive(Default)]
pub struct Recent {
    /// Objects that were created, changed or deleted.
    pub objects: RecentObjects,
    /// Edges that were added or removed.
    pub edges: RecentEdges,
}

fn oldest_tenth(times: impl Iterator<Item = OffsetDateTime>) -> Option<OffsetDateTime> {
    let mut times: Vec<OffsetDateTime> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 10).copied()
}
