//! `PATCH /Type/{id}`

use serde_json::Value;

use super::{
    super::{
        Context, Error, Related, Written,
        execute::{Outcome, execute},
        rights,
    },
    check_version, offered, relations,
    update::{Before, change_object},
};
use crate::{
    resources::{PatchAnswer, change, is_object_id, relation::Target},
    scim::{
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
pub async fn patch(
    cx: &Context<'_>,
    id: &str,
    body: &Value,
    if_match: Option<&str>,
    projection: Option<&Projection>,
) -> Result<Written, Error> {
    offered(cx, cx.room.kind.operations.patch, "patched")?;
    let operations = patch::parse(body, cx.room.schema(), &cx.app.settings.patch)?;
    let touched: Vec<Related<'_>> = cx
        .room
        .relations()
        .filter(|r| patch::touches(&operations, &r.row.path))
        .collect();
    rights::check(cx, only_membership(&operations, &touched))?;
    let wants_answer = projection.is_some() || cx.room.kind.patch_answer == PatchAnswer::Resource;
    if !wants_answer
        && if_match.is_none()
        && let Some(steps) = blind(&operations, &touched)
    {
        return relations_only(cx, id, steps).await;
    }
    let all = Projection::all();
    let related = (!wants_answer && if_match.is_none()).then(|| touched.clone());
    let before = Before::read(cx, id, &all, related).await?;
    let document = before.document(cx);
    check_version(&document, if_match)?;
    let mut after = patch::apply(
        &document,
        &operations,
        cx.room.schema(),
        &cx.app.settings.patch,
    )?;
    let mut steps: Vec<(&RelationRow, Vec<Step>)> = Vec::new();
    for related in cx.room.relations() {
        let elements = cx
            .room
            .mapping
            .take_relation(&mut after, related.row)
            .unwrap_or_default();
        if touched.iter().any(|t| t.row.path == related.row.path) {
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
    let shown = projection.unwrap_or(&all);
    change_object(
        cx,
        before,
        after,
        &[],
        false,
        steps,
        wants_answer.then_some(shown),
    )
    .await
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
        if change::needs_current(related.relation, &steps) {
            return None;
        }
        all.push((*related, steps));
    }
    Some(all)
}

async fn relations_only(
    cx: &Context<'_>,
    id: &str,
    steps: Vec<(Related<'_>, Vec<Step>)>,
) -> Result<Written, Error> {
    if !is_object_id(id) {
        return Err(super::super::fetch::not_found(cx, id).into());
    }
    let mut calls = Vec::new();
    for (related, steps) in steps {
        let change = change::net(related.relation, &steps, None)?;
        let target = Target {
            id,
            entity: None,
            graph_url: &cx.tenant.graph_url,
        };
        calls.extend(related.relation.plan(&target, &change)?);
    }
    if cx.dry_run {
        return Ok(Written::Plan(calls));
    }
    if calls.is_empty() {
        relations::exists(cx, id).await?;
        return Ok(Written::Done);
    }
    let mut done: Vec<String> = Vec::new();
    let mut failed = None;
    let mut certain = false;
    for (call, outcome) in calls.iter().zip(execute(cx, &calls).await?) {
        match outcome {
            Outcome::Failed(error) if failed.is_none() => failed = Some((call, error)),
            Outcome::Failed(_) => {}
            Outcome::AlreadySo(error) => certain |= error.status() != Some(404),
            Outcome::Done => {
                certain = true;
                done.push(call.what.clone());
            }
        }
    }
    if let Some((call, error)) = failed {
        let error = relations::failure(cx, id, call, error).await;
        return Err(relations::partly(error, &done));
    }
    if !certain {
        relations::exists(cx, id).await?;
    }
    Ok(Written::Done)
}
