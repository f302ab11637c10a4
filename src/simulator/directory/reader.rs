//! Looking at a directory: with the eyes of a request that may be behind, or at the present.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::index::bare_address;
use super::lag::Eyes;
use super::licences::{Grant, Licences, combine};
use super::object::{Kind, Object, Relation, Slot, State, Tenant};
use super::record::{Entry, Key, Record, Stored, ticks};
use super::store::Directory;

/// Objects in the order of their slots.
pub type Items<'a> = Box<dyn Iterator<Item = Slot> + 'a>;

/// A directory as certain eyes see it at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    dir: &'a Directory,
    eyes: Eyes,
    /// The moment, in ticks; the present eyes do not ask for it.
    now: i64,
}

impl<'a> Reader<'a> {
    /// A directory as these eyes see it now.
    pub fn new(dir: &'a Directory, eyes: Eyes) -> Self {
        let now = match eyes {
            Eyes::Now => 0,
            _ => ticks(dir.now()),
        };
        Self { dir, eyes, now }
    }

    /// The directory itself, for what no lag touches: its clock, its journal, its subscriptions.
    pub fn directory(self) -> &'a Directory {
        self.dir
    }

    /// The present moment.
    pub fn now(self) -> OffsetDateTime {
        self.dir.now()
    }

    /// The tenant.
    pub fn tenant(self) -> &'a Tenant {
        &self.dir.tenant
    }

    /// An object; the slot comes from this directory.
    pub fn object(self, slot: Slot) -> &'a Object {
        self.dir.object(slot)
    }

    /// Whether an object is there, but for those that are too new to be seen.
    pub fn state(self, slot: Slot) -> State {
        self.dir.object(slot).state
    }

    /// Whether these eyes do not see the object yet.
    pub fn is_hidden(self, slot: Slot) -> bool {
        self.dir.lag.hides(self.eyes, self.now, slot)
    }

    /// Whether the object is there.
    pub fn is_live(self, slot: Slot) -> bool {
        self.state(slot) == State::Live && !self.is_hidden(slot)
    }

    /// The id as Graph shows it: of most kinds a GUID, of some a text of their own.
    pub fn id_text(self, slot: Slot) -> String {
        let object = self.object(slot);
        if object.kind == Kind::User || object.kind == Kind::Group {
            return object.id.to_string();
        }
        self.text(slot, "id")
            .map_or_else(|| object.id.to_string(), str::to_owned)
    }

    /// All objects of a kind beyond `after`, in order, the recycle bin included.
    pub fn all(self, kind: Kind, after: Option<Slot>) -> impl Iterator<Item = Slot> + 'a {
        beyond(&self.dir.by_kind, kind, after)
    }

    /// The objects of a kind in the recycle bin beyond `after`, in order.
    pub fn binned(self, kind: Kind, after: Option<Slot>) -> impl Iterator<Item = Slot> + 'a {
        beyond(&self.dir.bin, kind, after)
    }

    /// How many objects of a kind there are, live or in the recycle bin, without looking at any.
    pub fn count_in(self, kind: Kind, state: State) -> usize {
        let of = |sets: &HashMap<Kind, BTreeSet<Slot>>| sets.get(&kind).map_or(0, BTreeSet::len);
        let all = match state {
            State::Live => of(&self.dir.by_kind) - of(&self.dir.bin),
            State::Deleted => of(&self.dir.bin),
            State::Purged => 0,
        };
        let hidden = self.dir.lag.hidden(self.eyes, self.now).filter(|slot| {
            let object = self.object(*slot);
            object.kind == kind && object.state == state
        });
        all - hidden.count()
    }

    /// The number of a property name.
    pub fn key(self, name: &str) -> Option<Key> {
        self.dir.names.get(name)
    }

    fn record(self, slot: Slot) -> &'a Record {
        let past = self.dir.lag.past(self.eyes, self.now, slot);
        past.unwrap_or(&self.object(slot).record)
    }

    /// A stored property by number.
    pub fn stored(self, slot: Slot, key: Key) -> Option<Stored<'a>> {
        self.record(slot).get(key)
    }

    /// All stored properties, undecoded.
    pub fn entries(self, slot: Slot) -> impl Iterator<Item = Entry<'a>> {
        self.record(slot).entries()
    }

    /// A stored property by name.
    pub fn get(self, slot: Slot, name: &str) -> Option<Stored<'a>> {
        self.stored(slot, self.key(name)?)
    }

    /// A stored text.
    pub fn text(self, slot: Slot, name: &str) -> Option<&'a str> {
        match self.get(slot, name) {
            Some(Stored::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// A stored truth value; null is false.
    pub fn flag(self, slot: Slot, name: &str) -> bool {
        self.get(slot, name) == Some(Stored::Bool(true))
    }

    /// Whether a stored collection of texts holds `item`.
    pub fn lists(self, slot: Slot, name: &str, item: &str) -> bool {
        matches!(self.get(slot, name), Some(Stored::List(list)) if list.iter().any(|i| i == item))
    }

    /// A stored property as JSON, null when absent.
    pub fn json(self, slot: Slot, name: &str) -> Value {
        self.get(slot, name).map_or(Value::Null, Stored::to_json)
    }

    /// The slot of an id, live or in the recycle bin.
    pub fn find(self, id: Uuid) -> Option<Slot> {
        self.dir.by_id.get(&id).copied()
    }

    /// The live object of an id.
    pub fn live(self, id: Uuid) -> Option<Slot> {
        self.find(id).filter(|slot| self.is_live(*slot))
    }

    /// The live object of a kind whose id is not a GUID.
    pub fn find_text(self, kind: Kind, id: &str) -> Option<Slot> {
        let found = self.dir.by_text.get(&(kind, Box::from(id)));
        found.copied().filter(|slot| self.is_live(*slot))
    }

    /// The live user of a user principal name.
    pub fn find_upn(self, upn: &str) -> Option<Slot> {
        let found = self.dir.upns.get(upn.to_lowercase().as_str());
        found.copied().filter(|slot| self.is_live(*slot))
    }

    /// Whoever holds a mail address, among live objects.
    pub fn address_holder(self, address: &str) -> Option<Slot> {
        let found = self.dir.addresses.get(bare_address(address).as_str());
        found.copied().filter(|slot| self.is_live(*slot))
    }

    /// The live application or service principal of an `appId`.
    pub fn find_app(self, kind: Kind, app_id: Uuid) -> Option<Slot> {
        let found = self.dir.app_ids.get(&(kind, app_id));
        found.copied().filter(|slot| self.is_live(*slot))
    }

    /// Where relations from an object lead, beyond `after`, in order.
    pub fn targets(self, relation: Relation, slot: Slot, after: Option<Slot>) -> Items<'a> {
        Box::new(self.dir.edges(relation).targets(slot, after))
    }

    /// Where relations to an object come from, beyond `after`, in order.
    pub fn sources(self, relation: Relation, slot: Slot, after: Option<Slot>) -> Items<'a> {
        Box::new(self.dir.edges(relation).sources(slot, after))
    }

    /// Everything reachable over `Member` relations, down (members) or up (groups), `slot`
    /// excluded.
    pub fn closure(self, slot: Slot, down: bool) -> BTreeSet<Slot> {
        let mut seen: HashSet<Slot> = HashSet::from([slot]);
        let mut found = BTreeSet::new();
        let mut open = vec![slot];
        while let Some(at) = open.pop() {
            let next = if down {
                self.targets(Relation::Member, at, None)
            } else {
                self.sources(Relation::Member, at, None)
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

    /// The subscriptions, and what is under way with them.
    pub fn licences(self) -> &'a Licences {
        &self.dir.licences
    }

    /// A user's grants.
    pub fn grants(self, user: Slot) -> &'a [Grant] {
        self.dir.licences.grants(user)
    }

    /// A group's licences: SKU and plans switched off.
    pub fn group_licences(self, group: Slot) -> &'a [(u16, u128)] {
        self.dir.licences.of_group(group)
    }

    /// What a user holds in force: SKU and plans switched off by all of its grants.
    pub fn held(self, user: Slot) -> Vec<(u16, u128)> {
        let in_force = self.grants(user).iter().filter(|g| g.error.is_none());
        combine(in_force.map(|g| (g.sku, g.disabled)))
    }

    /// Whether lists see everything as it is.
    pub fn lists_are_prompt(self) -> bool {
        self.dir.lags().index.is_zero()
    }

    /// All objects of a kind, the recycle bin included, as `sort` leaves them; `order` names what
    /// it does.
    pub fn in_order(
        self,
        kind: Kind,
        order: String,
        sort: impl FnOnce(&mut Vec<Slot>),
    ) -> Arc<[Slot]> {
        self.dir.orders.get(kind, order, || {
            let mut slots: Vec<Slot> = self.all(kind, None).collect();
            sort(&mut slots);
            slots
        })
    }
}

