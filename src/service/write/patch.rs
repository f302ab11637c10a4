//! `PATCH /Type/{id}`

use std::sync::Arc;

use serde_json::Value;

use super::{
    super::{
        Context, Error, offload,
        read::{self, Related, live::object},
        rights, role_groups,
        tokens::Access,
    },
    Effect, MANY, Written,
    change::{Goal, change, finish},
    check_version,
    execute::execute,
    is_replicated, known, record, relations, values,
};
use crate::{
    resources::{
        PatchAnswer, change as net, is_object_id,
        relation::{Calls, Subject},
    },
    scim::{
        attr::AttrPath,
        patch::{self, Operation, RelationDelta, Step},
        projection::Projection,
        schema::Mutability,
    },
    translation::RelationRow,
};

/// Applies the operations. A change of members alone never loads the group.
///
/// # Errors
/// The protocol's errors before anything is done; nothing is applied when one operation fails.
pub(super) async fn patch(
    cx: &Context,
    id: &str,
    body: &Arc<Value>,
    if_match: Option<&str>,
    projection: Option<&Projection>,
) -> Result<Effect, Error> {
    let operations = parse(cx, body).await?;
    for row in cx.mapping().relations() {
        if patch::touches(&operations, &row.path) {
            cx.require(Access::Write, row)?;
        }
    }
    let touched: Vec<usize> = (0..cx.mapped.related().count())
        .filter(|&i| {
            cx.mapped
                .relation(i)
                .is_some_and(|r| patch::touches(&operations, &r.row.path))
        })
        .collect();
    let related: Vec<Related<'_>> = touched
        .iter()
        .filter_map(|&i| cx.mapped.relation(i))
        .collect();
    rights::check(cx, only_membership(&operations, &related))?;
    let wants_answer = projection.is_some() || cx.kind().patch_answer == PatchAnswer::Resource;
    if !wants_answer
        && if_match.is_none()
        && let Some(steps) = blind(&operations, &related)
    {
        return relations_only(cx, id, steps).await;
    }
    let replicated = is_replicated(cx).await?;
    let narrow = replicated || !wants_answer && if_match.is_none();
    let only = narrow.then(|| touched.clone());
    // A version is of all that there is; without one, what is not touched is only shown.
    let at_hand: Vec<usize> = match if_match {
        Some(_) => Vec::new(),
        None => (0..cx.mapped.related().count())
            .filter(|i| !touched.contains(i))
            .collect(),
    };
    let before = read::before(cx, id, only, &at_hand).await?;
    let document = before.document(cx);
    check_version(cx, id, &document, if_match).await?;
    let (mut after, dropped) = {
        let (operations, mapped) = (Arc::clone(&operations), Arc::clone(&cx.mapped));
        let options = cx.app.settings.patch;
        let many = values(body) > MANY || before.loaded.edges.iter().any(|e| e.len() > MANY);
        offload(cx, many, move || {
            let mut after = patch::apply(&document, &operations, mapped.schema(), &options)?;
            let dropped = mapped.mapping.drop_strays(&mut after);
            Ok::<_, crate::scim::error::Error>((after, dropped))
        })
        .await??
    };
    cx.ignored.note(dropped);
    let mut steps: Vec<(&RelationRow, Vec<Step>)> = Vec::new();
    for (i, related) in cx.mapped.related().enumerate() {
        let elements = cx
            .mapping()
            .take_relation(&mut after, related.row)
            .unwrap_or_default();
        if touched.contains(&i) {
            let delta = if related.relation.is_single() {
                None
            } else {
                patch::relation_delta(&operations, &related.row.path).map(RelationDelta::into_steps)
            };
            steps.push((
                related.row,
                delta.unwrap_or_else(|| vec![Step::Replace(elements)]),
            ));
        }
    }
    let all = Projection::all();
    let written: Vec<AttrPath> = operations.iter().map(|o| o.target.whole_path()).collect();
    let shown = projection
        .unwrap_or(&all)
        .after_writing(&written, cx.schema());
    let goal = Goal {
        after,
        cleared: Vec::new(),
        replaces: false,
        named: named(cx, &operations),
        steps,
        answer: wants_answer.then_some(&shown),
    };
    change(cx, before, goal).await
}

