//! Answers out of the replica's rows: copies where nothing is projected, else documents.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use serde_json::Value;

use super::{
    super::{
        super::{
            Context, Error, MappedType,
            memory::Room,
            offload,
            replica::{
                body,
                cache::Stamp,
                compute,
                rows::near,
                shape::{Kept, kept},
            },
        },
        Related,
    },
    beyond,
    list::Found,
    related::{self, ById},
};
use crate::{
    resources::{EdgeKind, Relation, Side},
    scim::{Document, projection::Projection},
    store::replica::{ObjectRow, Shown, relation_name},
    translation::{Shape, document::Known},
};

/// With more objects, making their documents leaves the async workers.
const MANY: usize = 16;
/// What an edge takes while a text is made of it, about.
const BYTES_PER_EDGE: usize = 512;

/// Whether the finished text can be copied: nothing is projected, nothing in it is hidden from the
/// caller, and what is joined stands at its end.
pub(in super::super) fn is_plain(cx: &Context, projection: &Projection) -> bool {
    let full = full(cx);
    let at_the_end = |related: Related<'_>| {
        kept(related.relation) == Kept::InDocument
            || related.row.path.urn.is_none()
                && related.row.path.sub.is_none()
                && related.row.shape == Shape::Elements
    };
    projection.is_default()
        && !beyond::is_wanted(cx, projection)
        && full.related().count() == cx.mapped.related().count()
        && !cx.hides_role_groups()
        && cx.mapped.related().all(at_the_end)
}

/// The type with all its relations.
fn full(cx: &Context) -> &MappedType {
    let kind = cx.kind().name;
    let mut types = cx.tenant.types.iter();
    types.find(|of| of.kind.name == kind).unwrap_or(&cx.mapped)
}

/// The edges of relations, each by the object's id.
async fn joined<'a>(
    cx: &Context,
    relations: Vec<Related<'a>>,
    ids: &[String],
) -> Result<(Vec<(Related<'a>, ById)>, Room), Error> {
    let mut all = Vec::with_capacity(relations.len());
    let mut room = Room::default();
    for related in relations {
        room.merge(space(cx, related.relation, ids).await?);
        let by_id = related::edges(cx, related.relation, ids).await?;
        all.push((related, by_id));
    }
    Ok((all, room))
}

/// Room for the edges of a relation of which an object may have very many.
async fn space(cx: &Context, relation: &dyn Relation, ids: &[String]) -> Result<Room, Error> {
    let (kind, side) = relation.edge();
    if kept(relation) == Kept::InDocument || (kind, side) == (EdgeKind::Member, Side::To) {
        return Ok(Room::default());
    }
    let store = &cx.app.store;
    let count = store
        .count_edges(&cx.tenant.name, relation_name(kind), near(side), ids)
        .await?;
    let bytes = usize::try_from(count).unwrap_or(usize::MAX);
    let bytes = bytes.saturating_mul(BYTES_PER_EDGE);
    let memory = &cx.app.memory;
    memory
        .room(&cx.caller.token_id, bytes, cx.call.deadline)
        .await
}

/// The texts of objects in their default form, in their order: those that are at hand, and the
/// others made. One that is gone meanwhile is left out.
pub(super) async fn plain(
    cx: &Context,
    found: &[Found],
    epoch: i64,
) -> Result<(Vec<Bytes>, Room), Error> {
    let kind = cx.kind().name;
    let cache = &cx.tenant.replica.texts;
    let stamp = |modified: i64| Stamp {
        modified,
        epoch,
        base: Arc::clone(&cx.base_url),
    };
    let mut texts: Vec<Option<Bytes>> = found
        .iter()
        .map(|(id, modified)| cache.get(kind, id, &stamp(*modified)))
        .collect();
    let missing: Vec<String> = found
        .iter()
        .zip(&texts)
        .filter(|(_, text)| text.is_none())
        .map(|((id, _), _)| id.clone())
        .collect();
    let mut room = Room::default();
    if !missing.is_empty() {
        let shown = cx.app.store.shown(&cx.tenant.name, kind, &missing).await?;
        let (made, space) = make(cx, &shown).await?;
        room.merge(space);
        let mut made: HashMap<&str, (i64, Bytes)> = shown
            .iter()
            .zip(made)
            .map(|(one, text)| (one.id.as_str(), (one.modified, text)))
            .collect();
        for ((id, _), text) in found.iter().zip(&mut texts) {
            if text.is_none()
                && let Some((modified, new)) = made.remove(id.as_str())
            {
                cache.put(kind, id, stamp(modified), new.clone());
                *text = Some(new);
            }
        }
    }
    Ok((texts.into_iter().flatten().collect(), room))
}

/// Makes the texts of objects.
async fn make(cx: &Context, shown: &[Shown]) -> Result<(Vec<Bytes>, Room), Error> {
    let ids: Vec<String> = shown.iter().map(|one| one.id.clone()).collect();
    let relations = cx.mapped.related();
    let relations = relations
        .filter(|related| kept(related.relation) == Kept::Joined)
        .filter(|related| {
            Projection::all().wants(&related.row.path, related.row.attribute.returned)
        })
        .collect();
    let (joined, room) = joined(cx, relations, &ids).await?;
    let base = &*cx.base_url;
    let mut texts = Vec::with_capacity(shown.len());
    for one in shown {
        let mut text = Vec::with_capacity(one.body.len() + 1024);
        body::open(&one.body, &one.links, base, &mut text);
        for (related, by_id) in &joined {
            let Some(edges) = by_id.get(&one.id).filter(|edges| !edges.is_empty()) else {
                continue;
            };
            let side = related.relation.edge().1;
            text.extend_from_slice(b",\"");
            text.extend_from_slice(related.row.path.attr.as_bytes());
            text.extend_from_slice(b"\":[");
            for (i, edge) in edges.iter().enumerate() {
                if i > 0 {
                    text.push(b',');
                }
                let mut element = edge.element(side);
                complete(&mut element, base);
                write_json(&mut text, &element);
            }
            text.push(b']');
        }
        text.extend_from_slice(b",\"meta\":");
        let created = one.created.as_deref();
        write_json(
            &mut text,
            &body::meta(cx.kind(), &one.id, created, one.modified, base),
        );
        text.push(b'}');
        texts.push(Bytes::from(text));
    }
    Ok((texts, room))
}

fn write_json(into: &mut Vec<u8>, value: &Value) {
    // Into memory, of a value: there is nothing that could fail.
    if serde_json::to_writer(&mut *into, value).is_err() {
        into.extend_from_slice(b"null");
    }
}

/// Completes the link of an element.
fn complete(element: &mut Value, base: &str) {
    if let Some(Value::String(link)) = element.get_mut("$ref")
        && link.starts_with('/')
    {
        link.insert_str(0, base);
    }
}

/// A relation's edges are needed for what the projection asks for.
fn wanted<'a>(cx: &'a Context, projection: &Projection) -> Vec<Related<'a>> {
    cx.mapped
        .related()
        .filter(|related| projection.wants(&related.row.path, related.row.attribute.returned))
        .collect()
}

