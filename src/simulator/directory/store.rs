//! The state of one tenant, and all that changes it.
//!
//! Every change goes through the few methods here ([`Directory::insert`], [`Directory::set`],
//! [`Directory::link`], [`Directory::unlink`], [`Directory::set_state`], [`Directory::purge`] and the
//! licence methods), so that what watches changes has one place to stand.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::agenda::Agenda;
use super::closure::Closures;
use super::edges::Edges;
use super::journal::{Journal, What};
use super::lag::Lag;
use super::licences::Licences;
use super::loading::Loading;
use super::lookup::Lookups;
use super::object::{Domain, Kind, Object, RELATIONS, Relation, Slot, State, Tenant};
use super::order::Orders;
use super::record::{Key, Names, Record, Stored, ticks, time_text};
use crate::base::clock::SharedClock;

/// The state of one tenant.
pub struct Directory {
    /// The tenant itself.
    pub tenant: Tenant,
    /// Licences of users and groups.
    pub licences: Licences,
    /// Photos, by object: content type and bytes.
    pub photos: HashMap<Slot, (String, Bytes)>,
    /// Mailbox settings that were changed, by user.
    pub mailboxes: HashMap<Slot, Map<String, Value>>,
    /// SHA-256 of the secrets that were drawn, by `keyId`.
    pub secrets: HashMap<Uuid, [u8; 32]>,
    pub(super) clock: SharedClock,
    pub(super) names: Names,
    pub(super) objects: Vec<Object>,
    pub(super) by_id: HashMap<Uuid, Slot>,
    pub(super) by_text: HashMap<(Kind, Box<str>), Slot>,
    pub(super) by_kind: HashMap<Kind, BTreeSet<Slot>>,
    pub(super) upns: HashMap<Box<str>, Slot>,
    pub(super) addresses: HashMap<Box<str>, Slot>,
    pub(super) app_ids: HashMap<(Kind, Uuid), Slot>,
    pub(super) edges: [Edges; RELATIONS],
    pub(super) loading: Loading,
    /// In the recycle bin, by kind.
    pub(super) bin: HashMap<Kind, BTreeSet<Slot>>,
    /// How many ids were drawn.
    pub(super) drawn: u64,
    pub(super) orders: Orders,
    pub(super) lookups: Lookups,
    pub(super) closures: Closures,
    pub(super) journal: Journal,
    pub(super) lag: Lag,
    pub(super) agenda: Agenda,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("tenant", &self.tenant.id)
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}

