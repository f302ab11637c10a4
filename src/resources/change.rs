//! From what a client asks of a relation to the net change: what to add, what to remove.

use serde_json::Value;

use super::{
    edge::Edge,
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

/// The net change that `steps` make, in order.
///
/// Without `current` (see [`needs_current`]) additions and removals are taken as they come; Graph
/// answers "already there" and "not there", which count as done.
///
/// # Errors
/// `mutability` when an edge is named for removal that a client cannot remove (an inherited
/// licence). "Replace" and "remove all" leave such edges alone.
pub fn net(
    relation: &dyn Relation,
    steps: &[Step],
    current: Option<&[Edge]>,
) -> Result<Change, Error> {
    let edges = current.unwrap_or_default();
    let mut state = State {
        relation,
        edges,
        kept: vec![true; edges.len()],
        added: Vec::new(),
    };
    let mut unseen: Vec<String> = Vec::new();
    for step in steps {
        match step {
            Step::Add(elements) => {
                for element in elements {
                    let value = value_of(element);
                    unseen.retain(|v| !v.eq_ignore_ascii_case(value));
                    state.add(element, false);
                }
            }
            Step::Remove(values) => {
                for value in values {
                    if !state.remove(value)? && current.is_none() {
                        unseen.push(value.clone());
                    }
                }
            }
            Step::RemoveAll => state.clear(),
            Step::Replace(elements) => {
                state.clear();
                for element in elements {
                    state.add(element, true);
                }
            }
        }
    }
    let removed = edges
        .iter()
        .zip(&state.kept)
        .filter(|(_, kept)| !**kept)
        .map(|(e, _)| e.clone());
    let unseen = unseen.into_iter().map(|value| Edge {
        value,
        ..Edge::default()
    });
    let mut remove: Vec<Edge> = removed.chain(unseen).collect();
    remove.dedup_by(|a, b| a == b);
    Ok(Change {
        add: state.added,
        remove,
    })
}

struct State<'a> {
    relation: &'a dyn Relation,
    edges: &'a [Edge],
    kept: Vec<bool>,
    added: Vec<Value>,
}

fn value_of(element: &Value) -> &str {
    element
        .get("value")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn same_element(a: &Value, b: &Value) -> bool {
    value_of(a).eq_ignore_ascii_case(value_of(b)) && a.get("scope") == b.get("scope")
}

impl State<'_> {
    fn add(&mut self, element: &Value, whole: bool) {
        let there = self
            .edges
            .iter()
            .position(|e| self.relation.same(e, element));
        if let Some(i) = there
            && self.relation.unchanged(&self.edges[i], element, whole)
        {
            self.kept[i] = true;
            return;
        }
        if let Some(i) = there {
            self.kept[i] = true; // added again with other properties, which replaces them
        }
        match self.added.iter_mut().find(|a| same_element(a, element)) {
            Some(earlier) => *earlier = element.clone(),
            None => self.added.push(element.clone()),
        }
    }

    /// Whether anything was there to remove.
    fn remove(&mut self, value: &str) -> Result<bool, Error> {
        let before = self.added.len();
        self.added
            .retain(|a| !value_of(a).eq_ignore_ascii_case(value));
        let mut found = self.added.len() < before;
        let mut refused = None;
        for (edge, kept) in self.edges.iter().zip(&mut self.kept) {
            if !edge.value.eq_ignore_ascii_case(value) {
                continue;
            }
            match self.relation.check_removal(edge) {
                Ok(()) => {
                    *kept = false;
                    found = true;
                }
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if !found => Err(error),
            _ => Ok(found),
        }
    }

    fn clear(&mut self) {
        self.added.clear();
        for (edge, kept) in self.edges.iter().zip(&mut self.kept) {
            if self.relation.is_own(edge) {
                *kept = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::{licences::Entitlements, references::References};

    const MEMBERS: References = References {
        name: "members",
        description: "",
        binds_on_patch: true,
        inverse: "memberOf",
        inverse_of: &[],
    };

    fn edges(values: &[&str]) -> Vec<Edge> {
        values
            .iter()
            .map(|v| Edge {
                value: (*v).into(),
                ..Edge::default()
            })
            .collect()
    }

    fn show(change: &Change) -> String {
        let add: Vec<&str> = change.add.iter().map(value_of).collect();
        let remove: Vec<&str> = change.remove.iter().map(|e| e.value.as_str()).collect();
        format!("+{} -{}", add.join(","), remove.join(","))
    }

    fn elements(values: &[&str]) -> Vec<Value> {
        values.iter().map(|v| json!({"value": v})).collect()
    }

    #[test]
    fn net_changes() {
        let remove = |v: &[&str]| Step::Remove(v.iter().map(|s| (*s).to_owned()).collect());
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
                show(&net(&MEMBERS, &steps, current).unwrap()),
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
            {"skuId": "s1", "assignedByGroup": "g", "state": "Active"},
            {"skuId": "s2", "assignedByGroup": null, "state": "Active"},
        ]});
        let current = licences.edges("u", &entity, &[]);
        let replaced = net(&licences, &[Step::Replace(vec![])], Some(&current)).unwrap();
        assert_eq!(show(&replaced), "+ -s2");
        let error = net(
            &licences,
            &[Step::Remove(vec!["s1".into()])],
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
