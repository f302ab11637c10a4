//! Replication lag: what reads see of the past. A write takes effect at once for all that judges
//! writes; a [`Reader`](super::Reader) looks with eyes that are behind.
//!
//! Only what changed within the longest lag is kept, and it is cleared away as time passes.

use std::collections::{BTreeMap, HashMap, VecDeque};

use time::Duration;

use super::history::History;
use super::licences::Grant;
use super::object::{Relation, Slot, State};
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
    /// Members, owners, managers, sponsors and licences are read as they were before the last
    /// change. A link lags with the object that it starts at.
    pub links: Duration,
    /// A deleted object is still read, one that is restored is still in the recycle bin, and one
    /// that is gone for good is still where it was.
    pub deletions: Duration,
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
            links: lag,
            deletions: lag,
            members: lag,
            delta: lag,
            seed,
        }
    }

    fn longest(&self) -> Duration {
        let objects = self.read.max(self.stale).max(self.index).max(self.members);
        objects.max(self.links).max(self.deletions)
    }

    /// An object's share of a lag, in ticks.
    pub(super) fn share(&self, lag: Duration, slot: Slot) -> i64 {
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

/// An object before a change.
#[derive(Debug)]
struct Before {
    /// Whether the change is one of its state; else only its properties changed.
    life: bool,
    state: State,
    record: Record,
}

/// A link before a change.
#[derive(Debug)]
struct Link {
    relation: Relation,
    from: Slot,
    to: Slot,
    /// Whether it was there.
    there: bool,
}

/// The end of a link that is looked from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    From,
    To,
}

/// The recent past. Moments are in ticks.
#[derive(Debug, Default)]
pub(super) struct Lag {
    lags: Lags,
    /// When an object was created.
    fresh: HashMap<Slot, i64>,
    objects: History<Before>,
    /// By both of their ends.
    links: [History<Link>; 2],
    grants: History<Vec<Grant>>,
    group_licences: History<Vec<(u16, u128)>>,
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
    pub(super) fn changing(&mut self, now: i64, slot: Slot, state: State, record: &Record) {
        if !self.lags.stale.max(self.lags.index).is_zero() {
            self.keep(now, slot, false, state, record);
        }
    }

    /// An object is about to be deleted or restored, or to go for good.
    pub(super) fn leaving(&mut self, now: i64, slot: Slot, state: State, record: &Record) {
        if !self.lags.deletions.is_zero() {
            self.keep(now, slot, true, state, record);
        }
    }

    /// An object never was.
    pub(super) fn withdrawn(&mut self, slot: Slot) {
        self.fresh.remove(&slot);
        self.objects.forget(slot, i64::MAX);
    }

    fn keep(&mut self, now: i64, slot: Slot, life: bool, state: State, record: &Record) {
        self.clear(now);
        let before = Before {
            life,
            state,
            record: record.clone(),
        };
        self.objects.push(now, slot, before);
        self.schedule(now, slot);
    }

    /// A link came or went; `there` is how it was before.
    pub(super) fn linked(
        &mut self,
        now: i64,
        relation: Relation,
        (from, to): (Slot, Slot),
        there: bool,
    ) {
        if self.lags.links.is_zero() {
            return;
        }
        self.clear(now);
        for (end, slot) in [(End::From, from), (End::To, to)] {
            let link = Link {
                relation,
                from,
                to,
                there,
            };
            self.links[end as usize].push(now, slot, link);
            self.schedule(now, slot);
        }
    }

    /// Whether licences lag: what a user or group holds is worth keeping before it changes.
    pub(super) fn keeps_licences(&self) -> bool {
        !self.lags.links.is_zero()
    }

    /// A user's licences changed.
    pub(super) fn granted(&mut self, now: i64, user: Slot, before: Vec<Grant>) {
        self.clear(now);
        self.grants.push(now, user, before);
        self.schedule(now, user);
    }

    /// A group's licences changed.
    pub(super) fn licensed(&mut self, now: i64, group: Slot, before: Vec<(u16, u128)>) {
        self.clear(now);
        self.group_licences.push(now, group, before);
        self.schedule(now, group);
    }

