//! What no list of Graph's gives, and the replica therefore does not hold: properties that only a read
//! of one object has, and what lives beside it. It is read for the objects of an answer alone.

use super::super::super::{Context, Error, replica::compute};
use crate::{
    graph::{BatchItem, Refusal, Reply},
    odata::request::Request,
    scim::projection::Projection,
    store::replica::ObjectRow,
};

/// Whether an answer needs any of it.
pub(super) fn is_wanted(cx: &Context, projection: &Projection) -> bool {
    let mapping = cx.mapping();
    !mapping.per_object_select(projection).is_empty()
        || !mapping.side_resources(projection).is_empty()
}

/// Adds it to the entities of objects, as far as an answer needs it. An object that Graph does not
/// show yet, or that has no mailbox, is left without.
///
/// # Errors
/// When Graph cannot be asked: nothing is left out silently.
pub(super) async fn add(
    cx: &Context,
    mut rows: Vec<ObjectRow>,
    projection: &Projection,
) -> Result<Vec<ObjectRow>, Error> {
    let properties = cx.mapping().per_object_select(projection);
    let sides = cx.mapping().side_resources(projection);
    if rows.is_empty() || properties.is_empty() && sides.is_empty() {
        return Ok(rows);
    }
    let mut items = Vec::new();
    for row in &rows {
        let object = cx.kind().object_path(&row.id);
        if !properties.is_empty() {
            items.push(Request::get(object.clone()).select(&properties));
        }
        for side in &sides {
            items.push(Request::get(format!("{object}/{}", side.path)));
        }
    }
    let items = items.into_iter().map(BatchItem::new).collect();
    let mut replies = cx.tenant.graph.batch(&cx.call, items).await?.into_iter();
    let mut next = || -> Result<Option<Reply>, Error> {
        match replies.next() {
            Some(Ok(reply)) => Ok(Some(reply)),
            Some(Err(error)) => match error.refusal() {
                Some(Refusal::Absent | Refusal::NoMailbox) => Ok(None),
                _ => Err(error.into()),
            },
            None => Ok(None),
        }
    };
    for row in &mut rows {
        let mut entity = compute::parse(row);
        let Some(known) = entity.as_object_mut() else {
            continue;
        };
        if !properties.is_empty()
            && let Some(reply) = next()?
            && let serde_json::Value::Object(more) = reply.body
        {
            known.extend(more.into_iter().filter(|(name, _)| !name.starts_with('@')));
        }
        for side in &sides {
            if let Some(reply) = next()? {
                known.insert(side.property.clone(), reply.body);
            }
        }
        row.entity = entity.to_string();
    }
    Ok(rows)
}
