//! Transitive memberships, found once per walk: whoever pages through a hundred thousand of them must
//! not have them found again for each page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::object::Slot;

/// So many are kept.
const KEPT: usize = 16;

/// An object, and whether its members are meant or the groups that it is in.
pub(super) type Root = (Slot, bool);

#[derive(Debug)]
struct Closure {
    slots: Arc<[Slot]>,
    /// Whether nothing changed since.
    fresh: bool,
}

/// The transitive memberships that were asked for lately.
#[derive(Debug, Default)]
pub(super) struct Closures(Mutex<HashMap<Root, Closure>>);

impl Closures {
    /// A membership changed: walks that have begun go on, others begin anew.
    pub(super) fn forget(&mut self) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for closure in kept.values_mut() {
            closure.fresh = false;
        }
    }

    /// The one that is kept, if it is fresh or a walk goes on; else the one that is found now.
    pub(super) fn get(
        &self,
        root: Root,
        goes_on: bool,
        find: impl FnOnce() -> Arc<[Slot]>,
    ) -> Arc<[Slot]> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(closure) = kept().get(&root)
            && (closure.fresh || goes_on)
        {
            return Arc::clone(&closure.slots);
        }
        let slots = find();
        let mut kept = kept();
        if kept.len() >= KEPT && !kept.contains_key(&root) {
            kept.clear();
        }
        let closure = Closure {
            slots: Arc::clone(&slots),
            fresh: true,
        };
        kept.insert(root, closure);
        slots
    }
}
