//! `PUT /Type/{id}`

use std::sync::Arc;

use serde_json::Value;

use super::{
    super::{Context, Error, read, rights, tokens::Access},
    Effect,
    change::{Goal, change},
    check_version,
    create::normalized,
    is_replicated,
};
use crate::{
    scim::{attr::AttrPath, patch::Step, projection::Projection, resource, schema::Mutability},
    translation::RelationRow,
};

/// Replaces the resource. Attributes that are left out are cleared (those that Graph cannot clear
/// stay as they are); a relation that is left out stays as it is, one that is given is replaced,
/// `[]` empties it. RFC 7644 §3.5.1 leaves both to the server.
///
/// # Errors
/// As for create; 412 when `If-Match` does not fit.
pub(super) async fn replace(
    cx: &Context,
    id: &str,
    body: &Arc<Value>,
    if_match: Option<&str>,
    projection: &Projection,
) -> Result<Effect, Error> {
    rights::check(cx, false)?;
    let mapping = cx.mapping();
    let input = normalized(cx, body).await?;
    let projection = &projection.after_writing(&input.paths(cx.schema()), cx.schema());
    let (mut after, cleared) = (input.document, input.cleared);
    resource::require(&after, cx.schema())?;
    // What may be read may be sent back unchanged; what may not be must not be guessed at.
    for row in cx.unreadable() {
        if cleared.contains(&row.path) || resource::get(&after, &row.path).is_some() {
            cx.require(Access::Write, row)?;
        }
    }
    let given: Vec<usize> = cx
        .mapped
        .related()
        .enumerate()
        .filter(|(_, related)| {
            let path = &related.row.path;
            cleared.contains(path) || resource::get(&after, path).is_some()
        })
        .map(|(i, _)| i)
        .collect();
    let only = is_replicated(cx).await?.then_some(given);
    let before = read::before(cx, id, only, &[]).await?;
    check_version(cx, id, &before.document(cx), if_match).await?;
    let mut steps: Vec<(&RelationRow, Vec<Step>)> = Vec::new();
    for related in cx
        .mapped
        .related()
        .filter(|r| r.row.attribute.mutability != Mutability::ReadOnly)
    {
        let given = mapping.take_relation(&mut after, related.row);
        let emptied = cleared.contains(&related.row.path);
        match given {
            Some(elements) => steps.push((related.row, vec![Step::Replace(elements)])),
            None if emptied => steps.push((related.row, vec![Step::Replace(Vec::new())])),
            None => {}
        }
    }
    let cleared: Vec<AttrPath> = cleared
        .into_iter()
        .filter(|p| mapping.relations().iter().all(|r| r.path != *p))
        .collect();
    resource::keep_immutable(&before.attributes, &mut after, cx.schema())?;
    let goal = Goal {
        after,
        cleared,
        replaces: true,
        named: cx
            .mapping()
            .rows()
            .iter()
            .flat_map(|row| row.properties().map(str::to_owned))
            .collect(),
        steps,
        answer: Some(projection),
    };
    change(cx, before, goal).await
}
