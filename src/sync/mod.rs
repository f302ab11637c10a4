//! Floor 4: what keeps the replicas fresh. For each tenant one keeper, on whichever instance holds
//! its lease: it is woken by the pace and by nudges, takes no input, and a round that is cut off
//! anywhere is taken up by the next one.
//!
//! - [`snapshot`]: reading all there is, committed page by page with its cursor;
//! - [`delta`]: what changed, for the types that have a change query;
//! - [`poll`]: lists for those that have none;
//! - [`recheck`]: objects of which a page was not believed;
//! - [`reconcile`]: counts compared with Graph's;
//! - [`subscription`]: change notifications, which only nudge.

mod deliver;
mod delta;
mod keeper;
mod lease;
mod links;
mod members;
mod objects;
mod poll;
mod recheck;
mod reconcile;
mod snapshot;
mod subscription;

pub use keeper::{Keeper, run};
