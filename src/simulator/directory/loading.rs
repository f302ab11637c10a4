//! What is known only while a directory is filled from a seed.

use super::object::Slot;

/// What is known only while loading: slots by number, and edges to objects yet to come.
#[derive(Debug, Default)]
pub(super) struct Loading {
    pub(super) users: Vec<Slot>,
    pub(super) groups: Vec<Slot>,
    pub(super) managers: Vec<(Slot, usize)>,
    pub(super) nested: Vec<(Slot, usize)>,
    pub(super) members: Vec<(Slot, usize)>,
    pub(super) owners: Vec<(Slot, usize)>,
}
