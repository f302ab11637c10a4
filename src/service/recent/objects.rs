//! Objects that were created, changed or deleted here.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::{AGREED, CAPACITY, CHANGE, oldest_tenth};

/// How long a create or delete is remembered.
const FATE: Duration = Duration::minutes(20);
/// How long an object that Graph has shown once is still thought to be there when it does not show
/// it again: replicas differ.
const SETTLE: Duration = Duration::seconds(30);
/// How long a deletion made here is believed against Graph without further proof.
const FRESH: Duration = Duration::minutes(1);
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

/// A resource type's name and an id in lower case.
type ObjectKey = (&'static str, String);

/// The memory of recent writes to objects of one tenant.
#[derive(Default)]
pub struct RecentObjects {
    objects: Mutex<HashMap<ObjectKey, Object>>,
}

fn key(kind: &'static str, id: &str) -> ObjectKey {
    (kind, id.to_ascii_lowercase())
}

impl RecentObjects {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<ObjectKey, Object>) -> T) -> T {
        act(&mut self.objects.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers an object that was made here, as Graph answered it and as it was sent.
    pub fn created(&self, kind: &'static str, id: &str, entity: Value, now: OffsetDateTime) {
        self.with(|objects| {
            make_space(objects, now);
            let object = Object {
                fate: Fate::Created {
                    entity,
                    seen: false,
                },
                at: now,
                properties: HashMap::new(),
            };
            objects.insert(key(kind, id), object);
        });
    }

    /// Remembers that an object was deleted here.
    pub fn deleted(&self, kind: &'static str, id: &str, now: OffsetDateTime) {
        self.with(|objects| {
            make_space(objects, now);
            let object = Object {
                fate: Fate::Deleted { seen_gone: false },
                at: now,
                properties: HashMap::new(),
            };
            objects.insert(key(kind, id), object);
        });
    }

    /// Remembers an object that was made by another instance.
    pub fn imported(&self, kind: &'static str, id: &str, entity: Value, now: OffsetDateTime) {
        let known = self.with(|objects| objects.contains_key(&key(kind, id)));
        if !known {
            self.created(kind, id, entity, now);
        }
    }

    /// Remembers that an object was deleted by another instance.
    pub fn deleted_earlier(&self, kind: &'static str, id: &str, now: OffsetDateTime) {
        let known = self.with(|objects| {
            let object = objects.get(&key(kind, id));
            object.is_some_and(|object| matches!(object.fate, Fate::Deleted { .. }))
        });
        if !known {
            self.deleted(kind, id, now);
        }
    }

    /// Remembers what a property is and what it was, as another instance wrote it.
    pub fn superseded(
        &self,
        kind: &'static str,
        id: &str,
        name: &str,
        old: &[Value],
        new: &Value,
        now: OffsetDateTime,
    ) {
        self.with(|objects| {
            make_space(objects, now);
            let object = objects.entry(key(kind, id)).or_insert(Object {
                fate: Fate::Changed,
                at: now,
                properties: HashMap::new(),
            });
            for value in old {
                object.write(name, value.clone(), new.clone(), now);
            }
        });
    }

    /// Notes that Graph knows of a deletion made here.
    pub fn seen_gone(&self, kind: &'static str, id: &str) {
        self.with(|objects| {
            if let Some(object) = objects.get_mut(&key(kind, id))
                && let Fate::Deleted { seen_gone } = &mut object.fate
            {
                *seen_gone = true;
            }
        });
    }

    /// Forgets what was done to an object: somebody restored it.
    pub fn forget(&self, kind: &'static str, id: &str) {
        self.with(|objects| objects.remove(&key(kind, id)));
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
        self.with(|objects| {
            make_space(objects, now);
            let object = objects.entry(key(kind, id)).or_insert(Object {
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

    /// Whether an object, of whatever type, was created here moments ago: Graph may not know it
    /// yet, to read, to change or to refer to.
    pub fn is_new(&self, id: &str, now: OffsetDateTime) -> bool {
        let id = id.to_ascii_lowercase();
        self.with(|objects| {
            crate::resources::ALL.iter().any(|kind| {
                let object = objects.get(&(kind.name, id.clone()));
                object.is_some_and(|object| {
                    matches!(object.fate, Fate::Created { .. }) && now - object.at < CHANGE
                })
            })
        })
    }

    /// What to think of an object that Graph shows.
    pub fn present(&self, kind: &'static str, id: &str, now: OffsetDateTime) -> Presence {
        self.with(
            |objects| match live(objects, kind, id, now).map(|o| (&o.fate, o.at)) {
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
        self.with(|objects| {
            let Some(object) = live(objects, kind, id, now) else {
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
        self.with(|objects| {
            let mut altered = Vec::new();
            let Some(object) = objects.get_mut(&key(kind, id)) else {
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

    /// The objects of a type that were created or changed here.
    pub fn touched(&self, kind: &'static str, now: OffsetDateTime) -> Vec<(String, Touched)> {
        self.with(|objects| {
            let mut touched = Vec::new();
            for ((_, id), object) in objects.iter().filter(|((k, _), _)| *k == kind) {
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

/// The memory of an object that is not too old to count.
fn live<'a>(
    objects: &'a HashMap<ObjectKey, Object>,
    kind: &'static str,
    id: &str,
    now: OffsetDateTime,
) -> Option<&'a Object> {
    let object = objects.get(&key(kind, id))?;
    (now - object.at < FATE).then_some(object)
}

/// Keeps the memory within its bounds.
fn make_space(objects: &mut HashMap<ObjectKey, Object>, now: OffsetDateTime) {
    if objects.len() >= CAPACITY {
        let cut = oldest_tenth(objects.values().map(|o| o.at)).unwrap_or(now);
        objects.retain(|_, o| o.at > cut && now - o.at < FATE);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn seconds(n: i64) -> OffsetDateTime {
        START + Duration::seconds(n)
    }

    #[test]
    fn a_created_object_is_shown_until_graph_has_had_its_time() {
        let recent = RecentObjects::default();
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
        let recent = RecentObjects::default();
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
        let recent = RecentObjects::default();
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
    fn the_memory_is_bounded() {
        let recent = RecentObjects::default();
        for i in 0..(CAPACITY + 10) {
            let at = seconds(i64::try_from(i).unwrap() / 100);
            recent.deleted("User", &i.to_string(), at);
        }
        recent.with(|objects| assert!(objects.len() <= CAPACITY));
    }
}
