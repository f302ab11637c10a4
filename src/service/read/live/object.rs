//! From Graph to documents: entities with their relations, one or many at a time, own writes laid
//! over what Graph may still say.

use std::time::Duration;

use serde_json::Value;

use super::{
    super::{
        super::{
            Context, Error,
            recent::{Absence, Presence},
            role_groups,
        },
        Wanted,
    },
    lists::{Lists, add_per_object, add_side_resources, lists},
};
use crate::{
    graph::{self, Refusal},
    odata::request::Request,
    resources::{Edge, Key},
    scim::{Document, error::Error as ScimError, error::Kind},
    translation::document::Known,
};

/// An entity with the edges of the relations that were asked for.
pub(in crate::service) struct Loaded {
    pub(in crate::service) id: String,
    pub(in crate::service) entity: Value,
    /// In the order of [`Wanted::relations`].
    pub(in crate::service) edges: Vec<Vec<Edge>>,
    /// Edges that Graph shows and that were removed here, in the same order.
    pub(in crate::service) hidden: Vec<Vec<Edge>>,
    /// Whether Graph gave the entity; else it is remembered, without what Graph made of it.
    pub(in crate::service) by_graph: bool,
    /// Properties that Graph shows with a value that was superseded here.
    pub(in crate::service) altered: Vec<String>,
}

/// Reads one object with its relations; the lists are read side by side with the entity.
///
/// # Errors
/// 404 when Graph says that there is no such object and it was not created here moments ago.
pub(in crate::service) async fn one(
    cx: &Context,
    id: &str,
    wanted: &Wanted,
) -> Result<Loaded, Error> {
    one_with(cx, id, wanted, &[]).await
}

/// As [`one`]; the relations `at_hand` (places in [`super::super::super::MappedType::related`])
/// may be shown as they were read moments ago.
pub(in crate::service) async fn one_with(
    cx: &Context,
    id: &str,
    wanted: &Wanted,
    at_hand: &[usize],
) -> Result<Loaded, Error> {
    let ids = [id.to_owned()];
    let entity = entity(cx, id, wanted);
    let lists = lists(cx, &ids, wanted, at_hand);
    let kind = cx.kind().name;
    let (entity, lists) = if cx.tenant.seen.has(kind, id) {
        tokio::join!(entity, lists)
    } else {
        match entity.await {
            Ok(found) => (Ok(found), lists.await),
            Err(error) => return Err(error),
        }
    };
    if let Err(error) = &entity
        && error.scim.kind == Kind::NotFound
    {
        cx.tenant.seen.forget(kind, id);
    }
    let Found {
        entity,
        by_graph,
        altered,
    } = entity?; // the better error: a 404 of a list follows from it
    let lists = match lists {
        // Graph does not know the object yet: nor has it lists of it.
        Err(_) if !by_graph => Lists::none(cx, wanted),
        lists => lists?,
    };
    let mut entities = vec![entity];
    if by_graph {
        add_side_resources(cx, &mut entities, wanted).await?;
    }
    let entity = entities.swap_remove(0);
    let id = id_of(cx, &entity).unwrap_or_else(|| id.to_owned());
    let loaded = loaded(cx, id, entity, &lists, 0, wanted);
    Ok(Loaded {
        by_graph,
        altered,
        ..loaded
    })
}

