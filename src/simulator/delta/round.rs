//! One page of a round: which objects, and how each is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::token::Token;
use super::tracked::{Tracked, default_properties};
use crate::simulator::directory::journal::What;
use crate::simulator::directory::{Directory, Key, Reader, Relation, Slot, State};
use crate::simulator::model::View;
use crate::simulator::query::values;

/// The most objects on a page.
const PAGE: usize = 100;
/// The most links of one object on a page; the rest follows on the next page.
const LINKS: usize = 100;

/// A page, and where the next one, or the next round, starts.
pub struct Round {
    /// The objects.
    pub rows: Vec<Value>,
    /// Whether the next token is one of this round, and stands where.
    pub next: Token,
}

/// What changed of an object.
#[derive(Default)]
struct Changed {
    /// New or restored: all of it is shown.
    whole: bool,
    /// Into the bin, or gone for good.
    gone: bool,
    keys: BTreeSet<Key>,
    /// The last word on each link: whether it is there.
    links: BTreeMap<(usize, Slot), bool>,
}

struct Painter<'a> {
    view: &'a View<'a>,
    names: Vec<String>,
    /// `None`: what the object's own type shows by default.
    mixed: bool,
    relations: Vec<Relation>,
    minimal: bool,
    /// Objects that came after what the round covers: the next one tells of them.
    later: BTreeSet<Slot>,
}

/// Makes one page.
pub fn run(view: &View<'_>, tracked: &Tracked, token: &Token, visible: u64) -> Round {
    let dir = view.dir;
    let upto = token.upto.unwrap_or(visible);
    let painter = painter(view, tracked, token, upto);
    let changes = token
        .since
        .map(|since| changes(dir.directory(), since, upto, view.options.delta.cut_links));
    let wanted: Option<BTreeSet<Slot>> = token.ids.as_ref().map(|ids| {
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let all = 0..dir.directory().end();
        all.filter(|slot| ids.contains(dir.id_text(*slot).as_str()))
            .collect()
    });
    let start = token.at.map_or(0, |(slot, _)| slot);
    let in_set = |slot: &Slot| {
        let kind = dir.object(*slot).kind;
        let fits = if tracked.entity == "directoryObject" {
            kind.is_directory_object()
        } else {
            kind.entity() == tracked.entity
        };
        fits && wanted.as_ref().is_none_or(|wanted| wanted.contains(slot))
    };
    let slots: Box<dyn Iterator<Item = Slot>> = match &changes {
        Some(changes) => Box::new(changes.range(start..).map(|(slot, _)| *slot)),
        None => Box::new(start..dir.directory().end()),
    };
    let mut rows: Vec<Value> = Vec::new();
    let mut at = None;
    for slot in slots.filter(in_set) {
        let skip = token.at.filter(|(s, _)| *s == slot).map_or(0, |(_, n)| n);
        if rows.len() == PAGE {
            at = Some((slot, skip));
            break;
        }
        let change = changes.as_ref().and_then(|c| c.get(&slot));
        let Some((row, left)) = painter.paint(slot, change, skip) else {
            continue;
        };
        rows.push(row);
        if left {
            at = Some((slot, skip + LINKS));
            break;
        }
    }
    let repeats = view.options.delta.repeats;
    if repeats && let Some(first) = rows.first().cloned() {
        rows.push(first);
    }
    if at.is_some() {
        return Round {
            rows,
            next: Token {
                upto: Some(upto),
                at,
                ..token.clone()
            },
        };
    }
    // Once more the last change of this round, unless that is all that this round was about.
    let news = token
        .since
        .is_some_and(|since| upto > since + u64::from(token.repeated));
    let again = repeats && news;
    Round {
        rows,
        next: Token {
            since: Some(upto - u64::from(again)),
            upto: None,
            at: None,
            repeated: again,
            ..token.clone()
        },
    }
}

fn painter<'a>(view: &'a View<'a>, tracked: &Tracked, token: &Token, upto: u64) -> Painter<'a> {
    let followed = |(relation, default): &(Relation, bool)| match &token.select {
        Some(names) => names.iter().any(|n| n == relation.name()),
        None => *default,
    };
    let relations: Vec<Relation> = tracked
        .relations
        .iter()
        .filter(|r| followed(r))
        .map(|(relation, _)| *relation)
        .collect();
    let mixed = tracked.entity == "directoryObject" && token.select.is_none();
    let mut names = match &token.select {
        Some(names) => names.clone(),
        None => default_properties(tracked.entity),
    };
    names.retain(|n| n != "id" && !relations.iter().any(|r| r.name() == n));
    let minimal = view
        .request
        .header("prefer")
        .is_some_and(|p| p.to_ascii_lowercase().contains("return=minimal"));
    let journal = view.dir.directory().journal();
    let later = journal
        .between(upto, journal.last())
        .filter(|entry| matches!(entry.what, What::Created(_)))
        .map(|entry| entry.what.slot())
        .collect();
    Painter {
        view,
        names,
        mixed,
        relations,
        minimal,
        later,
    }
}

