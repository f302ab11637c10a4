//! Edges of objects as the replica holds them: direct ones, and the groups that users are in through
//! nesting.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::super::{
    Context, Error,
    replica::rows::{near, to_edge},
    role_groups,
};
use crate::{
    resources::{Edge, EdgeKind, Held, Relation, Side, edge::End},
    store::replica::{Near, relation_name},
};

/// The edges of one relation, by the object's id.
pub(super) type ById = HashMap<String, Vec<Edge>>;

/// Groups nest no deeper than this.
const DEEPEST: usize = 64;

/// The edges of a relation of those objects.
pub(super) async fn edges(
    cx: &Context,
    relation: &dyn Relation,
    ids: &[String],
) -> Result<ById, Error> {
    let (kind, side) = relation.edge();
    let (store, tenant) = (&cx.app.store, &cx.tenant.name);
    let rows = store
        .edges(tenant, relation_name(kind), near(side), ids)
        .await?;
    let mut by_id: ById = HashMap::new();
    for row in rows {
        let id = match side {
            Side::From => row.from.clone(),
            Side::To => row.to.clone(),
        };
        by_id.entry(id).or_default().push(to_edge(&row, kind, side));
    }
    if (kind, side) == (EdgeKind::Member, Side::To) {
        add_nested(cx, ids, &mut by_id).await?;
    }
    if (kind, side) == (EdgeKind::Licence, Side::To) {
        for edges in by_id.values_mut() {
            only_holders(edges);
        }
    }
    if cx.hides_role_groups() && matches!(kind, EdgeKind::Member | EdgeKind::Owner) {
        role_groups::prepare(cx, std::iter::once(kind)).await?;
        for edges in by_id.values_mut() {
            role_groups::conceal(cx, edges);
        }
    }
    Ok(by_id)
}

/// Who has a licence in error alone does not hold it: the error is told at the user.
fn only_holders(edges: &mut Vec<Edge>) {
    let holding: HashSet<String> = edges
        .iter()
        .filter(|edge| edge.state.as_deref() != Some("Error"))
        .map(|edge| edge.from.id.clone())
        .collect();
    edges.retain(|edge| holding.contains(&edge.from.id));
}

/// Adds the groups that are above the direct ones.
async fn add_nested(cx: &Context, ids: &[String], by_id: &mut ById) -> Result<(), Error> {
    let direct: BTreeSet<String> = by_id
        .values()
        .flatten()
        .map(|edge| edge.from.id.clone())
        .collect();
    let parents = closure(cx, Near::To, direct).await?;
    if parents.is_empty() {
        return Ok(());
    }
    let mut above: HashMap<String, Vec<String>> = HashMap::new();
    for id in ids {
        let Some(edges) = by_id.get(id) else { continue };
        let own: HashSet<&str> = edges.iter().map(|edge| edge.from.id.as_str()).collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut next: Vec<String> = own.iter().map(|id| (*id).to_owned()).collect();
        while let Some(group) = next.pop() {
            for parent in parents.get(&group).into_iter().flatten() {
                if !own.contains(parent.as_str()) && seen.insert(parent.clone()) {
                    next.push(parent.clone());
                }
            }
        }
        above.insert(id.clone(), seen.into_iter().collect());
    }
    let all: BTreeSet<String> = above.values().flatten().cloned().collect();
    let all: Vec<String> = all.into_iter().collect();
    let names = cx
        .app
        .store
        .object_names(&cx.tenant.name, "Group", &all)
        .await?;
    let names: HashMap<String, Option<String>> = names.into_iter().collect();
    for (id, groups) in above {
        let edges = groups.into_iter().map(|group| {
            let end = End {
                display: names.get(&group).cloned().flatten(),
                id: group,
                kind: Some("Group"),
            };
            Edge {
                held: Held::Inherited,
                ..Edge::seen(EdgeKind::Member, Side::To, &id, end)
            }
        });
        let edges: Vec<Edge> = edges.collect();
        by_id.entry(id).or_default().extend(edges);
    }
    Ok(())
}

/// For each group that is reached by nesting, in one direction, the groups next to it.
async fn closure(
    cx: &Context,
    direction: Near,
    start: BTreeSet<String>,
) -> Result<HashMap<String, Vec<String>>, Error> {
    let mut next: Vec<String> = start.iter().cloned().collect();
    let mut seen = start;
    let mut steps: HashMap<String, Vec<String>> = HashMap::new();
    for _ in 0..DEEPEST {
        if next.is_empty() {
            break;
        }
        let pairs = cx
            .app
            .store
            .nested(&cx.tenant.name, "Group", direction, &next)
            .await?;
        next.clear();
        for (parent, child) in pairs {
            let (at, far) = match direction {
                Near::To => (child, parent),
                Near::From => (parent, child),
            };
            if seen.insert(far.clone()) {
                next.push(far.clone());
            }
            steps.entry(at).or_default().push(far);
        }
    }
    Ok(steps)
}

/// The group and all groups that are in it, however deep.
pub(super) async fn with_nested(cx: &Context, group: &str) -> Result<Vec<String>, Error> {
    let start: BTreeSet<String> = std::iter::once(group.to_owned()).collect();
    let steps = closure(cx, Near::From, start.clone()).await?;
    let mut all = start;
    all.extend(steps.into_values().flatten());
    Ok(all.into_iter().collect())
}
