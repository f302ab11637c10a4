//! What changed, in order: the source of delta rounds and of change notifications.
//!
//! An entry names an object and what of it changed, never a value, and entries are dropped when no
//! token can ask for them any more, or when there are too many: what the journal holds depends on
//! the changes of a week, not on the size of the tenant.

use std::collections::VecDeque;

use time::{Duration, OffsetDateTime};

use super::object::{Relation, Slot, State};
use super::record::Key;

/// How long a delta token works ([delta query](https://learn.microsoft.com/graph/delta-query-overview#token-duration)).
pub const LIFE: Duration = Duration::days(7);

/// The most entries; older ones go, and tokens that need them must start over.
const MAX_ENTRIES: usize = 500_000;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A new object.
    Created(Slot),
    /// Properties got other values.
    Set(Slot, Box<[Key]>),
    /// Into the recycle bin, or back.
    State(Slot, State),
    /// Gone for good.
    Purged(Slot),
    /// An edge came.
    Linked(Relation, Slot, Slot),
    /// An edge went.
    Unlinked(Relation, Slot, Slot),
    /// An edge went because its target did, for good.
    Cut(Relation, Slot, Slot),
}

impl What {
    /// The object that changed; of an edge, where it starts.
    pub fn slot(&self) -> Slot {
        match self {
            Self::Created(slot)
            | Self::Set(slot, _)
            | Self::State(slot, _)
            | Self::Purged(slot)
            | Self::Linked(_, slot, _)
            | Self::Unlinked(_, slot, _)
            | Self::Cut(_, slot, _) => *slot,
        }
    }
}

/// A change with its moment.
#[derive(Clone, Debug)]
pub struct Entry {
    /// In seconds since 1970.
    pub at: i64,
    /// The change.
    pub what: What,
}

/// The changes since the tenant was loaded, as far as they are still of use.
#[derive(Debug, Default)]
pub struct Journal {
    /// Whether changes are written down: the tenant is loaded.
    pub(super) recording: bool,
    /// Tells one loading of the tenant from the next.
    pub(super) generation: i64,
    /// The number of the first entry that is kept, less one.
    pub(super) floor: u64,
    pub(super) entries: VecDeque<Entry>,
}

impl Journal {
    /// The number of the last change.
    pub fn last(&self) -> u64 {
        self.floor + self.entries.len() as u64
    }

    /// Tells one loading of the tenant from the next.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether all changes after number `since` are known.
    pub fn reaches(&self, since: u64) -> bool {
        (self.floor..=self.last()).contains(&since)
    }

    /// The number of the last change that shows at `now` when changes show `lag` late.
    pub fn visible(&self, now: OffsetDateTime, lag: Duration) -> u64 {
        if lag.is_zero() {
            return self.last();
        }
        let until = (now - lag).unix_timestamp();
        let hidden = self.entries.iter().rev().take_while(|e| e.at > until);
        self.last() - hidden.count() as u64
    }

    /// Changes after number `since`, up to number `upto`.
    pub fn between(&self, since: u64, upto: u64) -> impl Iterator<Item = &Entry> {
        let at = |number: u64| {
            let at = usize::try_from(number.saturating_sub(self.floor)).unwrap_or(usize::MAX);
            at.min(self.entries.len())
        };
        let (from, to) = (at(since), at(upto));
        self.entries.range(from.min(to)..to)
    }

    /// Whether an edge went since `since`, in seconds since 1970, and did not come back.
    pub(super) fn unlinked_since(
        &self,
        relation: Relation,
        ends: (Slot, Slot),
        since: i64,
    ) -> bool {
        let mut recent = self.entries.iter().rev().take_while(|e| e.at >= since);
        recent
            .find_map(|entry| match entry.what {
                What::Linked(r, from, to) if r == relation && (from, to) == ends => Some(false),
                What::Unlinked(r, from, to) if r == relation && (from, to) == ends => Some(true),
                _ => None,
            })
            .unwrap_or(false)
    }

    pub(super) fn push(&mut self, at: i64, what: What) {
        let old = at - LIFE.whole_seconds();
        while self.entries.len() >= MAX_ENTRIES || self.entries.front().is_some_and(|e| e.at < old)
        {
            self.entries.pop_front();
            self.floor += 1;
        }
        self.entries.push_back(Entry { at, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_entries_go_and_numbers_stay() {
        let mut journal = Journal::default();
        for at in 0..10 {
            journal.push(at, What::Created(0));
        }
        assert_eq!((journal.last(), journal.reaches(0)), (10, true));
        assert_eq!(journal.between(7, 9).count(), 2);
        assert_eq!(journal.between(9, 7).count(), 0);
        journal.push(LIFE.whole_seconds() + 5, What::Created(1));
        assert_eq!(journal.last(), 11);
        assert!(!journal.reaches(4) && journal.reaches(5) && !journal.reaches(12));
        assert_eq!(journal.between(10, 11).count(), 1);
        let now = OffsetDateTime::UNIX_EPOCH + LIFE + Duration::seconds(6);
        assert_eq!(journal.visible(now, Duration::ZERO), 11);
        assert_eq!(journal.visible(now, Duration::seconds(3)), 10);
    }
}
