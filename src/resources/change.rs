//! From what a client asks of a relation to the net change: what to add, what to remove. Linear in
//! the number of elements and edges.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    edge::{Edge, EdgeKey, End, Side},
    relation::{Change, Relation},
};
use crate::scim::{error::Error, patch::Step};

/// Whether the steps can be carried out only against the current edges.
pub fn needs_current(relation: &dyn Relation, steps: &[Step]) -> bool {
    relation.needs_current()
        || steps
            .iter()
            .any(|s| matches!(s, Step::RemoveAll | Step::Replace(_)))
}

/// The net change that `steps` make to the relation of the object `near`, in order.
///
/// Without `current` (see [`needs_current`]) additions and removals are taken as they come; Graph
/// answers "already there" and "not there", which count as done.
///
/// # Errors
/// `invalidValue` for an element that names nothing; `mutability` when an edge is named for
/// removal that a client cannot remove (an inherited licence). "Replace" and "remove all" leave
/// such edges alone.
pub fn net(
    relation: &dyn Relation,
    near: &str,
    steps: &[Step],
    current: Option<&[Edge]>,
) -> Result<Change, Error> {
    let mut state = State::new(relation, near, current);
    for step in steps {
        match step {
            Step::Add(elements) => {
                for element in elements {
                    state.add(element, false)?;
                }
            }
            Step::Remove(values) => {
                for value in values {
                    state.remove(value)?;
                }
            }
            Step::RemoveAll => state.clear(),
            Step::Replace(elements) => {
                state.clear();
                for element in elements {
                    state.add(element, true)?;
                }
            }
        }
    }
    Ok(state.into_change())
}

/// The relation while the steps are taken.
struct State<'a> {
    relation: &'a dyn Relation,
    near: &'a str,
    side: Side,
    current: Option<&'a [Edge]>,
    kept: Vec<bool>,
    by_key: HashMap<EdgeKey, usize>,
    by_far: HashMap<String, Vec<usize>>,
    added: Vec<Option<Edge>>,
    added_at: HashMap<EdgeKey, usize>,
    added_far: HashMap<String, Vec<usize>>,
    /// For each addition, the edge that it changes.
    changes: HashMap<EdgeKey, usize>,
    /// Removals of what was not read, in the order named.
    unseen: Vec<Option<String>>,
    unseen_at: HashMap<String, usize>,
}

impl<'a> State<'a> {
    fn new(relation: &'a dyn Relation, near: &'a str, current: Option<&'a [Edge]>) -> Self {
        let side = relation.edge().1;
        let edges = current.unwrap_or_default();
        let mut by_key = HashMap::with_capacity(edges.len());
        let mut by_far: HashMap<String, Vec<usize>> = HashMap::with_capacity(edges.len());
        for (i, edge) in edges.iter().enumerate() {
            let key = edge.key(side);
            by_far.entry(key.far.clone()).or_default().push(i);
            by_key.insert(key, i);
        }
        Self {
            relation,
            near,
            side,
            current,
            kept: vec![true; edges.len()],
            by_key,
            by_far,
            added: Vec::new(),
            added_at: HashMap::new(),
            added_far: HashMap::new(),
            changes: HashMap::new(),
            unseen: Vec::new(),
            unseen_at: HashMap::new(),
        }
    }

    fn add(&mut self, element: &Value, whole: bool) -> Result<(), Error> {
        let named = self.relation.named(self.near, element)?;
        let key = named.key(self.side);
        if let Some(at) = self.unseen_at.remove(&key.far) {
            self.unseen[at] = None;
        }
        if let Some(&i) = self.by_key.get(&key) {
            // Added again with other properties replaces them.
            self.kept[i] = true;
            let edges = self.current.unwrap_or_default();
            let sure = edges[i].pending.is_none();
            if sure && self.relation.unchanged(&edges[i], &named, whole) {
                return Ok(());
            }
            self.changes.insert(key.clone(), i);
        }
        if let Some(&at) = self.added_at.get(&key) {
            self.added[at] = Some(named);
            return Ok(());
        }
        let at = self.added.len();
        self.added_far.entry(key.far.clone()).or_default().push(at);
        self.added_at.insert(key, at);
        self.added.push(Some(named));
        Ok(())
    }