/// The Graph properties that the operations are about.
fn named(cx: &Context, operations: &[Operation]) -> Vec<String> {
    let about = |path: AttrPath| {
        operations.iter().any(|o| {
            let target = &o.target.path;
            target.urn == path.urn && (target.attr == path.attr || target.attr.is_empty())
        })
    };
    cx.mapping()
        .rows()
        .iter()
        .filter(|row| about(row.place().attr()))
        .flat_map(|row| row.properties().map(str::to_owned))
        .collect()
}

async fn parse(cx: &Context, body: &Arc<Value>) -> Result<Arc<Vec<Operation>>, Error> {
    let options = cx.app.settings.patch;
    let many = values(body) > MANY;
    let (body, mapped) = (Arc::clone(body), Arc::clone(&cx.mapped));
    let parse = move || patch::parse(&body, mapped.schema(), &options);
    let message = offload(cx, many, parse).await??;
    cx.ignored.note(message.ignored);
    Ok(Arc::new(message.operations))
}

/// Whether the operations concern members and owners alone.
fn only_membership(operations: &[Operation], touched: &[Related<'_>]) -> bool {
    operations.iter().all(|o| {
        let path = &o.target.path;
        touched.iter().any(|r| {
            matches!(r.relation.name(), "members" | "owners")
                && r.row.path.attr == path.attr
                && r.row.path.urn == path.urn
        })
    })
}

/// The relation steps, when the operations concern relations alone and each can be carried out
/// without knowing the present edges.
fn blind<'a>(
    operations: &[Operation],
    touched: &[Related<'a>],
) -> Option<Vec<(Related<'a>, Vec<Step>)>> {
    let only_relations = operations.iter().all(|o| {
        touched
            .iter()
            .any(|r| r.row.path.attr == o.target.path.attr && r.row.path.urn == o.target.path.urn)
    });
    if !only_relations || touched.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    for related in touched {
        if related.row.attribute.mutability == Mutability::ReadOnly {
            return None;
        }
        let steps = patch::relation_delta(operations, &related.row.path)?.into_steps();
        if net::needs_current(related.relation, &steps) {
            return None;
        }
        all.push((*related, steps));
    }
    Some(all)
}

async fn relations_only(
    cx: &Context,
    id: &str,
    steps: Vec<(Related<'_>, Vec<Step>)>,
) -> Result<Effect, Error> {
    if !is_object_id(id) {
        return Err(object::not_found(cx, id).into());
    }
    let (mut adds, mut removes, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for (related, steps) in steps {
        let subject = Subject {
            id,
            entity: None,
            now: cx.app.clock.now(),
            graph_url: &cx.tenant.graph_url,
        };
        let there = known::already(cx, id, related.relation, &steps).await?;
        let (calls, changed) =
            relations::plan(cx, related.relation, &subject, steps, there).await?;
        let Calls {
            adds: new,
            removes: old,
        } = calls;
        adds.extend(new);
        removes.extend(old);
        changes.push(changed);
        role_groups::guard(cx, id, None, related.relation).await?;
    }
    let phases = vec![adds, removes];
    if cx.dry_run {
        return Ok(Effect::plan(phases.into_iter().flatten().collect()));
    }
    relations::affordable(cx, phases.iter().map(Vec::len).sum())?;
    let report = finish(cx, id, execute(cx, phases).await).await?;
    let certain = !report.done.is_empty()
        || report
            .already
            .iter()
            .any(|(_, error)| error.status() != Some(404));
    if !certain {
        relations::exists(cx, id).await?;
    }
    record::edges(cx, changes, &report);
    Ok(Effect::of(Written::Done))
}
