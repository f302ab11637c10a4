//! What the writes share about relations: planning, and telling why Graph refused.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    super::{
        Context, Error,
        read::live::object::{self, protocol},
    },
    early::{directory_objects, is_early},
    record::Changed,
};
use crate::{
    graph::{self, Refusal},
    odata::request::Request,
    resources::{
        Edge, GraphCall, Purpose, Relation, Side, change,
        edge::End,
        is_object_id,
        plan::some_of,
        relation::{Calls, Subject},
    },
    scim::{
        error::{Error as ScimError, Kind},
        patch::Step,
        schema::Mutability,
    },
    translation::{RelationRow, WriteTarget},
};

/// Graph takes at most so many ids in `getByIds`.
const GET_BY_IDS_LIMIT: usize = 1000;
/// With more elements, the pure work on them leaves the async workers.
const MANY: usize = 1000;

/// The declared relation of a mapped row.
///
/// # Errors
/// `mutability` when it is read-only.
pub(super) fn declared(cx: &Context, row: &RelationRow) -> Result<&'static dyn Relation, Error> {
    let relation = cx
        .kind()
        .relation(&row.relation)
        .ok_or_else(|| protocol("a rule names a relation that the resource type does not have"))?;
    if row.attribute.mutability == Mutability::ReadOnly {
        return Err(ScimError::mutability(format!("'{}' is read-only", row.path)).into());
    }
    Ok(relation)
}

/// Plans what the steps do to one relation of the object.
///
/// # Errors
/// `invalidValue` and `mutability`, before anything is done.
pub(super) async fn plan(
    cx: &Context,
    relation: &'static dyn Relation,
    subject: &Subject<'_>,
    steps: Vec<Step>,
    current: Option<Vec<Edge>>,
) -> Result<(Calls, Changed), Error> {
    let size = steps.iter().map(size).sum::<usize>() + current.as_ref().map_or(0, Vec::len);
    let near = subject.id.to_owned();
    let net = move || change::net(relation, &near, &steps, current.as_deref());
    let mut change = super::super::offload(cx, size > MANY, net).await??;
    if relation.needs_kinds() {
        learn_kinds(cx, relation, &mut change.add).await?;
    }
    let calls = relation.plan(subject, &change)?;
    Ok((calls, Changed { relation, change }))
}

fn size(step: &Step) -> usize {
    match step {
        Step::Add(elements) | Step::Replace(elements) => elements.len(),
        Step::Remove(values) => values.len(),
        Step::RemoveAll => 0,
    }
}

/// Refuses what Graph's quota of writes does not let be finished before the deadline: begun, it
/// would have to be taken back, with writes that are not left either.
///
/// # Errors
/// 413 when it can never be done in one request; 503 when it can be, later.
pub(super) fn affordable(cx: &Context, calls: usize) -> Result<(), Error> {
    let left = cx
        .call
        .deadline
        .saturating_duration_since(tokio::time::Instant::now());
    let (now, at_best) = cx.tenant.graph.time_for_writes(calls);
    if now <= left {
        return Ok(());
    }
    let text = format!(
        "this takes {calls} calls of Microsoft Graph, which its quota does not allow in the time of one request"
    );
    if at_best > cx.app.settings.deadline {
        let text = format!("{text}: send it in parts; nothing was changed");
        return Err(ScimError::new(Kind::TooLarge, text).into());
    }
    Err(Error {
        retry_after: Some(now.saturating_sub(left)),
        ..Error::from(ScimError::new(
            Kind::Unavailable,
            format!("{text} just now; nothing was changed"),
        ))
    })
}

/// Finds out what the added ends are, for relations whose calls differ for users and groups.
async fn learn_kinds(
    cx: &Context,
    relation: &dyn Relation,
    edges: &mut [Edge],
) -> Result<(), Error> {
    let side = relation.edge().1;
    let mut ids: Vec<String> = edges
        .iter()
        .map(|edge| edge.far(side))
        .filter(|far| far.kind.is_none())
        .map(|far| far.id.to_ascii_lowercase())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known: HashMap<String, End> = HashMap::new();
    for ids in ids.chunks(GET_BY_IDS_LIMIT) {
        let body = json!({ "ids": ids, "types": ["user", "group"] });
        let request = Request::post("/directoryObjects/getByIds", body);
        let reply = cx.tenant.graph.send(&cx.call, &request).await?;
        let Some(items) = reply.body.get("value").and_then(Value::as_array) else {
            return Err(protocol("Graph answered with something that is no list"));
        };
        let ends = items.iter().filter_map(End::of_directory_object);
        known.extend(ends.map(|end| (end.id.to_ascii_lowercase(), end)));
    }
    for edge in edges {
        let far = match side {
            Side::From => &mut edge.to,
            Side::To => &mut edge.from,
        };
        if let Some(end) = known.get(&far.id.to_ascii_lowercase()) {
            far.kind = end.kind;
        }
    }
    Ok(())
}

