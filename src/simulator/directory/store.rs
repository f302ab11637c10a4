//! The state of one tenant: objects, relations, licences, and the indexes that keep them unique.
//!
//! Every change goes through the few methods here ([`Directory::insert`], [`Directory::set`],
//! [`Directory::link`], [`Directory::unlink`], [`Directory::set_state`], [`Directory::purge`] and the
//! licence methods), so that what watches changes has one place to stand.

mod edges;
mod ids;
mod index;
pub mod journal;
pub mod lag;
mod licences;
mod load;
mod order;
mod plans;
mod record;
mod roles;
pub mod schedules;

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::base::clock::SharedClock;
use journal::{Journal, What};
use lag::Lag;

use super::delta::Habits;

pub use edges::Edges;
pub use lag::Lags;
pub use licences::{Grant, GrantError, Licences, Plan, Sku};
pub use plans::Conflict;
pub use record::{Entry, Key, List, Names, Record, Stored, parse_time, ticks, time_text};

/// The number of an object, in order of creation; never used again.
pub type Slot = u32;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Graph's own names")]
pub enum Kind {
    User,
    Group,
    Application,
    ServicePrincipal,
    DirectoryRole,
    AdministrativeUnit,
    RoleDefinition,
    RoleAssignment,
    OAuth2PermissionGrant,
    AppRoleAssignment,
    AssignmentSchedule,
    AssignmentInstance,
    AssignmentRequest,
    EligibilitySchedule,
    EligibilityInstance,
    EligibilityRequest,
    Subscription,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::User,
        Self::Group,
        Self::Application,
        Self::ServicePrincipal,
        Self::DirectoryRole,
        Self::AdministrativeUnit,
        Self::RoleDefinition,
        Self::RoleAssignment,
        Self::OAuth2PermissionGrant,
        Self::AppRoleAssignment,
        Self::AssignmentSchedule,
        Self::AssignmentInstance,
        Self::AssignmentRequest,
        Self::EligibilitySchedule,
        Self::EligibilityInstance,
        Self::EligibilityRequest,
        Self::Subscription,
    ];

    /// The entity type in Graph's schema.
    pub fn entity(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Application => "application",
            Self::ServicePrincipal => "servicePrincipal",
            Self::DirectoryRole => "directoryRole",
            Self::AdministrativeUnit => "administrativeUnit",
            Self::RoleDefinition => "unifiedRoleDefinition",
            Self::RoleAssignment => "unifiedRoleAssignment",
            Self::OAuth2PermissionGrant => "oAuth2PermissionGrant",
            Self::AppRoleAssignment => "appRoleAssignment",
            Self::AssignmentSchedule => "unifiedRoleAssignmentSchedule",
            Self::AssignmentInstance => "unifiedRoleAssignmentScheduleInstance",
            Self::AssignmentRequest => "unifiedRoleAssignmentScheduleRequest",
            Self::EligibilitySchedule => "unifiedRoleEligibilitySchedule",
            Self::EligibilityInstance => "unifiedRoleEligibilityScheduleInstance",
            Self::EligibilityRequest => "unifiedRoleEligibilityScheduleRequest",
            Self::Subscription => "subscription",
        }
    }

    /// Whether it derives from `directoryObject`.
    pub fn is_directory_object(self) -> bool {
        matches!(
            self,
            Self::User
                | Self::Group
                | Self::Application
                | Self::ServicePrincipal
                | Self::DirectoryRole
                | Self::AdministrativeUnit
        )
    }

    /// Whether objects are found by a text of their own: their ids are no GUIDs, or those of other
    /// kinds too.
    pub fn has_text_id(self) -> bool {
        matches!(
            self,
            Self::RoleAssignment
                | Self::OAuth2PermissionGrant
                | Self::AssignmentSchedule
                | Self::AssignmentInstance
                | Self::AssignmentRequest
                | Self::EligibilitySchedule
                | Self::EligibilityInstance
                | Self::EligibilityRequest
        )
    }

    /// The type's name as messages spell it: `User`, `ServicePrincipal`.
    pub fn label(self) -> String {
        let name = self.entity();
        let mut chars = name.chars();
        chars
            .next()
            .map(|c| c.to_ascii_uppercase().to_string() + chars.as_str())
            .unwrap_or_default()
    }
}

