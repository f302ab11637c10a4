//! Finding objects by what they hold and by where they hang, with the indexes that questions made.

use std::sync::Arc;

use super::lookup::{ByValue, Range, Sought, values};
use super::object::{Kind, Slot};
use super::reader::{Items, Reader};
use super::record::Key;
use super::store::Directory;

impl Directory {
    /// Enters an object's values into the indexes that questions made, or takes them out.
    pub(super) fn index_values(&mut self, slot: Slot, add: bool) {
        let mut lookups = std::mem::take(&mut self.lookups);
        let present = self.present();
        let kind = self.object(slot).kind;
        lookups.update((kind, slot), add, |key| present.stored(slot, key));
        self.lookups = lookups;
    }
}

impl<'a> Reader<'a> {
    /// The objects of a kind, in the recycle bin too, whose stored value at a path lies in a range,
    /// with those that changed lately and may be seen with another value; `None` when they are
    /// more than `most`.
    pub fn with_value(
        self,
        kind: Kind,
        key: Key,
        path: &[String],
        range: &Range<'_>,
        most: usize,
    ) -> Option<Vec<Slot>> {
        let mut found: Vec<Slot> = self.changed().collect();
        let directory = self.directory();
        let fits =
            directory
                .lookups
                .find((kind, key, path.into()), range, (&mut found, most), || {
                    all_values(directory, kind, key, path)
                });
        found.sort_unstable();
        found.dedup();
        fits.then_some(found)
    }

    /// Whether a live user has a `mailNickname`.
    pub fn has_nickname(self, nickname: &str) -> bool {
        let Some(key) = self.key("mailNickname") else {
            return false;
        };
        let sought = [Sought::text(nickname)];
        self.with_value(Kind::User, key, &[], &Range::Any(&sought), usize::MAX)
            .is_some_and(|slots| slots.into_iter().any(|slot| self.is_live(slot)))
    }

    /// A directory extension of an entity type by its name (`extension_{appId}_{name}`).
    pub fn extension(self, entity: &str, name: &str) -> Option<Slot> {
        if !name.starts_with("extension_") {
            return None;
        }
        let targets = |slot: &Slot| {
            let json = self.json(*slot, "targetObjects");
            let all = json.as_array().map_or(&[][..], Vec::as_slice);
            let mut all = all.iter().filter_map(serde_json::Value::as_str);
            entity == "directoryObject" || all.any(|t| t.eq_ignore_ascii_case(entity))
        };
        self.all(Kind::ExtensionProperty, None)
            .filter(|slot| self.text(*slot, "name") == Some(name))
            .find(targets)
    }

    /// Everything reachable over `Member` relations as [`Reader::closure`] has it, beyond `after`,
    /// in order. A walk that goes on (`after` is given) sees the memberships that it began with.
    pub fn closure_after(self, slot: Slot, down: bool, after: Option<Slot>) -> Items<'a> {
        let find = || self.closure(slot, down).into_iter().collect();
        let slots: Arc<[Slot]> = if self.links_are_prompt() {
            let closures = &self.directory().closures;
            closures.get((slot, down), after.is_some(), find)
        } else {
            find()
        };
        let start = after.map_or(0, |after| slots.partition_point(|other| *other <= after));
        Box::new((start..slots.len()).map(move |at| slots[at]))
    }
}

fn all_values(directory: &Directory, kind: Kind, key: Key, path: &[String]) -> ByValue {
    let mut by_value = ByValue::new();
    let present = directory.present();
    for slot in present.all(kind, None) {
        if let Some(stored) = present.stored(slot, key) {
            for value in values(stored, path) {
                by_value.entry(value).or_default().insert(slot);
            }
        }
    }
    by_value
}