/// What to tell the caller about a call that failed: a 404 about the object itself is a 404, one
/// about another object that the call names is a bad value; a refusal of a change that cannot be
/// made is explained.
pub(super) async fn failure(
    cx: &Context,
    id: &str,
    call: &GraphCall,
    error: graph::Error,
) -> Error {
    let purpose = &call.purpose;
    if is_early(cx, call, &error).await {
        return Error {
            scim: ScimError::new(
                Kind::Unavailable,
                format!("{purpose}: what was just created is still being replicated"),
            ),
            retry_after: Some(std::time::Duration::from_secs(5)),
            ..Error::from(error)
        };
    }
    match error.refusal() {
        Some(Refusal::Absent) if purpose.relation.is_none() => super::about(cx, id, error),
        Some(Refusal::Absent | Refusal::MissingReference) => {
            if let Err(gone) = exists(cx, id).await {
                return gone;
            }
            let unknown = unknown_of(cx, &purpose.ids).await;
            let named = unknown.as_deref().unwrap_or(&purpose.ids);
            let text = format!(
                "'{}' names no object that exists: {}",
                purpose.relation.unwrap_or_default(),
                some_of(named)
            );
            Error {
                scim: ScimError::invalid_value(text),
                ..Error::from(error)
            }
        }
        _ => {
            if matches!(error.status(), Some(400 | 403))
                && let Some(reason) = known_reason(cx, id, purpose).await
            {
                return Error {
                    scim: reason,
                    ..Error::from(error)
                };
            }
            if error.status() == Some(403) && is_restricted(cx, id).await {
                let text = "only administrators of its administrative unit may change it: this \
                            server's application needs a directory role in that unit";
                return Error {
                    scim: ScimError::forbidden(text),
                    ..Error::from(error)
                };
            }
            let mut error = Error::from(error);
            error.scim.detail = format!("{purpose}: {}", error.scim.detail);
            error
        }
    }
}

/// Those of the ids that the directory does not have; `None` when it cannot be told.
async fn unknown_of(cx: &Context, ids: &[String]) -> Option<Vec<String>> {
    if ids.len() < 2 || !ids.iter().all(|id| is_object_id(id)) {
        return None;
    }
    let known = directory_objects(cx, ids).await?;
    let unknown: Vec<String> = ids
        .iter()
        .filter(|id| !known.contains(&id.to_ascii_lowercase()))
        .cloned()
        .collect();
    (!unknown.is_empty()).then_some(unknown)
}

/// Reads what the guards look at, only now that Graph has refused.
async fn known_reason(cx: &Context, id: &str, purpose: &Purpose) -> Option<ScimError> {
    let special = cx.kind().special;
    let properties = special.guard_properties();
    let relation = purpose.relation?;
    if properties.is_empty() || !is_object_id(id) {
        return None;
    }
    let request = Request::get(cx.kind().object_path(id)).select(properties);
    let entity = cx.tenant.graph.send(&cx.call, &request).await.ok()?.body;
    special.guard_relation(&entity, relation).err()
}

/// Whether the object is in an administrative unit with restricted management.
async fn is_restricted(cx: &Context, id: &str) -> bool {
    if cx.kind().odata_type.is_none() || !is_object_id(id) {
        return false;
    }
    let name = "isManagementRestricted";
    let request = Request::get(cx.kind().object_path(id)).select([name]);
    let reply = cx.tenant.graph.send(&cx.call, &request).await;
    reply.is_ok_and(|reply| reply.body.get(name) == Some(&Value::Bool(true)))
}

/// Whether the object is there: asked when every removal found nothing, which is also what Graph
/// says of an object that does not exist.
pub(super) async fn exists(cx: &Context, id: &str) -> Result<(), Error> {
    if !is_object_id(id) {
        return Err(object::not_found(cx, id).into());
    }
    if cx.kind().key != crate::resources::Key::Path {
        return Ok(());
    }
    let request = Request::get(cx.kind().object_path(id)).select([cx.kind().id_property]);
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(_) => Ok(()),
        Err(error) => match super::about(cx, id, error) {
            error if error.scim.kind == Kind::NotFound => Err(error),
            // Made here moments ago, or cannot be told: it is not the object that is missing.
            error if error.scim.kind == Kind::Unavailable => Ok(()),
            error => Err(error),
        },
    }
}

/// The path that a part of a write goes to.
pub(super) fn target_path(target: &WriteTarget, object: &str) -> String {
    match target {
        WriteTarget::Object | WriteTarget::Alone => object.to_owned(),
        WriteTarget::Side(side) => format!("{object}/{}", side.path),
    }
}
