//! Members that are there already are told apart before Graph is asked to add them: it refuses twenty
//! together because of one of them, and then each has to be asked about. The replica knows who they
//! are; a list of Graph's makes sure, because somebody may have taken them out since.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{Context, Error, role_groups},
    is_replicated,
};
use crate::{
    resources::{Edge, EdgeKind, Relation, Side},
    scim::patch::Step,
    store::replica::relation_name,
};

/// With fewer, asking costs more than adding them again.
const FEW: usize = 2;

/// The edges among those that the steps add which are there by Graph's word; `None` when that is
/// not worth asking. Steps that remove are not planned against them.
pub(super) async fn already(
    cx: &Context,
    id: &str,
    relation: &'static dyn Relation,
    steps: &[Step],
) -> Result<Option<Vec<Edge>>, Error> {
    let (kind, side) = relation.edge();
    if side != Side::From || !matches!(kind, EdgeKind::Member | EdgeKind::Owner) {
        return Ok(None);
    }
    let mut named: Vec<String> = Vec::new();
    for step in steps {
        let Step::Add(elements) = step else {
            return Ok(None);
        };
        let values = elements
            .iter()
            .filter_map(|element| element.get("value")?.as_str());
        named.extend(values.map(str::to_ascii_lowercase));
    }
    if named.len() < FEW || cx.hides_role_groups() && cx.tenant.role_groups.has(id) {
        return Ok(None);
    }
    if !is_replicated(cx).await? {
        return Ok(None);
    }
    let tenant = &cx.tenant.name;
    let store = &cx.app.store;
    let known = store
        .related_to(tenant, relation_name(kind), id, &named)
        .await?;
    if known.len() < FEW {
        return Ok(None);
    }
    let known: HashSet<String> = known.into_iter().collect();
    let mut there = Vec::new();
    for request in relation.lists(id) {
        let items: Vec<Value> = cx
            .tenant
            .graph
            .collect(&cx.call, &request, usize::MAX)
            .await?;
        there.extend(relation.edges(id, &Value::Null, &[items]));
    }
    let now = cx.app.clock.now();
    let recent = &cx.tenant.recent.edges;
    // Removed here, and still shown: it has to be added.
    recent.overlay(kind, side, id, false, &mut there, now);
    role_groups::conceal(cx, &mut there);
    there.retain(|edge| known.contains(&edge.far(side).id.to_ascii_lowercase()));
    Ok(Some(there))
}