impl Directory {
    /// An empty tenant with one verified domain.
    pub fn new(tenant_id: Uuid, domain: &str, name: &str, clock: SharedClock) -> Self {
        Self {
            tenant: Tenant {
                id: tenant_id,
                name: name.to_owned(),
                created: clock.now(),
                domains: vec![Domain {
                    name: domain.to_owned(),
                    is_default: true,
                    is_initial: true,
                }],
            },
            licences: Licences::default(),
            photos: HashMap::new(),
            mailboxes: HashMap::new(),
            secrets: HashMap::new(),
            clock,
            names: Names::default(),
            objects: Vec::new(),
            by_id: HashMap::new(),
            by_text: HashMap::new(),
            by_kind: HashMap::new(),
            upns: HashMap::new(),
            addresses: HashMap::new(),
            app_ids: HashMap::new(),
            edges: std::array::from_fn(|_| Edges::default()),
            loading: Loading::default(),
            bin: HashMap::new(),
            drawn: 0,
            orders: Orders::default(),
            lookups: Lookups::default(),
            closures: Closures::default(),
            journal: Journal::default(),
            lag: Lag::default(),
            agenda: Agenda::default(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The present moment as a property value.
    pub fn now_text(&self) -> Value {
        Value::String(time_text(ticks(self.now())))
    }

    /// Whether `domain` is one of the tenant's.
    pub fn has_domain(&self, domain: &str) -> bool {
        self.tenant
            .domains
            .iter()
            .any(|d| d.name.eq_ignore_ascii_case(domain))
    }

    /// An object; the slot comes from this directory.
    pub fn object(&self, slot: Slot) -> &Object {
        &self.objects[slot as usize]
    }

    /// Adds an object. The id is new, and checks were made.
    pub fn insert<'a>(
        &mut self,
        kind: Kind,
        id: Uuid,
        properties: impl IntoIterator<Item = (&'a str, &'a Value)>,
    ) -> Slot {
        let slot = Slot::try_from(self.objects.len()).unwrap_or(Slot::MAX);
        self.objects.push(Object {
            id,
            kind,
            state: State::Live,
            record: Record::default(),
        });
        self.by_id.insert(id, slot);
        self.by_kind.entry(kind).or_default().insert(slot);
        let changes = self.changes(properties);
        self.put(slot, &changes);
        if let Some(text) = self.text(slot, "id").map(Box::from) {
            self.by_text.insert((kind, text), slot);
        }
        self.lag_created(slot);
        self.note(What::Created(slot));
        slot
    }

    fn changes<'a, 'v>(
        &mut self,
        properties: impl IntoIterator<Item = (&'a str, &'v Value)>,
    ) -> Vec<(Key, &'v Value)> {
        properties
            .into_iter()
            .filter_map(|(name, value)| Some((self.names.intern(name)?, value)))
            .collect()
    }

    /// Stores properties and keeps the indexes.
    fn put(&mut self, slot: Slot, changes: &[(Key, &Value)]) {
        self.orders.forget();
        self.index(slot, false);
        let object = &mut self.objects[slot as usize];
        object.record.set(&self.names, changes);
        self.index(slot, true);
    }

    /// Sets and (with null) clears properties; keeps the indexes.
    pub fn set<'a>(
        &mut self,
        slot: Slot,
        properties: impl IntoIterator<Item = (&'a str, &'a Value)>,
    ) {
        let changes = self.changes(properties);
        let record = |dir: &Self, key: Key| {
            let stored = dir.objects[slot as usize].record.get(key);
            stored.map_or(Value::Null, Stored::to_json)
        };
        let before: Vec<Value> = if self.is_journaled(slot) {
            changes.iter().map(|(key, _)| record(self, *key)).collect()
        } else {
            Vec::new()
        };
        self.lag_changing(slot);
        self.put(slot, &changes);
        let changed: Vec<Key> = changes
            .iter()
            .zip(&before)
            .filter(|((key, _), before)| record(self, *key) != **before)
            .map(|((key, _), _)| *key)
            .collect();
        if !changed.is_empty() {
            self.note(What::Set(slot, changed.into()));
        }
    }

    /// Sets one property.
    pub fn set_one(&mut self, slot: Slot, name: &str, value: &Value) {
        self.set(slot, [(name, value)]);
    }

    /// Edges of one kind.
    pub fn edges(&self, relation: Relation) -> &Edges {
        &self.edges[relation as usize]
    }

    /// Adds an edge; false if it is there.
    pub fn link(&mut self, relation: Relation, from: Slot, to: Slot) -> bool {
        let added = self.edges[relation as usize].add(from, to);
        if added {
            self.lag_linked(relation, (from, to), false);
            self.note(What::Linked(relation, from, to));
            if relation == Relation::Member {
                self.closures.forget();
                self.membership_changed(from, to);
            }
        }
        added
    }

    /// Removes an edge; false if it is not there.
    pub fn unlink(&mut self, relation: Relation, from: Slot, to: Slot) -> bool {
        let removed = self.edges[relation as usize].remove(from, to);
        if removed {
            self.lag_linked(relation, (from, to), true);
            self.note(What::Unlinked(relation, from, to));
            if relation == Relation::Member {
                self.closures.forget();
                self.membership_changed(from, to);
            }
        }
        removed
    }

    /// Whether an edge went within a time, and did not come back.
    pub fn was_unlinked(
        &self,
        relation: Relation,
        ends: (Slot, Slot),
        within: time::Duration,
    ) -> bool {
        let since = (self.now() - within).unix_timestamp();
        self.journal.unlinked_since(relation, ends, since)
    }

    /// Moves an object into the recycle bin or back. A user in the bin holds no seats.
    pub fn set_state(&mut self, slot: Slot, state: State) {
        self.lag_leaving(slot);
        let deleted = if state == State::Deleted {
            self.now_text()
        } else {
            Value::Null
        };
        self.count_seats(slot, false);
        if state == State::Live {
            // The name may have been taken from the index by an object that came later.
            self.index(slot, true);
        }
        self.set_one(slot, "deletedDateTime", &deleted);
        self.closures.forget();
        let object = &mut self.objects[slot as usize];
        object.state = state;
        let bin = self.bin.entry(object.kind).or_default();
        if state == State::Deleted {
            bin.insert(slot);
        } else {
            bin.remove(&slot);
        }
        self.note(What::State(slot, state));
        self.count_seats(slot, true);
        if !self.licences.of_group(slot).is_empty() {
            self.licences_changed(slot);
        }
    }

    /// Whether work is due at `now`.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        self.licences.is_due(now) || self.schedules_due(now)
    }

    /// Works off what is due.
    pub fn settle(&mut self, now: OffsetDateTime) {
        self.settle_schedules(now);
        self.settle_licences(now);
    }

    /// Removes an object with all that hangs on it.
    pub fn purge(&mut self, slot: Slot) {
        self.lag_leaving(slot);
        self.remove(slot);
    }

    /// Takes back an object that the same request made: nobody is to see it, ever.
    pub fn withdraw(&mut self, slot: Slot) {
        self.lag.withdrawn(slot);
        self.remove(slot);
    }

    fn remove(&mut self, slot: Slot) {
        self.drop_licences(slot);
        self.closures.forget();
        self.orders.forget();
        self.index(slot, false);
        let members: Vec<Slot> = self.edges(Relation::Member).targets(slot, None).collect();
        for relation in Relation::ALL {
            let above: Vec<Slot> = self.edges(relation).sources(slot, None).collect();
            for from in above {
                self.lag_linked(relation, (from, slot), true);
                self.note(What::Cut(relation, from, slot));
            }
            let below: Vec<Slot> = self.edges(relation).targets(slot, None).collect();
            for to in below {
                self.lag_linked(relation, (slot, to), true);
            }
            self.edges[relation as usize].forget(slot);
        }
        for member in members {
            self.membership_changed(slot, member);
        }
        self.photos.remove(&slot);
        self.mailboxes.remove(&slot);
        let mut own_id = Record::default();
        if let Some(text) = self.text(slot, "id").map(str::to_owned) {
            if let Some(key) = self.names.get("id") {
                own_id.set(&self.names, &[(key, &Value::String(text.clone()))]);
            }
            let entry = (self.object(slot).kind, text.into());
            self.by_text.remove(&entry);
        }
        self.note(What::Purged(slot));
        let object = &mut self.objects[slot as usize];
        object.state = State::Purged;
        // Of the properties only an id that is no GUID is still of use.
        object.record = own_id;
        let (id, kind) = (object.id, object.kind);
        self.by_id.remove(&id);
        for sets in [&mut self.by_kind, &mut self.bin] {
            if let Some(set) = sets.get_mut(&kind) {
                set.remove(&slot);
            }
        }
    }
}