/// The documents of objects, projected and with complete links, in their order.
pub(super) async fn documents(
    cx: &Context,
    rows: Vec<ObjectRow>,
    projection: &Projection,
) -> Result<Vec<Document>, Error> {
    let relations = wanted(cx, projection);
    let rows = beyond::add(cx, rows, projection).await?;
    let whole = whole(cx, rows, relations).await?;
    let (own, projection) = (cx.clone(), projection.clone());
    let much = whole.len() > MANY;
    offload(cx, much, move || {
        whole
            .into_iter()
            .map(|doc| own.shown(doc, &projection))
            .collect::<Vec<Document>>()
    })
    .await
}

/// The documents of objects with all their attributes and some of their relations; links are
/// relative.
pub(super) async fn whole(
    cx: &Context,
    rows: Vec<ObjectRow>,
    relations: Vec<Related<'_>>,
) -> Result<Vec<Document>, Error> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let (joined, _room) = joined(cx, relations, &ids).await?;
    // Rows are named by their place: what goes to another thread borrows nothing.
    let places: Vec<(usize, &'static dyn Relation, ById)> = joined
        .into_iter()
        .filter_map(|(related, by_id)| {
            let all = cx.mapping().relations();
            let at = all.iter().position(|row| row.path == related.row.path)?;
            Some((at, related.relation, by_id))
        })
        .collect();
    let much = rows.len() > MANY;
    let own = cx.clone();
    offload(cx, much, move || {
        rows.iter()
            .map(|row| document(&own, row, &places))
            .collect::<Vec<Document>>()
    })
    .await
}

fn document(
    cx: &Context,
    row: &ObjectRow,
    places: &[(usize, &'static dyn Relation, ById)],
) -> Document {
    let mapping = cx.mapping();
    let entity = compute::parse(row);
    let known: Vec<Known<'_>> = places
        .iter()
        .filter_map(|(at, relation, by_id)| {
            Some(Known {
                row: &mapping.relations()[*at],
                side: relation.edge().1,
                edges: by_id.get(&row.id)?,
            })
        })
        .collect();
    let mut doc = mapping.document(cx.kind(), &entity, &known, false);
    let created = doc
        .get("meta")
        .and_then(|meta| meta.get("created"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let meta = body::meta(cx.kind(), &row.id, created.as_deref(), row.modified, "");
    doc.insert("meta".into(), meta);
    doc
}
