//! Replication lag: what reads see of the past. A write takes effect at once for all that judges
//! writes; a [`Reader`](super::Reader) looks with eyes that are behind.
//!
//! Only what changed within the longest lag is kept, and it is cleared away as time passes.

use std::collections::{HashMap, VecDeque};

use time::Duration;

use super::object::Slot;
use super::record::Record;

/// How far reads are behind at the most. Each object lags by its own share, between half of it and
/// all of it, which the seed decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lags {
    /// A new object is not found by its key.
    pub read: Duration,
    /// Reads of an object show the values before its last change.
    pub stale: Duration,
    /// Lists, counts, filters and searches miss new objects and see the values before the last
    /// change.
    pub index: Duration,
    /// A new object cannot become a member, nor get members by reference.
    pub members: Duration,
    /// Delta rounds miss the change.
    pub delta: Duration,
    /// Decides each object's share.
    pub seed: u64,
}

impl Lags {
    /// All lags alike.
    pub fn all(lag: Duration, seed: u64) -> Self {
        Self {
            read: lag,
            stale: lag,
            index: lag,
            members: lag,
            delta: lag,
            seed,
        }
    }

    fn longest(&self) -> Duration {
        self.read.max(self.stale).max(self.index).max(self.members)
    }

    /// An object's share of a lag, in ticks.
    fn share(&self, lag: Duration, slot: Slot) -> i64 {
        // SplitMix64: well mixed, and the same everywhere.
        let mut x = self
            .seed
            .wrapping_add(u64::from(slot).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        let half = i64::try_from(lag.whole_nanoseconds() / 200).unwrap_or(i64::MAX / 2);
        let permille = i64::try_from(x % 1000).unwrap_or_default();
        half + half / 1000 * permille
    }
}

/// What a read looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eyes {
    /// The present: writes, and everything that is no request.
    #[default]
    Now,
    /// One object by its key.
    Object,
    /// A list.
    Index,
}

/// The recent past. Moments are in ticks.
#[derive(Debug, Default)]
pub(super) struct Lag {
    lags: Lags,
    /// When an object was created.
    fresh: HashMap<Slot, i64>,
    /// When a change was made, and the properties before it; the oldest first.
    stale: HashMap<Slot, Vec<(i64, Record)>>,
    /// When something can be cleared away.
    due: VecDeque<(i64, Slot)>,
}

impl Lag {
    /// Nothing past: what happened so far is seen at once.
    pub(super) fn new(lags: Lags) -> Self {
        Self {
            lags,
            ..Self::default()
        }
    }

    /// How far reads are behind.
    pub(super) fn lags(&self) -> Lags {
        self.lags
    }

    /// A new object: reads are to miss it for a while.
    pub(super) fn created(&mut self, now: i64, slot: Slot) {
        if !self.lags.longest().is_zero() {
            self.clear(now);
            self.fresh.insert(slot, now);
            self.schedule(now, slot);
        }
    }

    /// Properties are about to change: reads are to see the present ones for a while.
    pub(super) fn changing(&mut self, now: i64, slot: Slot, before: &Record) {
        if !self.lags.stale.max(self.lags.index).is_zero() {
            self.clear(now);
            let list = self.stale.entry(slot).or_default();
            list.push((now, before.clone()));
            self.schedule(now, slot);
        }
    }

    fn clear(&mut self, now: i64) {
        let longest = ticks_of(self.lags.longest());
        while let Some((_, slot)) = self.due.pop_front_if(|(due, _)| *due <= now) {
            let old = |at: i64| at.saturating_add(longest) <= now;
            if self.fresh.get(&slot).is_some_and(|at| old(*at)) {
                self.fresh.remove(&slot);
            }
            if let Some(list) = self.stale.get_mut(&slot) {
                list.retain(|(at, _)| !old(*at));
                if list.is_empty() {
                    self.stale.remove(&slot);
                }
            }
        }
    }

    fn schedule(&mut self, now: i64, slot: Slot) {
        let due = now.saturating_add(ticks_of(self.lags.longest()));
        self.due.push_back((due, slot));
    }

    /// The properties before changes that these eyes do not see yet.
    pub(super) fn past(&self, eyes: Eyes, now: i64, slot: Slot) -> Option<&Record> {
        let lag = match eyes {
            Eyes::Now => return None,
            Eyes::Object => self.lags.stale,
            Eyes::Index => self.lags.index,
        };
        let list = self.stale.get(&slot)?;
        let share = self.lags.share(lag, slot);
        list.iter()
            .find(|(at, _)| now < at.saturating_add(share))
            .map(|(_, record)| record)
    }

    /// Whether these eyes do not see a new object yet.
    pub(super) fn hides(&self, eyes: Eyes, now: i64, slot: Slot) -> bool {
        match eyes {
            Eyes::Now => false,
            Eyes::Object => self.is_younger(now, slot, self.lags.read),
            Eyes::Index => self.is_younger(now, slot, self.lags.index),
        }
    }

    /// The new objects that these eyes do not see yet.
    pub(super) fn hidden(&self, eyes: Eyes, now: i64) -> impl Iterator<Item = Slot> + '_ {
        let fresh = self.fresh.keys().copied();
        fresh.filter(move |slot| self.hides(eyes, now, *slot))
    }

    /// Whether an object is younger than its share of a lag.
    pub(super) fn is_younger(&self, now: i64, slot: Slot, lag: Duration) -> bool {
        self.fresh
            .get(&slot)
            .is_some_and(|at| now < at.saturating_add(self.lags.share(lag, slot)))
    }
}

fn ticks_of(lag: Duration) -> i64 {
    i64::try_from(lag.whole_nanoseconds() / 100).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lie_between_half_and_all() {
        let lag = Duration::seconds(10);
        let lags = Lags::all(lag, 7);
        let shares: Vec<i64> = (0..100).map(|slot| lags.share(lag, slot)).collect();
        assert!(
            shares
                .iter()
                .all(|s| (50_000_000..=100_000_000).contains(s))
        );
        assert!(shares.iter().any(|s| *s != shares[0]));
        assert_eq!(shares[3], Lags::all(lag, 7).share(lag, 3));
        assert_ne!(shares[3], Lags::all(lag, 8).share(lag, 3));
    }
}
