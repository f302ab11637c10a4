//! Sorted lists, kept from one page to the next until something changes: whoever pages through a
//! sorted million must not have it sorted a thousand times.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::object::{Kind, Slot};

/// So many orders are kept; more are a sign that none will be asked for again.
const KEPT: usize = 8;

/// A kind and what it is sorted by.
type Order = (Kind, String);

#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<HashMap<Order, Arc<[Slot]>>>);

impl Orders {
    /// Something changed.
    pub(super) fn forget(&mut self) {
        self.0
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The list that was kept under a name, else the one that is made now.
    pub(super) fn get(
        &self,
        kind: Kind,
        order: String,
        make: impl FnOnce() -> Vec<Slot>,
    ) -> Arc<[Slot]> {
        let key = (kind, order);
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slots) = kept().get(&key) {
            return Arc::clone(slots);
        }
        let slots: Arc<[Slot]> = make().into();
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&slots));
        slots
    }
}
