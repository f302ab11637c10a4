//! What watches the changes: the journal, which writes them down, and the recent past, which reads
//! that are behind look at.

use time::OffsetDateTime;

use super::journal::{Journal, What};
use super::lag::{Lag, Lags};
use super::licences::Grant;
use super::object::{Kind, Relation, Slot};
use super::record::{Key, ticks};
use super::store::Directory;

impl Directory {
    /// The changes.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Writes changes down from now on: what was loaded before is no change.
    pub fn start_journal(&mut self) {
        if !self.journal.recording {
            self.journal.recording = true;
            self.journal.generation = ticks(self.now());
        }
    }

    /// Forgets what changed so far, so that tokens must start over.
    pub fn forget_journal(&mut self) {
        self.journal.floor = self.journal.last() + 1;
        self.journal.entries.clear();
    }

    /// Whether changes of the object are written down.
    pub(super) fn is_journaled(&self, slot: Slot) -> bool {
        let kind = self.object(slot).kind;
        self.journal.recording
            && (kind.is_directory_object() || kind == Kind::OAuth2PermissionGrant)
    }

    /// Writes a change down.
    pub(super) fn note(&mut self, what: What) {
        if self.is_journaled(what.slot()) {
            let at = self.now().unix_timestamp();
            self.journal.push(at, what);
        }
    }

    /// Writes down that a computed property changed.
    pub(super) fn touch(&mut self, slot: Slot, name: &str) {
        if self.is_journaled(slot)
            && let Some(key) = self.names.intern(name)
        {
            self.note(What::Set(slot, Box::from([key])));
        }
    }

    /// The name behind a property's number.
    pub fn name(&self, key: Key) -> &str {
        self.names.text(key)
    }

    /// How many objects there ever were: every slot is smaller.
    pub fn end(&self) -> Slot {
        Slot::try_from(self.objects.len()).unwrap_or(Slot::MAX)
    }

    /// How far reads are behind.
    pub fn lags(&self) -> Lags {
        self.lag.lags()
    }

    /// Sets how far reads are behind, from now on: what is past is seen at once.
    pub fn set_lags(&mut self, lags: Lags) {
        self.lag = Lag::new(lags);
    }

    /// A new object: reads are to miss it for a while.
    pub(super) fn lag_created(&mut self, slot: Slot) {
        if self.journal.recording {
            self.lag.created(ticks(self.clock.now()), slot);
        }
    }

    /// Properties are about to change: reads are to see the present ones for a while.
    pub(super) fn lag_changing(&mut self, slot: Slot) {
        if self.journal.recording {
            let now = ticks(self.clock.now());
            let object = &self.objects[slot as usize];
            self.lag.changing(now, slot, object.state, &object.record);
        }
    }

    /// An object is about to be deleted or restored, or to go for good: reads are to see it as it
    /// is for a while.
    pub(super) fn lag_leaving(&mut self, slot: Slot) {
        if self.journal.recording {
            let now = ticks(self.clock.now());
            let object = &self.objects[slot as usize];
            self.lag.leaving(now, slot, object.state, &object.record);
        }
    }

    /// A link came or went; `there` is how it was before, and how reads see it for a while.
    pub(super) fn lag_linked(&mut self, relation: Relation, ends: (Slot, Slot), there: bool) {
        if self.journal.recording {
            let now = ticks(self.clock.now());
            self.lag.linked(now, relation, ends, there);
        }
    }

    /// Whether reads are to see for a while what a user or group held before a change.
    pub(super) fn lags_licences(&self) -> bool {
        self.journal.recording && self.lag.keeps_licences()
    }

    /// A user's licences changed.
    pub(super) fn lag_granted(&mut self, user: Slot, before: Vec<Grant>) {
        self.lag.granted(ticks(self.clock.now()), user, before);
    }

    /// A group's licences changed.
    pub(super) fn lag_licensed(&mut self, group: Slot, before: Vec<(u16, u128)>) {
        self.lag.licensed(ticks(self.clock.now()), group, before);
    }

    /// Whether an object is too new to be found by its key.
    pub fn is_unread(&self, slot: Slot) -> bool {
        let lag = self.lags().read;
        self.lag.is_younger(ticks(self.now()), slot, lag)
    }

    /// Whether an object is too new to take part in memberships.
    pub fn is_unjoinable(&self, slot: Slot) -> bool {
        let lag = self.lags().members;
        self.lag.is_younger(ticks(self.now()), slot, lag)
    }

    /// The last change that a delta round shows.
    pub fn delta_visible(&self, now: OffsetDateTime) -> u64 {
        self.journal.visible(now, self.lags().delta)
    }
}
