//! Lists by a relation (`members.value eq "…"`): asked from the other end of the relation.

use serde_json::Value;

use super::{
    super::{
        super::{Context, Error, role_groups},
        Wanted,
    },
    object,
};
use crate::{
    graph,
    graph::{BatchItem, Refusal},
    odata::request::Request,
    resources::{Candidates, Relation},
    scim::error::{Error as ScimError, Kind},
    translation::RelationFilter,
};

/// The objects whose relation holds the value.
///
/// # Errors
/// `invalidFilter` when Graph has no way to ask for it; only Graph's own word that there is no
/// such object makes the list empty.
pub(super) async fn related(
    cx: &Context,
    wanted: &Wanted,
    relation: &RelationFilter,
) -> Result<Vec<Value>, Error> {
    let declared = cx.kind().relation(&relation.relation).ok_or_else(|| {
        ScimError::invalid_filter(format!("'{}' cannot be filtered on", relation.relation))
    })?;
    if !crate::resources::is_object_id(&relation.value) {
        return Ok(Vec::new());
    }
    role_groups::prepare(cx, std::iter::once(declared.edge().0)).await?;
    let mut entities = holders(cx, wanted, relation, declared).await?;
    role_groups::conceal_matches(cx, declared.edge(), &relation.value, &mut entities);
    Ok(entities)
}

async fn holders(
    cx: &Context,
    wanted: &Wanted,
    relation: &RelationFilter,
    declared: &dyn Relation,
) -> Result<Vec<Value>, Error> {
    let limit = cx.app.settings.scan_limit;
    match declared.candidates(&relation.value) {
        None => Err(ScimError::invalid_filter(format!(
            "'{}' cannot be filtered on: Graph has no way to ask for it",
            relation.relation
        ))
        .into()),
        Some(Candidates::Objects(alternatives)) => {
            for request in alternatives {
                let request = object::shape(cx, request, wanted, true);
                match cx.tenant.graph.collect(&cx.call, &request, limit).await {
                    Ok(all) => return Ok(all),
                    Err(error) if error.refusal() == Some(Refusal::Absent) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(Vec::new())
        }
        Some(Candidates::Ids(requests, property)) => {
            let mut ids: Vec<String> = Vec::new();
            for request in requests {
                let listed = match listed(cx, &request, limit).await {
                    Ok(listed) => listed,
                    Err(error) if error.refusal() == Some(Refusal::Absent) => continue,
                    Err(error) => return Err(error.into()),
                };
                let found = listed
                    .iter()
                    .filter_map(|item| item.get(property).and_then(Value::as_str));
                ids.extend(found.map(str::to_owned));
            }
            ids.sort_unstable();
            ids.dedup();
            by_ids(cx, &ids, wanted).await
        }
    }
}

/// A whole list; empty where the tenant has no licence for what it lists.
async fn listed(cx: &Context, request: &Request, limit: usize) -> Result<Vec<Value>, graph::Error> {
    let licence = &cx.tenant.licence;
    let now = cx.app.clock.now();
    if licence.is_missing_for(request, now) {
        return Ok(Vec::new());
    }
    let list = cx.tenant.graph.collect(&cx.call, request, limit).await;
    licence.judge(request, list, now)
}

/// Reads objects of which the ids were just listed, each of them.
///
/// # Errors
/// 503 when one is gone meanwhile.
pub(super) async fn all_by_ids(
    cx: &Context,
    ids: &[String],
    wanted: &Wanted,
) -> Result<Vec<Value>, Error> {
    let entities = by_ids(cx, ids, wanted).await?;
    if entities.len() == ids.len() {
        return Ok(entities);
    }
    Err(Error {
        retry_after: Some(std::time::Duration::from_secs(1)),
        ..Error::from(ScimError::new(
            Kind::Unavailable,
            "the list has changed while it was read",
        ))
    })
}

/// Reads objects one by one, in batches. What is no object of this type (a service principal
/// among the holders of a role) is no match.
async fn by_ids(cx: &Context, ids: &[String], wanted: &Wanted) -> Result<Vec<Value>, Error> {
    let item = |id: &String| {
        let request = Request::get(cx.kind().object_path(id));
        BatchItem::new(object::shape(cx, request, wanted, false))
    };
    let replies = cx
        .tenant
        .graph
        .batch(&cx.call, ids.iter().map(item).collect())
        .await?;
    let mut entities = Vec::with_capacity(ids.len());
    for reply in replies {
        match reply {
            Ok(reply) => entities.push(reply.body),
            Err(error) if error.refusal() == Some(Refusal::Absent) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(entities)
}
