//! What was before each recent change, by object: the oldest first, for as long as anyone may still
//! see it.

use std::collections::{HashMap, VecDeque};

use super::object::Slot;

/// Moments of changes, in ticks, and what was before them.
#[derive(Debug)]
pub(super) struct History<T>(HashMap<Slot, VecDeque<(i64, T)>>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> History<T> {
    /// Keeps what was before a change that is made now.
    pub(super) fn push(&mut self, now: i64, slot: Slot, before: T) {
        self.0.entry(slot).or_default().push_back((now, before));
    }

    /// The changes of an object.
    pub(super) fn of(&self, slot: Slot) -> impl Iterator<Item = (i64, &T)> {
        let changes = self.0.get(&slot).into_iter().flatten();
        changes.map(|(at, before)| (*at, before))
    }

    /// What was before the first change of an object that is not older than `age`.
    pub(super) fn before(&self, now: i64, slot: Slot, age: i64) -> Option<&T> {
        self.of(slot)
            .find(|(at, _)| now < at.saturating_add(age))
            .map(|(_, before)| before)
    }

    /// Objects that changed.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.0.keys().copied()
    }

    /// Drops an object's changes up to a moment.
    pub(super) fn forget(&mut self, slot: Slot, until: i64) {
        if let Some(changes) = self.0.get_mut(&slot) {
            while changes.pop_front_if(|(at, _)| *at <= until).is_some() {}
            if changes.is_empty() {
                self.0.remove(&slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_that_is_young_enough_tells() {
        let mut history = History::default();
        for (at, before) in [(10, "a"), (20, "b"), (30, "c")] {
            history.push(at, 7, before);
        }
        for (now, expected) in [
            (30, Some("a")),
            (35, Some("b")),
            (49, Some("c")),
            (55, None),
        ] {
            assert_eq!(history.before(now, 7, 25).copied(), expected, "{now}");
        }
        assert_eq!(history.before(30, 8, 25), None);
        history.forget(7, 20);
        assert_eq!(history.of(7).collect::<Vec<_>>(), [(30, &"c")]);
        history.forget(7, 30);
        assert_eq!(history.slots().count(), 0);
    }
}
