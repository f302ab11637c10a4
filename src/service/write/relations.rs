//! What the writes share about relations: planning, and telling why Graph refused.

use serde_json::{Value, json};

use super::super::{Context, Error, fetch::protocol};
use crate::{
    graph,
    odata::request::Request,
    resources::{GraphCall, Relation, Tolerates, is_object_id, relation::element_object_id},
    scim::{
        error::{Error as ScimError, Kind},
        patch::Step,
        schema::Mutability,
    },
    translation::{RelationRow, WriteTarget},
};

/// Graph takes at most so many ids in `getByIds`.
const GET_BY_IDS_LIMIT: usize = 1000;

/// The declared relation of a mapped row.
///
/// # Errors
/// `mutability` when it is read-only.
pub(super) fn declared(
    cx: &Context<'_>,
    row: &RelationRow,
) -> Result<&'static dyn Relation, Error> {
    let relation =
        cx.room.kind.relation(&row.relation).ok_or_else(|| {
            protocol("a rule names a relation that the resource type does not have")
        })?;
    if row.attribute.mutability == Mutability::ReadOnly {
        return Err(ScimError::mutability(format!("'{}' is read-only", row.path)).into());
    }
    Ok(relation)
}

/// Finds out what the added ids are, for relations whose calls differ for users and groups.
pub(super) async fn with_kinds(
    cx: &Context<'_>,
    relation: &dyn Relation,
    mut steps: Vec<Step>,
) -> Result<Vec<Step>, Error> {
    if !relation.needs_kinds() {
        return Ok(steps);
    }
    let mut unknown: Vec<String> = Vec::new();
    for step in &steps {
        if let Step::Add(elements) | Step::Replace(elements) = step {
            for element in elements
                .iter()
                .filter(|e| e.get("type").is_none_or(Value::is_null))
            {
                unknown.push(element_object_id(element, relation.name())?.to_ascii_lowercase());
            }
        }
    }
    unknown.sort_unstable();
    unknown.dedup();
    let mut kinds = std::collections::HashMap::new();
    for ids in unknown.chunks(GET_BY_IDS_LIMIT) {
        let body = json!({ "ids": ids, "types": ["user", "group"] });
        let request = Request::post("/directoryObjects/getByIds", body);
        let reply = cx.tenant.graph.send(&cx.call, &request).await?;
        for item in reply
            .body
            .get("value")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(edge) = crate::resources::Edge::from_directory_object(item) {
                kinds.insert(
                    edge.value.to_ascii_lowercase(),
                    edge.kind.unwrap_or_default(),
                );
            }
        }
    }
    for step in &mut steps {
        if let Step::Add(elements) | Step::Replace(elements) = step {
            for element in elements.iter_mut() {
                let value = element["value"]
                    .as_str()
                    .unwrap_or_default()
                    .to_ascii_lowercase();
                if let Some(kind) = kinds.get(&value) {
                    element["type"] = kind.clone().into();
                }
            }
        }
    }
    Ok(steps)
}

/// What to tell the caller about a call that failed: a 404 about the object itself is a 404, one
/// about another object that the call names is a bad value; a refusal of a change that cannot be
/// made is explained.
pub(super) async fn failure(
    cx: &Context<'_>,
    id: &str,
    call: &GraphCall,
    error: graph::Error,
) -> Error {
    let status = error.status();
    let message = error.message().unwrap_or_default().to_owned();
    if status == Some(404) {
        let about_itself = message.contains(id);
        if about_itself {
            return super::about(cx, id, error);
        }
        return Error {
            scim: ScimError::invalid_value(format!("{}: {message}", call.what)),
            ..Error::from(error)
        };
    }
    if matches!(status, Some(400 | 403)) && call.tolerates != Tolerates::Nothing {
        if let Some(reason) = known_reason(cx, id, &call.what).await {
            return Error {
                scim: reason,
                ..Error::from(error)
            };
        }
        if message.contains("does not exist") || message.contains("don't exist") {
            return Error {
                scim: ScimError::invalid_value(format!("{}: {message}", call.what)),
                ..Error::from(error)
            };
        }
    }
    let mut error = Error::from(error);
    error.scim.detail = format!("{}: {}", call.what, error.scim.detail);
    error
}

/// Reads what the guards look at, only now that Graph has refused.
async fn known_reason(cx: &Context<'_>, id: &str, what: &str) -> Option<ScimError> {
    let special = cx.room.kind.special;
    let properties = special.guard_properties();
    if properties.is_empty() || !is_object_id(id) {
        return None;
    }
    let request = Request::get(cx.room.kind.object_path(id)).select(properties);
    let entity = cx.tenant.graph.send(&cx.call, &request).await.ok()?.body;
    let relation = what.split(':').next().unwrap_or_default();
    special.guard_relation(&entity, relation).err()
}

/// Whether the object is there: asked when every removal found nothing, which is also what Graph
/// says of an object that does not exist.
pub(super) async fn exists(cx: &Context<'_>, id: &str) -> Result<(), Error> {
    if !is_object_id(id) {
        return Err(super::super::fetch::not_found(cx, id).into());
    }
    let request = Request::get(cx.room.kind.object_path(id)).select(["id"]);
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(_) => Ok(()),
        Err(error) => Err(super::about(cx, id, error)),
    }
}

/// The error for a write of which a part was done: says which.
pub(super) fn partly(mut error: Error, done: &[String]) -> Error {
    if !done.is_empty() {
        if error.scim.kind == Kind::NotFound {
            error.scim.kind = Kind::Conflict;
        }
        let told = format!("; done before that: {}", done.join(", "));
        error.scim.detail.push_str(&told);
    }
    error
}

/// The path that a part of a write goes to.
pub(super) fn target_path(target: &WriteTarget, object: &str) -> String {
    match target {
        WriteTarget::Object | WriteTarget::Alone => object.to_owned(),
        WriteTarget::Side(side) => format!("{object}/{}", side.path),
    }
}