/// The objects that a list gave, with their relations.
pub(in crate::service) async fn many(
    cx: &Context,
    mut entities: Vec<Value>,
    wanted: &Wanted,
) -> Result<Vec<Loaded>, Error> {
    let ids: Vec<String> = entities.iter().filter_map(|e| id_of(cx, e)).collect();
    if ids.len() != entities.len() {
        return Err(protocol("Graph listed an object without an id"));
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    add_per_object(cx, &ids, &mut entities, wanted).await?;
    add_side_resources(cx, &mut entities, wanted).await?;
    let lists = lists(cx, &ids, wanted, &[]).await?;
    let objects = ids.into_iter().zip(entities).enumerate();
    Ok(objects
        .map(|(i, (id, entity))| loaded(cx, id, entity, &lists, i, wanted))
        .collect())
}

fn loaded(
    cx: &Context,
    id: String,
    entity: Value,
    lists: &Lists,
    object: usize,
    wanted: &Wanted,
) -> Loaded {
    let now = cx.app.clock.now();
    cx.tenant.seen.note(cx.kind().name, &id);
    let mut edges = Vec::with_capacity(wanted.relations.len());
    let mut hidden = Vec::with_capacity(wanted.relations.len());
    if role_groups::is_one(&entity) {
        cx.tenant.role_groups.learn(&id, true);
    }
    for (at, &i) in wanted.relations.iter().enumerate() {
        let Some(related) = cx.mapped.relation(i) else {
            continue;
        };
        let relation = related.relation;
        let mut of = relation.edges(&id, &entity, lists.of(at, object));
        let (kind, side) = relation.edge();
        let single = relation.is_single();
        let recent = &cx.tenant.recent;
        hidden.push(recent.edges.overlay(kind, side, &id, single, &mut of, now));
        role_groups::conceal(cx, &mut of);
        if let Some(request) = relation.names() {
            cx.tenant.names.fill(&request, side, &mut of);
        }
        edges.push(of);
    }
    Loaded {
        id,
        entity,
        edges,
        hidden,
        by_graph: true,
        altered: Vec::new(),
    }
}

/// The finished document, its links relative; not yet projected.
pub(in crate::service) fn document(cx: &Context, loaded: &Loaded, wanted: &Wanted) -> Document {
    let known: Vec<Known<'_>> = wanted
        .relations
        .iter()
        .zip(&loaded.edges)
        .filter_map(|(&i, edges)| {
            let related = cx.mapped.relation(i)?;
            Some(Known {
                row: related.row,
                side: related.relation.edge().1,
                edges,
            })
        })
        .collect();
    cx.mapping().document(
        cx.kind(),
        &loaded.entity,
        &known,
        wanted.complete && loaded.by_graph,
    )
}

/// The SCIM id of a Graph entity.
pub(in crate::service) fn id_of(cx: &Context, entity: &Value) -> Option<String> {
    entity
        .get(cx.kind().id_property)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// "There is no such resource".
pub(in crate::service) fn not_found(cx: &Context, id: &str) -> ScimError {
    let shown: String = id.chars().take(100).collect();
    ScimError::not_found(format!("there is no {} with id '{shown}'", cx.kind().name))
}

/// Graph answered something that makes no sense.
pub(in crate::service) fn protocol(what: &str) -> Error {
    ScimError::new(Kind::BadGateway, what).into()
}

/// Adds `$select` and, for relations that come along, `$expand`.
pub(super) fn shape(cx: &Context, request: Request, wanted: &Wanted, list: bool) -> Request {
    let expands: Vec<&str> = wanted
        .relations
        .iter()
        .filter_map(|&i| cx.mapped.relation(i)?.relation.expand())
        .map(|(plain, advanced)| if request.advanced { advanced } else { plain })
        .collect();
    let extra = if list {
        &[][..]
    } else {
        wanted.per_object.as_slice()
    };
    let mut select: Vec<&String> = wanted.select.iter().collect();
    select.extend(extra.iter().filter(|p| !wanted.select.contains(p)));
    let request = request.select(select);
    if expands.is_empty() {
        request
    } else {
        request.option("$expand", expands.join(","))
    }
}

/// An entity, and whether Graph gave it: one that was made here moments ago may be remembered
/// only.
struct Found {
    entity: Value,
    by_graph: bool,
    altered: Vec<String>,
}

async fn entity(cx: &Context, id: &str, wanted: &Wanted) -> Result<Found, Error> {
    let kind = cx.kind();
    if let Key::Property(property) = kind.key {
        let all = cx
            .tenant
            .graph
            .collect(&cx.call, &Request::get(kind.collection), usize::MAX)
            .await?;
        let matches = |e: &Value| {
            e.get(property)
                .and_then(Value::as_str)
                .is_some_and(|v| v.eq_ignore_ascii_case(id))
        };
        let entity = all
            .into_iter()
            .find(matches)
            .ok_or_else(|| not_found(cx, id))?;
        return Ok(Found {
            entity,
            by_graph: true,
            altered: Vec::new(),
        });
    }
    if !crate::resources::is_object_id(id) {
        // Graph would take a user principal name as key; an id is an object id, always.
        return Err(not_found(cx, id).into());
    }
    let request = shape(cx, Request::get(kind.object_path(id)), wanted, false);
    let now = cx.app.clock.now();
    let recent = &cx.tenant.recent;
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(reply) => {
            let mut entity = reply.body;
            check_id(cx, id, &entity)?;
            if is_gone(cx, id).await? {
                return Err(not_found(cx, id).into());
            }
            let altered = recent
                .objects
                .overlay_entity(kind.name, id, &mut entity, now);
            Ok(Found {
                entity,
                by_graph: true,
                altered,
            })
        }
        Err(error) if error.refusal() == Some(Refusal::Absent) => {
            let remembered = match recent.objects.absent(kind.name, id, now) {
                Absence::Believed => None,
                Absence::Lag(entity) => Some(entity),
            };
            match remembered {
                Some(entity) if !in_recycle_bin(cx, id).await? => Ok(Found {
                    entity,
                    by_graph: false,
                    altered: Vec::new(),
                }),
                _ => Err(missing(cx, id, error)),
            }
        }
        Err(error) => Err(missing(cx, id, error)),
    }
}

/// An answer about another object than the one asked for is no answer.
fn check_id(cx: &Context, id: &str, entity: &Value) -> Result<(), Error> {
    match id_of(cx, entity) {
        Some(given) if given.eq_ignore_ascii_case(id) => Ok(()),
        Some(_) => Err(protocol("Graph answered with another object")),
        None => Err(protocol("Graph answered with something that is no object")),
    }
}

/// Whether an object that Graph still shows was deleted here, and not restored since.
///
/// A deletion takes its time to be seen everywhere; a restored object looks the same. The recycle
/// bin tells them apart, and where it does not know either, the first minute is ours.
pub(in crate::service) async fn is_gone(cx: &Context, id: &str) -> Result<bool, Error> {
    let kind = cx.kind().name;
    let now = cx.app.clock.now();
    let recent = &cx.tenant.recent;
    let seen_gone = match recent.objects.present(kind, id, now) {
        Presence::Believed => return Ok(false),
        Presence::Deleted { seen_gone, fresh } => seen_gone || !fresh,
    };
    if in_recycle_bin(cx, id).await? {
        recent.objects.seen_gone(kind, id);
        return Ok(true);
    }
    if seen_gone {
        recent.objects.forget(kind, id);
        return Ok(false);
    }
    Ok(true)
}

/// Whether the object lies in the directory's recycle bin.
pub(in crate::service) async fn in_recycle_bin(cx: &Context, id: &str) -> Result<bool, Error> {
    let path = format!(
        "/directory/deletedItems/{}",
        crate::odata::request::segment(id)
    );
    let request = Request::get(path).select(["id"]);
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads a Graph error about the object `id` itself: only Graph's own word that there is no such
/// object makes a 404, and not of one that was created here moments ago.
pub(in crate::service) fn missing(cx: &Context, id: &str, error: graph::Error) -> Error {
    if error.refusal() != Some(Refusal::Absent) {
        return error.into();
    }
    let mut error = Error::from(error);
    let absence = cx
        .tenant
        .recent
        .objects
        .absent(cx.kind().name, id, cx.app.clock.now());
    match absence {
        Absence::Lag(_) => {
            error.scim = ScimError::new(
                Kind::Unavailable,
                format!(
                    "{} '{id}' was just created and is still being replicated",
                    cx.kind().name
                ),
            );
            error.retry_after = Some(Duration::from_secs(2));
        }
        Absence::Believed => error.scim = not_found(cx, id),
    }
    error
}