    fn remove(&mut self, value: &str) -> Result<(), Error> {
        let far = self.relation.far_id(value);
        let mut found = self.take_added(&far);
        let mut refused = None;
        let edges = self.current.unwrap_or_default();
        for &i in self.by_far.get(&far).into_iter().flatten() {
            match self.relation.check_removal(&edges[i]) {
                Ok(()) => {
                    self.kept[i] = false;
                    found = true;
                }
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if !found => return Err(error),
            _ => {}
        }
        if self.current.is_none() && !self.unseen_at.contains_key(&far) {
            self.unseen_at.insert(far.clone(), self.unseen.len());
            self.unseen.push(Some(far));
        }
        Ok(())
    }

    fn take_added(&mut self, far: &str) -> bool {
        let Some(places) = self.added_far.remove(far) else {
            return false;
        };
        for at in places {
            if let Some(edge) = self.added[at].take() {
                self.added_at.remove(&edge.key(self.side));
            }
        }
        true
    }

    fn clear(&mut self) {
        self.added.clear();
        self.added_at.clear();
        self.added_far.clear();
        for (edge, kept) in self.current.unwrap_or_default().iter().zip(&mut self.kept) {
            if self.relation.is_own(edge) {
                *kept = false;
            }
        }
    }

    fn into_change(self) -> Change {
        let kind = self.relation.edge().0;
        let edges = self.current.unwrap_or_default();
        let removed = edges
            .iter()
            .zip(&self.kept)
            .filter(|(_, kept)| !**kept)
            .map(|(edge, _)| edge.clone());
        let unseen = self
            .unseen
            .into_iter()
            .flatten()
            .map(|far| Edge::seen(kind, self.side, self.near, End::of(far)));
        let add: Vec<Edge> = self.added.into_iter().flatten().collect();
        let replaced = add
            .iter()
            .filter_map(|edge| self.changes.get(&edge.key(self.side)))
            .map(|&i| edges[i].clone())
            .collect();
        Change {
            add,
            replaced,
            remove: removed.chain(unseen).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::{
        edge::EdgeKind,
        entitlements::Entitlements,
        references::{MEMBERS, References},
    };

    const S1: &str = "00000000-0000-0000-0000-0000000000s1";
    const S2: &str = "00000000-0000-0000-0000-0000000000s2";
    const MEMBERS_OF: &References = &MEMBERS;

    fn edges(values: &[&str]) -> Vec<Edge> {
        values
            .iter()
            .map(|v| Edge::seen(EdgeKind::Member, Side::From, "g", End::of(id(v))))
            .collect()
    }

    /// An object id that ends in the letter.
    fn id(letter: &str) -> String {
        let code = letter
            .to_ascii_lowercase()
            .bytes()
            .fold(0_u32, |n, b| n * 256 + u32::from(b));
        format!("00000000-0000-0000-0000-{code:012x}")
    }

    fn letter(id: &str) -> String {
        let code = u32::from_str_radix(&id[24..], 16).unwrap();
        code.to_be_bytes()
            .iter()
            .filter(|b| **b != 0)
            .map(|b| char::from(*b))
            .collect()
    }

    fn show(change: &Change) -> String {
        let list = |edges: &[Edge]| {
            let letters: Vec<String> = edges.iter().map(|e| letter(&e.to.id)).collect();
            letters.join(",")
        };
        format!("+{} -{}", list(&change.add), list(&change.remove))
    }

    fn elements(values: &[&str]) -> Vec<Value> {
        values.iter().map(|v| json!({"value": id(v)})).collect()
    }

    #[test]
    fn net_changes() {
        let remove = |v: &[&str]| Step::Remove(v.iter().map(|s| id(s)).collect());
        let current = edges(&["a", "b", "c"]);
        for (steps, known, expected) in [
            (vec![Step::Add(elements(&["b", "x", "x"]))], true, "+x -"),
            (vec![Step::Replace(elements(&["b", "x"]))], true, "+x -a,c"),
            (vec![Step::Replace(vec![])], true, "+ -a,b,c"),
            (vec![Step::RemoveAll], true, "+ -a,b,c"),
            (vec![remove(&["b", "none"])], true, "+ -b"),
            (
                vec![remove(&["b"]), Step::Add(elements(&["B"]))],
                true,
                "+ -",
            ),
            (
                vec![Step::Add(elements(&["x"])), remove(&["x"])],
                true,
                "+ -",
            ),
            (
                vec![Step::Add(elements(&["x", "x"])), remove(&["a"])],
                false,
                "+x -a",
            ),
            (
                vec![remove(&["a"]), Step::Add(elements(&["a"]))],
                false,
                "+a -",
            ),
        ] {
            let current = known.then_some(current.as_slice());
            assert_eq!(
                show(&net(MEMBERS_OF, "g", &steps, current).unwrap()),
                expected,
                "{steps:?}"
            );
        }
    }

    #[test]
    fn an_inherited_licence_is_neither_removed_nor_lost() {
        let licences = Entitlements {
            collection: "/users",
        };
        let entity = json!({"licenseAssignmentStates": [
            {"skuId": S1, "assignedByGroup": "g", "state": "Active"},
            {"skuId": S2, "assignedByGroup": null, "state": "Active"},
        ]});
        let current = licences.edges("u", &entity, &[]);
        let replaced = net(&licences, "u", &[Step::Replace(vec![])], Some(&current)).unwrap();
        let removed: Vec<&str> = replaced.remove.iter().map(|e| e.to.id.as_str()).collect();
        assert_eq!((replaced.add.len(), removed), (0, vec![S2]));
        let error = net(
            &licences,
            "u",
            &[Step::Remove(vec![S1.into()])],
            Some(&current),
        )
        .unwrap_err();
        assert!(error.detail.contains("inherited from group g"), "{error}");
    }

    #[test]
    fn other_disabled_plans_are_a_change() {
        let licences = Entitlements {
            collection: "/users",
        };
        let sku = "06ebc4ee-1bb5-47dd-8120-11324bc54e06";
        let entity = json!({"licenseAssignmentStates": [
            {"skuId": sku, "assignedByGroup": null, "disabledPlans": ["p1"]}]});
        let current = licences.edges("u", &entity, &[]);
        for (element, expected) in [
            (json!({"value": sku}), 0),
            (json!({"value": sku, "disabledPlans": ["P1"]}), 0),
            (json!({"value": sku, "disabledPlans": ["p2"]}), 1),
            (json!({"value": sku, "disabledPlans": []}), 1),
        ] {
            let change = net(
                &licences,
                "u",
                &[Step::Add(vec![element.clone()])],
                Some(&current),
            )
            .unwrap();
            assert_eq!(
                (change.add.len(), change.remove.len()),
                (expected, 0),
                "{element}"
            );
        }
    }
}
