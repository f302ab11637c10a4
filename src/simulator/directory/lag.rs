//! Replication lag: what reads see of the past. A write takes effect at once for all that judges
//! writes; reads look through eyes that are behind.
//!
//! Only what changed within the longest lag is kept, and it is cleared away as time passes.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};

use time::{Duration, OffsetDateTime};

use super::{Directory, Record, Slot, ticks};

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

thread_local! {
    static EYES: Cell<Eyes> = const { Cell::new(Eyes::Now) };
}

/// Makes this thread read with other eyes until it is dropped. A request is answered by one thread
/// from beginning to end.
#[derive(Debug)]
pub struct Look(Eyes);

impl Look {
    /// From now on, these eyes.
    pub fn with(eyes: Eyes) -> Self {
        Self(EYES.replace(eyes))
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        EYES.set(self.0);
    }
}

/// The recent past.
#[derive(Debug, Default)]
pub struct Lag {
    lags: Lags,
    /// When an object was created.
    fresh: HashMap<Slot, i64>,
    /// When a change was made, and the properties before it; the oldest first.
    stale: HashMap<Slot, Vec<(i64, Record)>>,
    /// When something can be cleared away.
    due: VecDeque<(i64, Slot)>,
}

impl Lag {
    fn clear(&mut self, now: i64) {
        let longest = i64::try_from(self.lags.longest().whole_nanoseconds() / 100);
        let longest = longest.unwrap_or(i64::MAX);
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
        let longest = i64::try_from(self.lags.longest().whole_nanoseconds() / 100);
        let due = now.saturating_add(longest.unwrap_or(i64::MAX));
        self.due.push_back((due, slot));
    }
}

impl Directory {
    /// How far reads are behind.
    pub fn lags(&self) -> Lags {
        self.lag.lags
    }

    /// Sets how far reads are behind, from now on: what is past is seen at once.
    pub fn set_lags(&mut self, lags: Lags) {
        self.lag = Lag {
            lags,
            ..Lag::default()
        };
    }

    /// A new object: reads are to miss it for a while.
    pub(super) fn lag_created(&mut self, slot: Slot) {
        if self.journal.is_recording() && !self.lag.lags.longest().is_zero() {
            let now = ticks(self.now());
            self.lag.clear(now);
            self.lag.fresh.insert(slot, now);
            self.lag.schedule(now, slot);
        }
    }

    /// Properties are about to change: reads are to see the present ones for a while.
    pub(super) fn lag_changing(&mut self, slot: Slot) {
        let lags = self.lag.lags;
        if self.journal.is_recording() && !lags.stale.max(lags.index).is_zero() {
            let now = ticks(self.now());
            self.lag.clear(now);
            let before = self.objects[slot as usize].record.clone();
            self.lag.stale.entry(slot).or_default().push((now, before));
            self.lag.schedule(now, slot);
        }
    }

    /// The properties before changes that the eyes of this thread do not see yet.
    pub(super) fn past(&self, slot: Slot) -> Option<&Record> {
        if self.lag.stale.is_empty() {
            return None;
        }
        let lag = match EYES.get() {
            Eyes::Now => return None,
            Eyes::Object => self.lag.lags.stale,
            Eyes::Index => self.lag.lags.index,
        };
        let list = self.lag.stale.get(&slot)?;
        let (now, share) = (ticks(self.now()), self.lag.lags.share(lag, slot));
        list.iter()
            .find(|(at, _)| now < at.saturating_add(share))
            .map(|(_, record)| record)
    }

    /// Whether the eyes of this thread do not see the object yet.
    pub fn is_hidden(&self, slot: Slot) -> bool {
        if self.lag.fresh.is_empty() {
            return false;
        }
        match EYES.get() {
            Eyes::Now => false,
            Eyes::Object => self.is_younger(slot, self.lag.lags.read),
            Eyes::Index => self.is_younger(slot, self.lag.lags.index),
        }
    }

    /// The objects that the eyes of this thread do not see yet.
    pub(super) fn hidden(&self) -> impl Iterator<Item = Slot> + '_ {
        let fresh = self.lag.fresh.keys().copied();
        fresh.filter(|slot| self.is_hidden(*slot))
    }

    /// Whether lists see everything as it is.
    pub fn lists_are_prompt(&self) -> bool {
        self.lag.lags.index.is_zero()
    }

    /// Whether an object is too new to be found by its key.
    pub fn is_unread(&self, slot: Slot) -> bool {
        self.is_younger(slot, self.lag.lags.read)
    }

    /// Whether an object is too new to take part in memberships.
    pub fn is_unjoinable(&self, slot: Slot) -> bool {
        self.is_younger(slot, self.lag.lags.members)
    }

    fn is_younger(&self, slot: Slot, lag: Duration) -> bool {
        let share = self.lag.lags.share(lag, slot);
        self.lag
            .fresh
            .get(&slot)
            .is_some_and(|at| ticks(self.now()) < at.saturating_add(share))
    }

    /// The last change that a delta round shows.
    pub fn delta_visible(&self, now: OffsetDateTime) -> u64 {
        self.journal.visible(now, self.lag.lags.delta)
    }
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
