//! Reading from Graph itself, at once: objects with their relations, and lists.

pub(in crate::service) mod list;
pub(in crate::service) mod object;
mod own_writes;
pub(in crate::service) mod pages;
mod related;
