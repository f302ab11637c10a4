//! Looking at a directory: with the eyes of a request that may be behind, or at the present.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::index::bare_address;
use super::lag::{End, Eyes};
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
        let before = self.dir.lag.state(self.eyes, self.now, slot);
        before.unwrap_or(self.object(slot).state)
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
        let gone = self.otherwise(kind, |truth, seen| {
            truth == State::Purged && seen != State::Purged
        });
        merge(
            beyond(&self.dir.by_kind, kind, after),
            after_slot(gone, after),
        )
    }

    /// The objects of a kind in the recycle bin beyond `after`, in order.
    pub fn binned(self, kind: Kind, after: Option<Slot>) -> impl Iterator<Item = Slot> + 'a {
        let left = self.otherwise(kind, |truth, seen| {
            truth != State::Deleted && seen == State::Deleted
        });
        let binned = beyond(&self.dir.bin, kind, after);
        merge(
            binned.filter(move |slot| self.state(*slot) == State::Deleted),
            after_slot(left, after),
        )
    }

    /// Objects of a kind whose state is seen otherwise than it is, in order.
    fn otherwise(self, kind: Kind, is: impl Fn(State, State) -> bool) -> Vec<Slot> {
        if self.eyes == Eyes::Now {
            return Vec::new();
        }
        let mut slots: Vec<Slot> = self
            .dir
            .lag
            .changed()
            .filter(|slot| {
                let object = self.object(*slot);
                object.kind == kind && is(object.state, self.state(*slot))
            })
            .collect();
        slots.sort_unstable();
        slots
    }

    /// How many objects of a kind there are, live or in the recycle bin; of those that did not
    /// change lately, without looking at any.
    pub fn count_in(self, kind: Kind, state: State) -> usize {
        let of = |sets: &HashMap<Kind, BTreeSet<Slot>>| sets.get(&kind).map_or(0, BTreeSet::len);
        let all = match state {
            State::Live => of(&self.dir.by_kind) - of(&self.dir.bin),
            State::Deleted => of(&self.dir.bin),
            State::Purged => 0,
        };
        if self.eyes == Eyes::Now {
            return all;
        }
        let lately: HashSet<Slot> = self.dir.lag.fresh().chain(self.dir.lag.changed()).collect();
        let (mut more, mut less) = (0, 0);
        for slot in lately {
            let object = self.object(slot);
            if object.kind == kind {
                let seen = self.state(slot) == state && !self.is_hidden(slot);
                more += usize::from(seen);
                less += usize::from(object.state == state);
            }
        }
        all + more - less
    }

    /// The number of a property name.
    pub fn key(self, name: &str) -> Option<Key> {
        self.dir.names.get(name)
    }

    fn record(self, slot: Slot) -> &'a Record {
        let past = self.dir.lag.record(self.eyes, self.now, slot);
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
        let found = self.dir.by_id.get(&id).copied();
        found.or_else(|| {
            self.changed()
                .find(|slot| self.object(*slot).id == id && self.state(*slot) != State::Purged)
        })
    }

    /// Objects that changed lately, of which indexes tell only what is true by now.
    pub(super) fn changed(self) -> impl Iterator<Item = Slot> + 'a {
        let now = self.eyes == Eyes::Now;
        let changed = (!now).then(|| self.dir.lag.changed());
        changed.into_iter().flatten()
    }

    /// The live object of a kind that has a value: the one that an index tells if it is seen with
    /// it, else one that lost the value lately.
    fn having(self, indexed: Option<Slot>, kind: Kind, has: impl Fn(Slot) -> bool) -> Option<Slot> {
        let fits = |slot: &Slot| self.is_live(*slot) && has(*slot);
        indexed.filter(fits).or_else(|| {
            let mut changed = self.changed();
            changed.find(|slot| self.object(*slot).kind == kind && fits(slot))
        })
    }

    /// The live object of an id.
    pub fn live(self, id: Uuid) -> Option<Slot> {
        self.find(id).filter(|slot| self.is_live(*slot))
    }

    /// The live object of a kind whose id is not a GUID.
    pub fn find_text(self, kind: Kind, id: &str) -> Option<Slot> {
        let found = self.dir.by_text.get(&(kind, Box::from(id))).copied();
        self.having(found, kind, |slot| self.text(slot, "id") == Some(id))
    }

    /// The live user of a user principal name.
    pub fn find_upn(self, upn: &str) -> Option<Slot> {
        let lower = upn.to_lowercase();
        let found = self.dir.upns.get(lower.as_str()).copied();
        self.having(found, Kind::User, |slot| {
            let name = self.text(slot, "userPrincipalName");
            name.is_some_and(|name| name.to_lowercase() == lower)
        })
    }

    /// Whoever holds a mail address, among live objects.
    pub fn address_holder(self, address: &str) -> Option<Slot> {
        let found = self.dir.addresses.get(bare_address(address).as_str());
        found.copied().filter(|slot| self.is_live(*slot))
    }

    /// The live application or service principal of an `appId`.
    pub fn find_app(self, kind: Kind, app_id: Uuid) -> Option<Slot> {
        let found = self.dir.app_ids.get(&(kind, app_id)).copied();
        self.having(found, kind, |slot| {
            let id = self.text(slot, "appId");
            id.is_some_and(|id| Uuid::parse_str(id) == Ok(app_id))
        })
    }

    /// Where relations from an object lead, beyond `after`, in order.
    pub fn targets(self, relation: Relation, slot: Slot, after: Option<Slot>) -> Items<'a> {
        let links = self.dir.edges(relation).targets(slot, after);
        self.as_seen(links, relation, (End::From, slot), after)
    }

    /// Where relations to an object come from, beyond `after`, in order.
    pub fn sources(self, relation: Relation, slot: Slot, after: Option<Slot>) -> Items<'a> {
        let links = self.dir.edges(relation).sources(slot, after);
        self.as_seen(links, relation, (End::To, slot), after)
    }

    fn as_seen(
        self,
        links: impl Iterator<Item = Slot> + 'a,
        relation: Relation,
        from: (End, Slot),
        after: Option<Slot>,
    ) -> Items<'a> {
        let seen = self.dir.lag.links(self.eyes, self.now, relation, from);
        if seen.is_empty() {
            return Box::new(links);
        }
        let there = seen.iter().filter(|(_, there)| **there);
        let there: Vec<Slot> = there.map(|(other, _)| *other).collect();
        let unchanged = links.filter(move |other| !seen.contains_key(other));
        Box::new(merge(unchanged, after_slot(there, after)))
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
        let before = self.dir.lag.grants(self.eyes, self.now, user);
        before.unwrap_or_else(|| self.dir.licences.grants(user))
    }

    /// A group's licences: SKU and plans switched off.
    pub fn group_licences(self, group: Slot) -> &'a [(u16, u128)] {
        let before = self.dir.lag.group_licences(self.eyes, self.now, group);
        before.unwrap_or_else(|| self.dir.licences.of_group(group))
    }

    /// What a user holds in force: SKU and plans switched off by all of its grants.
    pub fn held(self, user: Slot) -> Vec<(u16, u128)> {
        let in_force = self.grants(user).iter().filter(|g| g.error.is_none());
        combine(in_force.map(|g| (g.sku, g.disabled)))
    }

    /// Whether links and what they lead to are seen as they are.
    pub(super) fn links_are_prompt(self) -> bool {
        let lags = self.dir.lags();
        let objects = lags.read.max(lags.index).max(lags.deletions);
        self.eyes == Eyes::Now || objects.max(lags.links).is_zero()
    }

    /// Whether lists see everything as it is.
    pub fn lists_are_prompt(self) -> bool {
        let lags = self.dir.lags();
        lags.index.max(lags.deletions).is_zero()
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

fn after_slot(slots: Vec<Slot>, after: Option<Slot>) -> impl Iterator<Item = Slot> {
    let slots = slots.into_iter();
    slots.filter(move |slot| after.is_none_or(|after| *slot > after))
}

/// Two ascending sequences as one.
fn merge(
    a: impl Iterator<Item = Slot>,
    b: impl Iterator<Item = Slot>,
) -> impl Iterator<Item = Slot> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if x <= y => a.next(),
        (_, Some(_)) => b.next(),
        _ => a.next(),
    })
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