fn beyond(
    sets: &HashMap<Kind, BTreeSet<Slot>>,
    kind: Kind,
    after: Option<Slot>,
) -> impl Iterator<Item = Slot> + '_ {
    let start = after.map_or(0, |s| s.saturating_add(1));
    sets.get(&kind)
        .into_iter()
        .flat_map(move |set| set.range(start..).copied())
}

/// The present, as writes and everything that is no request sees it.
impl Directory {
    /// The directory as it is.
    pub fn present(&self) -> Reader<'_> {
        Reader::new(self, Eyes::Now)
    }

    /// The directory as these eyes see it.
    pub fn seen_by(&self, eyes: Eyes) -> Reader<'_> {
        Reader::new(self, eyes)
    }

    /// Whether an object is there.
    pub fn state(&self, slot: Slot) -> State {
        self.object(slot).state
    }

    /// Whether the object is there.
    pub fn is_live(&self, slot: Slot) -> bool {
        self.present().is_live(slot)
    }

    /// The id as Graph shows it.
    pub fn id_text(&self, slot: Slot) -> String {
        self.present().id_text(slot)
    }

    /// All objects of a kind beyond `after`, in order, the recycle bin included.
    pub fn all(&self, kind: Kind, after: Option<Slot>) -> impl Iterator<Item = Slot> + '_ {
        self.present().all(kind, after)
    }

    /// How many objects of a kind there are, live or in the recycle bin.
    pub fn count_in(&self, kind: Kind, state: State) -> usize {
        self.present().count_in(kind, state)
    }

    /// How many live objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.count_in(kind, State::Live)
    }

    /// A stored property by name.
    pub fn get(&self, slot: Slot, name: &str) -> Option<Stored<'_>> {
        self.present().get(slot, name)
    }

    /// A stored text.
    pub fn text(&self, slot: Slot, name: &str) -> Option<&str> {
        self.present().text(slot, name)
    }

    /// A stored truth value; null is false.
    pub fn flag(&self, slot: Slot, name: &str) -> bool {
        self.present().flag(slot, name)
    }

    /// Whether a stored collection of texts holds `item`.
    pub fn lists(&self, slot: Slot, name: &str, item: &str) -> bool {
        self.present().lists(slot, name, item)
    }

    /// A stored property as JSON, null when absent.
    pub fn json(&self, slot: Slot, name: &str) -> Value {
        self.present().json(slot, name)
    }

    /// The slot of an id, live or in the recycle bin.
    pub fn find(&self, id: Uuid) -> Option<Slot> {
        self.present().find(id)
    }

    /// The live object of an id.
    pub fn live(&self, id: Uuid) -> Option<Slot> {
        self.present().live(id)
    }

    /// The live object of a kind whose id is not a GUID.
    pub fn find_text(&self, kind: Kind, id: &str) -> Option<Slot> {
        self.present().find_text(kind, id)
    }

    /// The live user of a user principal name.
    pub fn find_upn(&self, upn: &str) -> Option<Slot> {
        self.present().find_upn(upn)
    }

    /// Whoever holds a mail address, among live objects.
    pub fn address_holder(&self, address: &str) -> Option<Slot> {
        self.present().address_holder(address)
    }

    /// The live application or service principal of an `appId`.
    pub fn find_app(&self, kind: Kind, app_id: Uuid) -> Option<Slot> {
        self.present().find_app(kind, app_id)
    }

    /// Everything reachable over `Member` relations, down (members) or up (groups), `slot`
    /// excluded.
    pub fn closure(&self, slot: Slot, down: bool) -> BTreeSet<Slot> {
        self.present().closure(slot, down)
    }
}
