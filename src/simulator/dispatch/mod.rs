//! Dispatch: a request, by the table of entity sets, to what answers it.

mod change;
mod read;

pub use change::change;
pub use read::read;