    fn clear(&mut self, now: i64) {
        let until = now.saturating_sub(ticks_of(self.lags.longest()));
        while let Some((_, slot)) = self.due.pop_front_if(|(due, _)| *due <= now) {
            if self.fresh.get(&slot).is_some_and(|at| *at <= until) {
                self.fresh.remove(&slot);
            }
            self.objects.forget(slot, until);
            for links in &mut self.links {
                links.forget(slot, until);
            }
            self.grants.forget(slot, until);
            self.group_licences.forget(slot, until);
        }
    }

    fn schedule(&mut self, now: i64, slot: Slot) {
        let due = now.saturating_add(ticks_of(self.lags.longest()));
        self.due.push_back((due, slot));
    }

    /// The properties before changes that these eyes do not see yet.
    pub(super) fn record(&self, eyes: Eyes, now: i64, slot: Slot) -> Option<&Record> {
        let values = match eyes {
            Eyes::Now => return None,
            Eyes::Object => self.lags.stale,
            Eyes::Index => self.lags.index,
        };
        let unseen = |at: i64, before: &Before| {
            let lag = if before.life {
                self.lags.deletions
            } else {
                values
            };
            now < at.saturating_add(self.lags.share(lag, slot))
        };
        let mut changes = self.objects.of(slot);
        let (_, before) = changes.find(|(at, before)| unseen(*at, before))?;
        Some(&before.record)
    }

    /// The state before changes of it that these eyes do not see yet.
    pub(super) fn state(&self, eyes: Eyes, now: i64, slot: Slot) -> Option<State> {
        if eyes == Eyes::Now {
            return None;
        }
        let mut changes = self.objects.of(slot).filter(|(_, before)| before.life);
        let unseen = |at: i64| {
            let share = self.lags.share(self.lags.deletions, slot);
            now < at.saturating_add(share)
        };
        changes.find(|(at, _)| unseen(*at)).map(|(_, b)| b.state)
    }

    /// Links at one end of an object that these eyes see otherwise than they are, or may: the
    /// other end, and whether they see the link.
    pub(super) fn links(
        &self,
        eyes: Eyes,
        now: i64,
        relation: Relation,
        (end, slot): (End, Slot),
    ) -> BTreeMap<Slot, bool> {
        let mut seen = BTreeMap::new();
        if eyes == Eyes::Now {
            return seen;
        }
        for (at, link) in self.links[end as usize].of(slot) {
            let share = self.lags.share(self.lags.links, link.from);
            if link.relation == relation && now < at.saturating_add(share) {
                let other = if end == End::From { link.to } else { link.from };
                // The first change that is not seen yet hides those after it.
                seen.entry(other).or_insert(link.there);
            }
        }
        seen
    }

    /// A user's licences before changes that these eyes do not see yet.
    pub(super) fn grants(&self, eyes: Eyes, now: i64, user: Slot) -> Option<&[Grant]> {
        let share = self.licence_share(eyes, user)?;
        let before = self.grants.before(now, user, share);
        before.map(Vec::as_slice)
    }

    /// A group's licences before changes that these eyes do not see yet.
    pub(super) fn group_licences(
        &self,
        eyes: Eyes,
        now: i64,
        group: Slot,
    ) -> Option<&[(u16, u128)]> {
        let share = self.licence_share(eyes, group)?;
        let before = self.group_licences.before(now, group, share);
        before.map(Vec::as_slice)
    }

    fn licence_share(&self, eyes: Eyes, slot: Slot) -> Option<i64> {
        (eyes != Eyes::Now).then(|| self.lags.share(self.lags.links, slot))
    }

    /// Whether these eyes do not see a new object yet.
    pub(super) fn hides(&self, eyes: Eyes, now: i64, slot: Slot) -> bool {
        match eyes {
            Eyes::Now => false,
            Eyes::Object => self.is_younger(now, slot, self.lags.read),
            Eyes::Index => self.is_younger(now, slot, self.lags.index),
        }
    }

    /// Objects that were created lately.
    pub(super) fn fresh(&self) -> impl Iterator<Item = Slot> + '_ {
        self.fresh.keys().copied()
    }

    /// Objects whose properties or state changed lately.
    pub(super) fn changed(&self) -> impl Iterator<Item = Slot> + '_ {
        self.objects.slots()
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
