//! What this process wrote moments ago. Graph replicates with a delay: a new object may be absent,
//! a deleted one present, a property or a member old, on one read and not on the next. What was
//! written here is laid over what Graph says, until Graph has had its time.
//!
//! A property is overlaid only where Graph shows a value that was superseded here: any other value
//! was written by somebody else since, and stands.
//!
//! Source: Microsoft's description of directory replication; no delay is promised, 20 minutes
//! have been seen for new objects.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::resources::{
    Edge, EdgeKind, Side,
    edge::{EdgeKey, Pending},
};

/// How long a create or delete is remembered.
const FATE: Duration = Duration::minutes(20);
/// How long a changed property or edge is remembered.
const CHANGE: Duration = Duration::minutes(5);
/// How long an object that Graph has shown once is still thought to be there when it does not show
/// it again: replicas differ.
const SETTLE: Duration = Duration::seconds(30);
/// How long a changed property or edge is overlaid although Graph has been seen to agree.
const AGREED: Duration = Duration::seconds(3);
/// How long a deletion made here is believed against Graph without further proof.
const FRESH: Duration = Duration::minutes(1);
/// How many objects and how many edges are remembered at most; the oldest are forgotten first.
const CAPACITY: usize = 50_000;
/// How many superseded values of one property are known.
const SUPERSEDED: usize = 64;

/// What to think of an object that Graph shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Believed,
    /// It was deleted here.
    Deleted {
        /// Graph has been seen to know of the deletion.
        seen_gone: bool,
        /// Less than a minute ago.
        fresh: bool,
    },
}

/// What to think of an object that Graph does not show.
#[derive(Clone, Debug, PartialEq)]
pub enum Absence {
    /// There is none.
    Believed,
    /// It was created here, as this entity.
    Lag(Value),
}

/// An object that was created or changed here.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    /// Its id.
    pub id: String,
    /// Whether it was created: then the entity is all of it, else what was changed.
    pub created: bool,
    /// What is known of it.
    pub entity: Value,
    /// The properties that were changed.
    pub changed: Vec<String>,
}

enum Fate {
    /// As it was made, and changed since.
    Created {
        entity: Value,
        seen: bool,
    },
    /// Changed only.
    Changed,
    Deleted {
        seen_gone: bool,
    },
}

/// A property's value and those that it took the place of.
struct Property {
    value: Value,
    superseded: VecDeque<Value>,
    at: OffsetDateTime,
    agreed: bool,
}

struct Object {
    fate: Fate,
    at: OffsetDateTime,
    properties: HashMap<String, Property>,
}

/// An edge that was added (`Some`) or removed.
struct Mark {
    added: Option<Edge>,
    at: OffsetDateTime,
    agreed: bool,
}

/// Where a mark stands.
struct MarkPlace {
    /// Where its edge starts.
    from: String,
    /// Its key from there.
    key: EdgeKey,
    /// Its key as the object that is asked about sees it.
    seen: EdgeKey,
}

