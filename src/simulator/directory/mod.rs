//! The state of one tenant: objects, relations, licences, and the indexes that keep them unique.
//!
//! [`Directory`] is changed; a [`Reader`] looks at it, with eyes that may be behind. Plain data
//! stands at the bottom (`object`, `record`, `edges`, `journal`, `lag`, `history`,
//! `licences`, `agenda`), the
//! [`Directory`] that holds it all above, and what it can do in files of their own above that.

mod agenda;
mod closure;
mod edges;
mod finding;
mod history;
mod ids;
mod index;
pub mod journal;
pub mod lag;
mod licences;
mod licensing;
mod load;
mod loading;
mod lookup;
mod object;
mod order;
mod plans;
mod reader;
mod record;
mod roles;
mod schedules;
mod store;
mod watch;

#[cfg(test)]
mod tests;

pub use agenda::{Having, Holder, Span};
pub use edges::Edges;
pub use ids::guid;
pub use lag::{Eyes, Lags};
pub use licences::{Grant, GrantError, Licences, Plan, Sku};
pub use lookup::{Range, Sought};
pub use object::{Domain, Kind, Object, Relation, Slot, State, Tenant};
pub use plans::Conflict;
pub use reader::{Items, Reader};
pub use record::{Entry, Key, List, Names, Record, Stored, parse_time, ticks, time_text};
pub use store::Directory;
