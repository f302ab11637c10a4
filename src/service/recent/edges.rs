//! Edges that were added or removed here, seen from both of their ends.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use time::OffsetDateTime;

use super::{AGREED, CAPACITY, CHANGE, oldest_tenth};
use crate::resources::{
    Edge, EdgeKind, Side,
    edge::{EdgeKey, Pending},
};

/// An edge that was added (`Some`) or removed.
struct Mark {
    added: Option<Edge>,
    at: OffsetDateTime,
    agreed: bool,
}

/// Where a mark stands.
struct Place {
    /// Where its edge starts.
    from: String,
    /// Its key from there.
    key: EdgeKey,
    /// Its key as the object that is asked about sees it.
    seen: EdgeKey,
}

/// An edge's kind and one of its ends.
type EdgeEnd = (EdgeKind, String);

#[derive(Default)]
struct Marks {
    /// By where they start.
    edges: HashMap<EdgeEnd, HashMap<EdgeKey, Mark>>,
    /// Where those start that lead to an object.
    starts: HashMap<EdgeEnd, HashSet<String>>,
    count: usize,
}

/// The memory of recent changes of edges of one tenant.
#[derive(Default)]
pub struct RecentEdges {
    marks: Mutex<Marks>,
}

impl RecentEdges {
    fn with<T>(&self, act: impl FnOnce(&mut Marks) -> T) -> T {
        act(&mut self.marks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers an edge that was added here.
    pub fn added(&self, edge: Edge, now: OffsetDateTime) {
        self.mark(&edge.clone(), Some(edge), now);
    }

    /// Remembers an edge that was removed here.
    pub fn removed(&self, edge: &Edge, now: OffsetDateTime) {
        self.mark(edge, None, now);
    }

    fn mark(&self, edge: &Edge, added: Option<Edge>, now: OffsetDateTime) {
        self.with(|marks| {
            marks.make_space(now);
            let (from, to) = (
                edge.from.id.to_ascii_lowercase(),
                edge.to.id.to_ascii_lowercase(),
            );
            let mark = Mark {
                added,
                at: now,
                agreed: false,
            };
            let of = marks.edges.entry((edge.kind, from.clone())).or_default();
            if of.insert(edge.key(Side::From), mark).is_none() {
                marks.count += 1;
            }
            marks
                .starts
                .entry((edge.kind, to))
                .or_default()
                .insert(from);
        });
    }

    /// Lays added and removed edges over the list that Graph gave of the object `near`; returns
    /// those that it shows and that were removed here.
    pub fn overlay(
        &self,
        kind: EdgeKind,
        side: Side,
        near: &str,
        single: bool,
        edges: &mut Vec<Edge>,
        now: OffsetDateTime,
    ) -> Vec<Edge> {
        self.with(|marks| {
            let places = marks.of(kind, side, &near.to_ascii_lowercase(), now);
            if places.is_empty() {
                return Vec::new();
            }
            let mut there: HashMap<EdgeKey, usize> = HashMap::with_capacity(edges.len());
            for (i, edge) in edges.iter().enumerate() {
                there.insert(edge.key(side), i);
            }
            let mut gone: HashSet<usize> = HashSet::new();
            let mut missing: Vec<Edge> = Vec::new();
            for place in places {
                let of = marks.edges.get_mut(&(kind, place.from));
                let Some(mark) = of.and_then(|of| of.get_mut(&place.key)) else {
                    continue;
                };
                let at = there.get(&place.seen);
                let otherwise =
                    |edge: &Edge| at.is_some_and(|&i| edge.is_held_otherwise(&edges[i]));
                let otherwise = mark.added.as_ref().is_some_and(otherwise);
                mark.agreed |= mark.added.is_some() == at.is_some() && !otherwise;
                match (&mark.added, at) {
                    (Some(edge), None) => missing.push(Edge {
                        pending: Some(Pending::Added),
                        ..edge.clone()
                    }),
                    (Some(edge), Some(&i)) if otherwise => {
                        edges[i] = Edge {
                            pending: Some(Pending::Added),
                            from: edges[i].from.clone(),
                            to: edges[i].to.clone(),
                            start: edge.start.clone().or_else(|| edges[i].start.clone()),
                            ..edge.clone()
                        };
                    }
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
}

impl Marks {
    /// The remembered edges of the object `near`.
    fn of(&mut self, kind: EdgeKind, side: Side, near: &str, now: OffsetDateTime) -> Vec<Place> {
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
            self.count -= before - of.len();
            for key in of.keys() {
                if side == Side::To && key.far != near {
                    continue;
                }
                let mut seen = key.clone();
                if side == Side::To {
                    seen.far.clone_from(&from);
                }
                marks.push(Place {
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
        if self.count < CAPACITY && self.starts.len() < CAPACITY {
            return;
        }
        if self.count >= CAPACITY {
            let all = self.edges.values().flat_map(HashMap::values);
            let cut = oldest_tenth(all.map(|m| m.at)).unwrap_or(now);
            for of in self.edges.values_mut() {
                of.retain(|_, m| m.at > cut && now - m.at < CHANGE);
            }
        }
        for of in self.edges.values_mut() {
            of.retain(|_, m| now - m.at < CHANGE);
        }
        self.edges.retain(|_, of| !of.is_empty());
        self.count = self.edges.values().map(HashMap::len).sum();
        let mut live: HashSet<(EdgeKind, &str, &str)> = HashSet::with_capacity(self.count);
        for ((kind, from), of) in &self.edges {
            live.extend(
                of.keys()
                    .map(|key| (*kind, from.as_str(), key.far.as_str())),
            );
        }
        self.starts.retain(|(kind, to), starts| {
            starts.retain(|from| live.contains(&(*kind, from.as_str(), to.as_str())));
            !starts.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::resources::edge::End;

    fn seconds(n: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(n)
    }

    #[test]
    fn edges_are_overlaid_from_both_ends() {
        let recent = RecentEdges::default();
        let edge = |from: &str, to: &str| Edge::new(EdgeKind::Member, End::of(from), End::of(to));
        recent.added(edge("g", "new"), seconds(0));
        recent.removed(&edge("g", "old"), seconds(0));
        let ids = |edges: &[Edge], side| -> Vec<String> {
            edges.iter().map(|e| e.far(side).id.clone()).collect()
        };
        let mut members = vec![edge("g", "old"), edge("g", "other")];
        recent.overlay(
            EdgeKind::Member,
            Side::From,
            "G",
            false,
            &mut members,
            seconds(1),
        );
        assert_eq!(ids(&members, Side::From), ["other", "new"]);
        let mut groups = Vec::new();
        recent.overlay(
            EdgeKind::Member,
            Side::To,
            "new",
            false,
            &mut groups,
            seconds(1),
        );
        assert_eq!(ids(&groups, Side::To), ["g"]);
        let mut groups = vec![edge("g", "old")];
        recent.overlay(
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
        let hidden = recent.overlay(EdgeKind::Member, side, "g", false, &mut members, seconds(1));
        assert_eq!(hidden[0].pending, Some(Pending::Removed));
        assert_eq!(members[0].pending, Some(Pending::Added));
        assert_eq!(
            (ids(&hidden, side), ids(&members, side)),
            (vec!["old".into()], vec!["new".into()])
        );
        // Graph agreed, and time has passed: what it says now was done by somebody else.
        let mut members = vec![edge("g", "new"), edge("g", "other")];
        recent.overlay(
            EdgeKind::Member,
            Side::From,
            "g",
            false,
            &mut members,
            seconds(20),
        );
        let mut members = vec![edge("g", "other")];
        recent.overlay(
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
        let recent = RecentEdges::default();
        for i in 0..(CAPACITY + 10) {
            let at = seconds(i64::try_from(i).unwrap() / 1_000);
            let (from, to) = (End::of(format!("g{}", i % 7)), End::of(i.to_string()));
            recent.added(Edge::new(EdgeKind::Member, from, to), at);
        }
        recent.with(|marks| {
            assert!(marks.count <= CAPACITY);
            assert!(marks.starts.len() <= CAPACITY);
        });
        // What has lapsed leaves nothing behind.
        recent.added(
            Edge::new(EdgeKind::Member, End::of("g"), End::of("u")),
            seconds(10_000),
        );
        recent.with(|marks| marks.make_space(seconds(20_000)));
        recent.with(|marks| assert!(marks.starts.len() <= CAPACITY));
    }
}