/// Whether an object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Live,
    /// In the recycle bin.
    Deleted,
    /// Gone for good; the slot stays empty.
    Purged,
}

/// One object.
#[derive(Debug)]
pub struct Object {
    /// The object id.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// Whether it is there.
    pub state: State,
    record: Record,
}

/// A kind of edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// group, directory role or administrative unit → member
    Member,
    /// group, application or service principal → owner
    Owner,
    /// user → manager
    Manager,
    /// user → sponsor
    Sponsor,
}

impl Relation {
    /// All relations.
    pub const ALL: [Self; RELATIONS] = [Self::Member, Self::Owner, Self::Manager, Self::Sponsor];

    /// Its name in Graph, from the object that it starts at.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "members",
            Self::Owner => "owners",
            Self::Manager => "manager",
            Self::Sponsor => "sponsors",
        }
    }
}

const RELATIONS: usize = 4;

/// A domain of the tenant.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Whether it is the default one.
    pub is_default: bool,
    /// Whether it is the initial `onmicrosoft.com` one.
    pub is_initial: bool,
}

/// The tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// The organisation's name.
    pub name: String,
    /// When it was created.
    pub created: OffsetDateTime,
    /// Verified domains.
    pub domains: Vec<Domain>,
}

/// The state of one tenant.
pub struct Directory {
    /// The tenant itself.
    pub tenant: Tenant,
    /// Licences of users and groups.
    pub licences: Licences,
    /// Photos, by object: content type and bytes.
    pub photos: HashMap<Slot, (String, Bytes)>,
    /// Delta behaviour that documents leave open.
    pub habits: Habits,
    /// Mailbox settings that were changed, by user.
    pub mailboxes: HashMap<Slot, Map<String, Value>>,
    clock: SharedClock,
    names: Names,
    objects: Vec<Object>,
    by_id: HashMap<Uuid, Slot>,
    by_text: HashMap<(Kind, Box<str>), Slot>,
    by_kind: HashMap<Kind, BTreeSet<Slot>>,
    upns: HashMap<Box<str>, Slot>,
    addresses: HashMap<Box<str>, Slot>,
    app_ids: HashMap<(Kind, Uuid), Slot>,
    edges: [Edges; RELATIONS],
    loading: load::Loading,
    /// In the recycle bin, by kind.
    bin: HashMap<Kind, BTreeSet<Slot>>,
    /// How many ids were drawn.
    drawn: u64,
    orders: order::Orders,
    journal: Journal,
    lag: Lag,
    agenda: schedules::Agenda,
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
            habits: Habits::default(),
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
            loading: load::Loading::default(),
            bin: HashMap::new(),
            drawn: 0,
            orders: order::Orders::default(),
            journal: Journal::default(),
            lag: Lag::default(),
            agenda: schedules::Agenda::default(),
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

    /// Whether the object is there.
    pub fn is_live(&self, slot: Slot) -> bool {
        self.object(slot).state == State::Live && !self.is_hidden(slot)
    }

    /// The id as Graph shows it: of most kinds a GUID, of some a text of their own.
    pub fn id_text(&self, slot: Slot) -> String {
        let object = self.object(slot);
        if object.kind == Kind::User || object.kind == Kind::Group {
            return object.id.to_string();
        }
        self.text(slot, "id")
            .map_or_else(|| object.id.to_string(), str::to_owned)
    }

    /// All objects of a kind beyond `after`, in order, the recycle bin included.
    pub fn all(&self, kind: Kind, after: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        let start = after.map_or(0, |s| s.saturating_add(1));
        self.by_kind
            .get(&kind)
            .into_iter()
            .flat_map(move |set| set.range(start..).copied())
    }

    /// The objects of a kind in the recycle bin beyond `after`, in order.
    pub fn binned(&self, kind: Kind, after: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        let start = after.map_or(0, |s| s.saturating_add(1));
        self.bin
            .get(&kind)
            .into_iter()
            .flat_map(move |set| set.range(start..).copied())
    }