/// All changes of a round by object.
fn changes(dir: &Directory, since: u64, upto: u64, cut_links: bool) -> BTreeMap<Slot, Changed> {
    let mut changes: BTreeMap<Slot, Changed> = BTreeMap::new();
    for entry in dir.journal().between(since, upto) {
        let what = &entry.what;
        if matches!(what, What::Cut(..)) && !cut_links {
            continue;
        }
        let change = changes.entry(what.slot()).or_default();
        match what {
            What::Created(_) | What::State(_, State::Live) => change.whole = true,
            What::State(..) | What::Purged(_) => change.gone = true,
            What::Set(_, keys) => change.keys.extend(keys),
            What::Linked(relation, _, to) => {
                change.links.insert((*relation as usize, *to), true);
            }
            What::Unlinked(relation, _, to) | What::Cut(relation, _, to) => {
                change.links.insert((*relation as usize, *to), false);
            }
        }
    }
    changes
}

impl Painter<'_> {
    /// The object, or nothing when nothing that is followed changed; and whether links are left
    /// for the next page.
    fn paint(&self, slot: Slot, change: Option<&Changed>, skip: usize) -> Option<(Value, bool)> {
        let dir = self.view.dir;
        let object = dir.object(slot);
        let mut row = Map::new();
        let state = dir.state(slot);
        if self.mixed || state != State::Live {
            let name = format!("#microsoft.graph.{}", object.kind.entity());
            row.insert("@odata.type".to_owned(), name.into());
        }
        row.insert("id".to_owned(), dir.id_text(slot).into());
        if state != State::Live {
            if !change?.gone {
                return None;
            }
            let reason = if state == State::Deleted {
                "changed"
            } else {
                "deleted"
            };
            row.insert("@removed".to_owned(), json!({"reason": reason}));
            return Some((row.into(), false));
        }
        let whole = match change {
            None => {
                if self.later.contains(&slot) {
                    return None;
                }
                true
            }
            Some(change) => change.whole,
        };
        let links = self.links(slot, change.filter(|_| !whole));
        let changed = |name: &str| {
            change.is_some_and(|c| dir.key(name).is_some_and(|key| c.keys.contains(&key)))
        };
        let own;
        let names = if self.mixed {
            own = default_properties(object.kind.entity());
            &own
        } else {
            &self.names
        };
        if !whole && links.is_empty() && !names.iter().any(|n| changed(n)) {
            return None;
        }
        for name in names.iter().filter(|n| *n != "id") {
            let value = values::value(dir, slot, name);
            let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            let shown = if self.minimal && !whole {
                changed(name)
            } else {
                !empty || changed(name)
            };
            if shown {
                row.insert(name.clone(), value);
            }
        }
        let total = links.len();
        for relation in &self.relations {
            let items: Vec<Value> = links
                .iter()
                .skip(skip)
                .take(LINKS)
                .filter(|(r, ..)| r == relation)
                .map(|(_, to, there)| link(dir, *to, *there))
                .collect();
            if !items.is_empty() {
                row.insert(format!("{}@delta", relation.name()), items.into());
            }
        }
        Some((row.into(), total > skip + LINKS))
    }

    /// The links to show: of a change those that came and went, else all to live objects.
    fn links(&self, slot: Slot, change: Option<&Changed>) -> Vec<(Relation, Slot, bool)> {
        let dir = self.view.dir;
        let mut links = Vec::new();
        for relation in &self.relations {
            if let Some(change) = change {
                let number = *relation as usize;
                let range = change.links.range((number, 0)..=(number, Slot::MAX));
                links.extend(range.map(|((_, to), there)| (*relation, *to, *there)));
            } else {
                let targets = dir.targets(*relation, slot, None);
                let live = targets.filter(|to| dir.is_live(*to));
                links.extend(live.map(|to| (*relation, to, true)));
            }
        }
        links
    }
}

/// An item of `members@delta` and its like.
fn link(dir: Reader<'_>, to: Slot, there: bool) -> Value {
    let mut item = json!({
        "@odata.type": format!("#microsoft.graph.{}", dir.object(to).kind.entity()),
        "id": dir.id_text(to),
    });
    if !there {
        item["@removed"] = json!({"reason": "deleted"});
    }
    item
}