/// A resource type's name and an id in lower case.
type ObjectKey = (&'static str, String);
/// An edge's kind and where it starts.
type EdgeStart = (EdgeKind, String);

#[derive(Default)]
struct Inner {
    objects: HashMap<ObjectKey, Object>,
    edges: HashMap<EdgeStart, HashMap<EdgeKey, Mark>>,
    /// Where the remembered edges start that lead to an object.
    starts: HashMap<(EdgeKind, String), HashSet<String>>,
    edge_count: usize,
}

/// The memory of recent writes of one tenant.
#[derive(Default)]
pub struct Recent {
    inner: Mutex<Inner>,
}

fn key(kind: &'static str, id: &str) -> ObjectKey {
    (kind, id.to_ascii_lowercase())
}

impl Recent {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers an object that was made here, as Graph answered it and as it was sent.
    pub fn created(&self, kind: &'static str, id: &str, entity: Value, now: OffsetDateTime) {
        self.with(|inner| {
            inner.make_space(now);
            let object = Object {
                fate: Fate::Created {
                    entity,
                    seen: false,
                },
                at: now,
                properties: HashMap::new(),
            };
            inner.objects.insert(key(kind, id), object);
        });
    }

    /// Remembers that an object was deleted here.
    pub fn deleted(&self, kind: &'static str, id: &str, now: OffsetDateTime) {
        self.with(|inner| {
            inner.make_space(now);
            let object = Object {
                fate: Fate::Deleted { seen_gone: false },
                at: now,
                properties: HashMap::new(),
            };
            inner.objects.insert(key(kind, id), object);
        });
    }

    /// Notes that Graph knows of a deletion made here.
    pub fn seen_gone(&self, kind: &'static str, id: &str) {
        self.with(|inner| {
            if let Some(object) = inner.objects.get_mut(&key(kind, id))
                && let Fate::Deleted { seen_gone } = &mut object.fate
            {
                *seen_gone = true;
            }
        });
    }

    /// Forgets what was done to an object: somebody restored it.
    pub fn forget(&self, kind: &'static str, id: &str) {
        self.with(|inner| inner.objects.remove(&key(kind, id)));
    }

    /// Remembers which properties were changed, from what to what.
    pub fn changed(
        &self,
        kind: &'static str,
        id: &str,
        before: &Value,
        written: &Map<String, Value>,
        now: OffsetDateTime,
    ) {
        self.with(|inner| {
            inner.make_space(now);
            let object = inner.objects.entry(key(kind, id)).or_insert(Object {
                fate: Fate::Changed,
                at: now,
                properties: HashMap::new(),
            });
            if !matches!(object.fate, Fate::Created { .. }) {
                object.at = now;
            }
            for (name, value) in written {
                let old = before.get(name).cloned().unwrap_or_default();
                object.write(name, old, value.clone(), now);
            }
        });
    }

    /// Remembers an edge that was added here.
    pub fn edge_added(&self, edge: Edge, now: OffsetDateTime) {
        self.mark(&edge.clone(), Some(edge), now);
    }

    /// Remembers an edge that was removed here.
    pub fn edge_removed(&self, edge: &Edge, now: OffsetDateTime) {
        self.mark(edge, None, now);
    }

    fn mark(&self, edge: &Edge, added: Option<Edge>, now: OffsetDateTime) {
        self.with(|inner| {
            inner.make_space(now);
            let (from, to) = (
                edge.from.id.to_ascii_lowercase(),
                edge.to.id.to_ascii_lowercase(),
            );
            let mark = Mark {
                added,
                at: now,
                agreed: false,
            };
            let of = inner.edges.entry((edge.kind, from.clone())).or_default();
            if of.insert(edge.key(Side::From), mark).is_none() {
                inner.edge_count += 1;
            }
            inner
                .starts
                .entry((edge.kind, to))
                .or_default()
                .insert(from);
        });
    }

    /// Whether an object, of whatever type, was created here moments ago: Graph may not know it
    /// yet, to read, to change or to refer to.
    pub fn is_new(&self, id: &str, now: OffsetDateTime) -> bool {
        let id = id.to_ascii_lowercase();
        self.with(|inner| {
            crate::resources::ALL.iter().any(|kind| {
                let object = inner.objects.get(&(kind.name, id.clone()));
                object.is_some_and(|object| {
                    matches!(object.fate, Fate::Created { .. }) && now - object.at < CHANGE
                })
            })
        })
    }

    /// What to think of an object that Graph shows.
    pub fn present(&self, kind: &'static str, id: &str, now: OffsetDateTime) -> Presence {
        self.with(
            |inner| match inner.live(kind, id, now).map(|o| (&o.fate, o.at)) {
                Some((Fate::Deleted { seen_gone }, at)) => Presence::Deleted {
                    seen_gone: *seen_gone,
                    fresh: now - at < FRESH,
                },
                _ => Presence::Believed,
            },
        )
    }

    /// What to think of an object that Graph does not show.
    pub fn absent(&self, kind: &'static str, id: &str, now: OffsetDateTime) -> Absence {
        self.with(|inner| {
            let Some(object) = inner.live(kind, id, now) else {
                return Absence::Believed;
            };
            match &object.fate {
                Fate::Created { seen: true, .. } if now - object.at >= SETTLE => Absence::Believed,
                Fate::Created { entity, .. } => {
                    let mut entity = entity.clone();
                    if let Value::Object(entity) = &mut entity {
                        for (name, property) in &object.properties {
                            entity.insert(name.clone(), property.value.clone());
                        }
                    }
                    Absence::Lag(entity)
                }
                _ => Absence::Believed,
            }
        })
    }

    /// Lays changed properties over what Graph says of an object that it does show; names those
    /// that it says otherwise.
    pub fn overlay_entity(
        &self,
        kind: &'static str,
        id: &str,
        entity: &mut Value,
        now: OffsetDateTime,
    ) -> Vec<String> {
        self.with(|inner| {
            let mut altered = Vec::new();
            let Some(object) = inner.objects.get_mut(&key(kind, id)) else {
                return altered;
            };
            if let Fate::Created { seen, .. } = &mut object.fate {
                *seen = true;
            }
            let Value::Object(entity) = entity else {
                return altered;
            };
            object
                .properties
                .retain(|_, p| now - p.at < CHANGE && !(p.agreed && now - p.at >= AGREED));
            for (name, property) in &mut object.properties {
                let Some(read) = entity.get_mut(name) else {
                    continue;
                };
                property.agreed |= *read == property.value;
                if property.superseded.contains(read) {
                    *read = property.value.clone();
                    altered.push(name.clone());
                }
            }
            altered
        })
    }

    /// Lays added and removed edges over the list that Graph gave of the object `near`; returns
    /// those that it shows and that were removed here.
    pub fn overlay_edges(
        &self,
        kind: EdgeKind,
        side: Side,
        near: &str,
        single: bool,
        edges: &mut Vec<Edge>,
        now: OffsetDateTime,
    ) -> Vec<Edge> {
        self.with(|inner| {
            let marks = inner.marks(kind, side, &near.to_ascii_lowercase(), now);
            if marks.is_empty() {
                return Vec::new();
            }
            let mut there: HashMap<EdgeKey, usize> = HashMap::with_capacity(edges.len());
            for (i, edge) in edges.iter().enumerate() {
                there.insert(edge.key(side), i);
            }
            let mut gone: HashSet<usize> = HashSet::new();
            let mut missing: Vec<Edge> = Vec::new();
            for place in marks {
                let of = inner.edges.get_mut(&(kind, place.from));
                let Some(mark) = of.and_then(|of| of.get_mut(&place.key)) else {
                    continue;
                };
                let at = there.get(&place.seen);
                mark.agreed |= mark.added.is_some() == at.is_some();
                match (&mark.added, at) {
                    (Some(edge), None) => missing.push(Edge {
                        pending: Some(Pending::Added),
                        ..edge.clone()
                    }),
                    (Some(edge), Some(&i))
                        if edge.disabled_plans.is_some()
                            && edges[i].disabled_plans != edge.disabled_plans =>
                    {
                        edges[i].disabled_plans.clone_from(&edge.disabled_plans);
                        edges[i].pending = Some(Pending::Added);
                    }
                    (None, Some(&i)) => {
                        gone.insert(i);
                    }
                    _ => {}
                }
            }
            let mut hidden = Vec::new();
            if single && !missing.is_empty() {
                edges.clear();
                missing.truncate(1);
            } else if !gone.is_empty() {
                let all = std::mem::take(edges);
                for (i, edge) in all.into_iter().enumerate() {
                    if gone.contains(&i) {
                        hidden.push(Edge {
                            pending: Some(Pending::Removed),
                            ..edge
                        });
                    } else {
                        edges.push(edge);
                    }
                }
            }
            edges.append(&mut missing);
            hidden
        })
    }

    /// The objects of a type that were created or changed here.
    pub fn touched(&self, kind: &'static str, now: OffsetDateTime) -> Vec<(String, Touched)> {
        self.with(|inner| {
            let mut touched = Vec::new();
            for ((_, id), object) in inner.objects.iter().filter(|((k, _), _)| *k == kind) {
                let (created, mut entity) = match &object.fate {
                    Fate::Created { entity, .. } if now - object.at < FATE => {
                        (true, entity.clone())
                    }
                    Fate::Changed if now - object.at < CHANGE => (false, Value::Object(Map::new())),
                    _ => continue,
                };
                if let Value::Object(entity) = &mut entity {
                    for (name, property) in &object.properties {
                        entity.insert(name.clone(), property.value.clone());
                    }
                }
                let known = Touched {
                    id: id.clone(),
                    created,
                    entity,
                    changed: object.properties.keys().cloned().collect(),
                };
                touched.push((id.clone(), known));
            }
            touched
        })
    }
}

impl Object {
    fn write(&mut self, name: &str, old: Value, new: Value, now: OffsetDateTime) {
        let property = self
            .properties
            .entry(name.to_owned())
            .or_insert_with(|| Property {
                value: old.clone(),
                superseded: VecDeque::new(),
                at: now,
                agreed: false,
            });
        let before = std::mem::replace(&mut property.value, new);
        for value in [old, before] {
            if !property.superseded.contains(&value) {
                property.superseded.push_back(value);
            }
        }
        property.superseded.retain(|value| *value != property.value);
        while property.superseded.len() > SUPERSEDED {
            property.superseded.pop_front();
        }
        property.at = now;
        property.agreed = false;
    }
}

impl Inner {
    /// The memory of an object that is not too old to count.
    fn live(&self, kind: &'static str, id: &str, now: OffsetDateTime) -> Option<&Object> {
        let object = self.objects.get(&key(kind, id))?;
        (now - object.at < FATE).then_some(object)
    }

    /// The remembered edges of the object `near`.
    fn marks(
        &mut self,
        kind: EdgeKind,
        side: Side,
        near: &str,
        now: OffsetDateTime,
    ) -> Vec<MarkPlace> {
        let starts: Vec<String> = match side {
            Side::From => vec![near.to_owned()],
            Side::To => self
                .starts
                .get(&(kind, near.to_owned()))
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        };
        let mut marks = Vec::new();
        for from in starts {
            let Some(of) = self.edges.get_mut(&(kind, from.clone())) else {
                continue;
            };
            let before = of.len();
            of.retain(|_, m| now - m.at < CHANGE && !(m.agreed && now - m.at >= AGREED));
            self.edge_count -= before - of.len();
            for key in of.keys() {
                if side == Side::To && key.far != near {
                    continue;
                }
                let mut seen = key.clone();
                if side == Side::To {
                    seen.far.clone_from(&from);
                }
                marks.push(MarkPlace {
                    from: from.clone(),
                    key: key.clone(),
                    seen,
                });
            }
        }
        marks
    }

    /// Keeps the memory within its bounds.
    fn make_space(&mut self, now: OffsetDateTime) {
        if self.objects.len() >= CAPACITY {
            let cut = oldest_tenth(self.objects.values().map(|o| o.at)).unwrap_or(now);
            self.objects.retain(|_, o| o.at > cut && now - o.at < FATE);
        }
        if self.edge_count >= CAPACITY {
            let all = self.edges.values().flat_map(HashMap::values);
            let cut = oldest_tenth(all.map(|m| m.at)).unwrap_or(now);
            self.edges.retain(|_, of| {
                of.retain(|_, m| m.at > cut && now - m.at < CHANGE);
                !of.is_empty()
            });
            self.edge_count = self.edges.values().map(HashMap::len).sum();
            let edges = &self.edges;
            self.starts.retain(|(kind, _), starts| {
                starts.retain(|from| edges.contains_key(&(*kind, from.clone())));
                !starts.is_empty()
            });
        }
    }
}

fn oldest_tenth(times: impl Iterator<Item = OffsetDateTime>) -> Option<OffsetDateTime> {
    let mut times: Vec<OffsetDateTime> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 10).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::edge::End;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn seconds(n: i64) -> OffsetDateTime {
        START + Duration::seconds(n)
    }

    #[test]
    fn a_created_object_is_shown_until_graph_has_had_its_time() {
        let recent = Recent::default();
        recent.created("User", "A", json!({"id": "A", "title": "x"}), START);
        let Absence::Lag(entity) = recent.absent("User", "a", seconds(1100)) else {
            panic!("forgotten");
        };
        assert_eq!(entity["title"], "x");
        // The same id of another type is another object.
        assert_eq!(recent.absent("Group", "a", START), Absence::Believed);
        assert_eq!(recent.absent("User", "a", seconds(1200)), Absence::Believed);
        // Once seen, and after a while, its absence is a deletion by somebody else.
        let mut read = json!({"id": "A", "title": "x"});
        recent.overlay_entity("User", "a", &mut read, seconds(5));
        assert!(matches!(
            recent.absent("User", "a", seconds(10)),
            Absence::Lag(_)
        ));
        assert_eq!(recent.absent("User", "a", seconds(31)), Absence::Believed);
    }

    #[test]
    fn only_superseded_values_are_overlaid() {
        let recent = Recent::default();
        let write = |old: &str, new: &str, at| {
            let written = json!({ "title": new });
            let written = written.as_object().unwrap();
            recent.changed("User", "a", &json!({ "title": old }), written, at);
        };
        write("one", "two", START);
        write("two", "three", seconds(1));
        for (graph, expected) in [
            ("one", "three"),
            ("two", "three"),
            ("three", "three"),
            ("somebody else's", "somebody else's"),
        ] {
            let mut read = json!({ "title": graph });
            recent.overlay_entity("User", "A", &mut read, seconds(2));
            assert_eq!(read["title"], expected, "Graph says {graph}");
        }
        let mut read = json!({"title": "one"});
        recent.overlay_entity("User", "a", &mut read, seconds(400));
        assert_eq!(read["title"], "one", "too old to count");
    }

    #[test]
    fn a_deletion_is_believed_at_first_and_then_only_with_proof() {
        let recent = Recent::default();
        recent.deleted("User", "a", START);
        let deleted = |seen_gone, fresh| Presence::Deleted { seen_gone, fresh };
        assert_eq!(
            recent.present("User", "A", seconds(30)),
            deleted(false, true)
        );
        recent.seen_gone("User", "a");
        assert_eq!(
            recent.present("User", "a", seconds(70)),
            deleted(true, false)
        );
        recent.forget("User", "a");
        assert_eq!(recent.present("User", "a", seconds(71)), Presence::Believed);
    }

    #[test]
    fn edges_are_overlaid_from_both_ends() {
        let recent = Recent::default();
        let edge = |from: &str, to: &str| Edge::new(EdgeKind::Member, End::of(from), End::of(to));
        recent.edge_added(edge("g", "new"), START);
        recent.edge_removed(&edge("g", "old"), START);
        let ids = |edges: &[Edge], side| -> Vec<String> {
            edges.iter().map(|e| e.far(side).id.clone()).collect()
        };
        let mut members = vec![edge("g", "old"), edge("g", "other")];
        recent.overlay_edges(
            EdgeKind::Member,
            Side::From,
            "G",
            false,
            &mut members,
            seconds(1),
        );
        assert_eq!(ids(&members, Side::From), ["other", "new"]);
        let mut groups = Vec::new();
        recent.overlay_edges(
            EdgeKind::Member,
            Side::To,
            "new",
            false,
            &mut groups,
            seconds(1),
        );
        assert_eq!(ids(&groups, Side::To), ["g"]);
        let mut groups = vec![edge("g", "old")];
        recent.overlay_edges(
            EdgeKind::Member,
            Side::To,
            "old",
            false,
            &mut groups,
            seconds(1),
        );
        assert_eq!(ids(&groups, Side::To), [] as [&str; 0]);
        let mut members = vec![edge("g", "old")];
        let side = Side::From;
        let hidden =
            recent.overlay_edges(EdgeKind::Member, side, "g", false, &mut members, seconds(1));
        assert_eq!(hidden[0].pending, Some(Pending::Removed));
        assert_eq!(members[0].pending, Some(Pending::Added));
        assert_eq!(
            (ids(&hidden, side), ids(&members, side)),
            (vec!["old".into()], vec!["new".into()])
        );
        // Graph agreed, and time has passed: what it says now was done by somebody else.
        let mut members = vec![edge("g", "new"), edge("g", "other")];
        recent.overlay_edges(
            EdgeKind::Member,
            Side::From,
            "g",
            false,
            &mut members,
            seconds(20),
        );
        let mut members = vec![edge("g", "other")];
        recent.overlay_edges(
            EdgeKind::Member,
            Side::From,
            "g",
            false,
            &mut members,
            seconds(40),
        );
        assert_eq!(ids(&members, Side::From), ["other"]);
    }

    #[test]
    fn the_memory_is_bounded() {
        let recent = Recent::default();
        for i in 0..(CAPACITY + 10) {
            let at = seconds(i64::try_from(i).unwrap() / 100);
            recent.deleted("User", &i.to_string(), at);
            recent.edge_added(
                Edge::new(EdgeKind::Member, End::of("g"), End::of(i.to_string())),
                at,
            );
        }
        recent.with(|inner| {
            assert!(inner.objects.len() <= CAPACITY);
            assert!(inner.edge_count <= CAPACITY);
        });
    }
}
