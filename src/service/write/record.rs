//! What was written goes into the memory of recent writes, so that every read shows it.

use serde_json::{Map, Value};

use super::{
    super::{Context, replica::own::OwnWrite},
    execute::Report,
};
use crate::resources::{Edge, Relation, Side, relation::Change};

/// A relation's change that was carried out.
pub(super) struct Changed {
    pub(super) relation: &'static dyn Relation,
    pub(super) change: Change,
}

/// Remembers changed properties of an object, and the names that they may have changed.
pub(super) fn properties(cx: &Context, id: &str, before: &Value, written: &Map<String, Value>) {
    if written.is_empty() {
        return;
    }
    let now = cx.app.clock.now();
    let plain = without_password(before, written);
    cx.made.note(OwnWrite::Changed {
        kind: cx.kind().name,
        id: id.to_owned(),
        before: before.clone(),
        written: plain.clone(),
    });
    cx.tenant
        .recent
        .objects
        .changed(cx.kind().name, id, before, &plain, now);
    cx.tenant.names.forget(cx.kind().collection);
}

/// What was written, without the password that may be in it: what stands beside it is remembered.
fn without_password(before: &Value, written: &Map<String, Value>) -> Map<String, Value> {
    let mut plain = written.clone();
    let Some(Value::Object(mut given)) = plain.remove("passwordProfile") else {
        return plain;
    };
    given.remove("password");
    if !given.is_empty() {
        let held = before.get("passwordProfile").and_then(Value::as_object);
        let mut profile = held.cloned().unwrap_or_default();
        profile.extend(given);
        plain.insert("passwordProfile".into(), Value::Object(profile));
    }
    plain
}

/// Remembers changed edges. Those that Graph has ids for take them from its answers.
pub(super) fn edges(cx: &Context, changes: Vec<Changed>, report: &Report) {
    let now = cx.app.clock.now();
    for Changed { relation, change } in changes {
        let (kind, side) = relation.edge();
        for edge in &change.remove {
            cx.tenant.recent.edges.removed(edge, now);
            cx.made
                .note(OwnWrite::Removed(typed(cx, side, edge.clone())));
        }
        for mut edge in change.add {
            let mut done = report.done.iter();
            edge.id = done.find_map(|done| {
                let is_ours = done.call.purpose.relation == Some(relation.name());
                is_ours
                    .then(|| relation.made_id(&edge, &done.call.request, &done.reply.body))
                    .flatten()
            });
            edge.asked = None;
            if kind == crate::resources::EdgeKind::Licence {
                let sku = edge.to.id.clone();
                edge.to.display = crate::resources::skus::friendly_name(&sku).map(str::to_owned);
            }
            cx.tenant.recent.edges.added(edge.clone(), now);
            cx.made.note(OwnWrite::Added(typed(cx, side, edge)));
        }
    }
}

/// The edge with the type of its near end, which is the object that is written to.
pub(super) fn typed(cx: &Context, side: Side, mut edge: Edge) -> Edge {
    let near = match side {
        Side::From => &mut edge.from,
        Side::To => &mut edge.to,
    };
    if cx.kind().odata_type.is_some() {
        near.kind = Some(cx.kind().name);
    }
    edge
}
