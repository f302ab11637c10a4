//! Relations between objects, kept in both directions and in the order of slots, so that a page
//! can go on where the last one ended although the relation changed in between.

use std::collections::{BTreeSet, HashMap};

use super::object::Slot;

/// One neighbour, or several. The box keeps the common case small.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "most sets are one slot: 16 bytes in place of 32"
)]
enum Set {
    One(Slot),
    Many(Box<BTreeSet<Slot>>),
}

impl Set {
    fn after(&self, slot: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        let start = slot.map_or(0, |s| s.saturating_add(1));
        let (one, many) = match self {
            Self::One(one) => (Some(*one).filter(|one| *one >= start), None),
            Self::Many(set) => (None, Some(set.range(start..).copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(set) => set.len(),
        }
    }

    fn contains(&self, slot: Slot) -> bool {
        match self {
            Self::One(one) => *one == slot,
            Self::Many(set) => set.contains(&slot),
        }
    }
}

type Side = HashMap<Slot, Set>;

fn insert(side: &mut Side, key: Slot, value: Slot) -> bool {
    match side.get_mut(&key) {
        None => {
            side.insert(key, Set::One(value));
            true
        }
        Some(Set::Many(set)) => set.insert(value),
        Some(Set::One(one)) if *one == value => false,
        Some(set @ Set::One(_)) => {
            let Set::One(one) = *set else { return false };
            *set = Set::Many(Box::new(BTreeSet::from([one, value])));
            true
        }
    }
}

fn remove(side: &mut Side, key: Slot, value: Slot) -> bool {
    let (removed, empty) = match side.get_mut(&key) {
        None => return false,
        Some(Set::One(one)) => (*one == value, *one == value),
        Some(Set::Many(set)) => (set.remove(&value), set.is_empty()),
    };
    if empty {
        side.remove(&key);
    }
    removed
}

/// One kind of relation.
#[derive(Debug, Default)]
pub struct Edges {
    from: Side,
    to: Side,
}

impl Edges {
    /// Adds an edge; false if it is there.
    pub fn add(&mut self, from: Slot, to: Slot) -> bool {
        insert(&mut self.from, from, to) && insert(&mut self.to, to, from)
    }

    /// Removes an edge; false if it is not there.
    pub fn remove(&mut self, from: Slot, to: Slot) -> bool {
        remove(&mut self.from, from, to) && remove(&mut self.to, to, from)
    }

    /// Whether the edge is there.
    pub fn contains(&self, from: Slot, to: Slot) -> bool {
        self.from.get(&from).is_some_and(|set| set.contains(to))
    }

    /// Where edges from `slot` lead, beyond `after`, in order.
    pub fn targets(&self, slot: Slot, after: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        self.from
            .get(&slot)
            .into_iter()
            .flat_map(move |set| set.after(after))
    }

    /// Where edges to `slot` come from, beyond `after`, in order.
    pub fn sources(&self, slot: Slot, after: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        self.to
            .get(&slot)
            .into_iter()
            .flat_map(move |set| set.after(after))
    }

    /// How many edges leave `slot`.
    pub fn target_count(&self, slot: Slot) -> usize {
        self.from.get(&slot).map_or(0, Set::len)
    }

    /// Removes every edge of `slot`.
    pub fn forget(&mut self, slot: Slot) {
        let targets: Vec<Slot> = self.targets(slot, None).collect();
        for to in targets {
            self.remove(slot, to);
        }
        let sources: Vec<Slot> = self.sources(slot, None).collect();
        for from in sources {
            self.remove(from, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_agree() {
        let mut edges = Edges::default();
        for (from, to) in [(1, 5), (1, 3), (1, 9), (2, 5)] {
            assert!(edges.add(from, to));
            assert!(!edges.add(from, to));
        }
        assert_eq!(edges.targets(1, None).collect::<Vec<_>>(), [3, 5, 9]);
        assert_eq!(edges.targets(1, Some(3)).collect::<Vec<_>>(), [5, 9]);
        assert_eq!(edges.targets(1, Some(9)).count(), 0);
        assert_eq!(edges.targets(2, Some(5)).count(), 0);
        assert_eq!(edges.sources(5, None).collect::<Vec<_>>(), [1, 2]);
        assert!(edges.remove(1, 5) && !edges.remove(1, 5) && !edges.contains(1, 5));
        assert_eq!(edges.sources(5, None).collect::<Vec<_>>(), [2]);
        edges.forget(1);
        assert_eq!(
            (edges.target_count(1), edges.sources(9, None).count()),
            (0, 0)
        );
        edges.forget(5);
        assert_eq!(edges.target_count(2), 0);
    }
}