    /// How many objects of a kind there are, live or in the recycle bin, without looking at any.
    pub fn count_in(&self, kind: Kind, state: State) -> usize {
        let of = |sets: &HashMap<Kind, BTreeSet<Slot>>| sets.get(&kind).map_or(0, BTreeSet::len);
        let all = match state {
            State::Live => of(&self.by_kind) - of(&self.bin),
            State::Deleted => of(&self.bin),
            State::Purged => 0,
        };
        let hidden = self.hidden().filter(|slot| {
            let object = self.object(*slot);
            object.kind == kind && object.state == state
        });
        all - hidden.count()
    }

    /// How many live objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.count_in(kind, State::Live)
    }

    /// The number of a property name.
    pub fn key(&self, name: &str) -> Option<Key> {
        self.names.get(name)
    }

    /// A stored property by number.
    pub fn stored(&self, slot: Slot, key: Key) -> Option<Stored<'_>> {
        match self.past(slot) {
            Some(record) => record.get(key),
            None => self.object(slot).record.get(key),
        }
    }

    /// All stored properties, undecoded.
    pub fn entries(&self, slot: Slot) -> impl Iterator<Item = Entry<'_>> {
        let record = self.past(slot).unwrap_or(&self.object(slot).record);
        record.entries()
    }

    /// A stored property by name.
    pub fn get(&self, slot: Slot, name: &str) -> Option<Stored<'_>> {
        self.stored(slot, self.names.get(name)?)
    }

    /// A stored text.
    pub fn text(&self, slot: Slot, name: &str) -> Option<&str> {
        match self.get(slot, name) {
            Some(Stored::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// A stored truth value; null is false.
    pub fn flag(&self, slot: Slot, name: &str) -> bool {
        self.get(slot, name) == Some(Stored::Bool(true))
    }

    /// Whether a stored collection of texts holds `item`.
    pub fn lists(&self, slot: Slot, name: &str, item: &str) -> bool {
        matches!(self.get(slot, name), Some(Stored::List(list)) if list.iter().any(|i| i == item))
    }

    /// A stored property as JSON, null when absent.
    pub fn json(&self, slot: Slot, name: &str) -> Value {
        self.get(slot, name).map_or(Value::Null, Stored::to_json)
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
            self.note(What::Linked(relation, from, to));
            if relation == Relation::Member {
                self.membership_changed(from, to);
            }
        }
        added
    }

    /// Removes an edge; false if it is not there.
    pub fn unlink(&mut self, relation: Relation, from: Slot, to: Slot) -> bool {
        let removed = self.edges[relation as usize].remove(from, to);
        if removed {
            self.note(What::Unlinked(relation, from, to));
            if relation == Relation::Member {
                self.membership_changed(from, to);
            }
        }
        removed
    }

    /// Moves an object into the recycle bin or back. A user in the bin holds no seats.
    pub fn set_state(&mut self, slot: Slot, state: State) {
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
        self.drop_licences(slot);
        self.orders.forget();
        self.index(slot, false);
        let members: Vec<Slot> = self.edges(Relation::Member).targets(slot, None).collect();
        for relation in Relation::ALL {
            let above: Vec<Slot> = self.edges(relation).sources(slot, None).collect();
            for from in above {
                self.note(What::Cut(relation, from, slot));
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

    /// Everything reachable over `Member` edges, down (members) or up (groups), `slot` excluded.
    pub fn closure(&self, slot: Slot, down: bool) -> BTreeSet<Slot> {
        let edges = self.edges(Relation::Member);
        let mut seen: HashSet<Slot> = HashSet::from([slot]);
        let mut found = BTreeSet::new();
        let mut open = vec![slot];
        while let Some(at) = open.pop() {
            let next: Vec<Slot> = if down {
                edges.targets(at, None).collect()
            } else {
                edges.sources(at, None).collect()
            };
            for other in next {
                if self.is_live(other) && seen.insert(other) {
                    found.insert(other);
                    open.push(other);
                }
            }
        }
        found
    }
}
