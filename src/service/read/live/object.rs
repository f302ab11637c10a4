//! From Graph to documents: entities with their relations, one or many at a time, own writes laid
//! over what Graph may still say.

use std::time::Duration;

use serde_json::Value;

use super::super::{
    super::{
        Context, Error,
        recent::{Absence, Presence},
    },
    Wanted,
};
use crate::{
    graph::{self, BatchItem, Refusal},
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
    let entity = entity(cx, id, wanted);
    let ids = [id.to_owned()];
    let lists = lists(cx, &ids, wanted, at_hand);
    let (entity, lists) = tokio::join!(entity, lists);
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

/// The lists that relations were read from, for one or more objects.
#[derive(Default)]
struct Lists {
    read: Vec<Vec<Value>>,
    /// For each relation: where its lists start, how many an object has, whether all objects
    /// share them.
    plan: Vec<(usize, usize, bool)>,
}

impl Lists {
    /// The lists of an object that Graph does not know yet: all empty.
    fn none(cx: &Context, wanted: &Wanted) -> Self {
        let mut lists = Self::default();
        for &i in &wanted.relations {
            let count = cx
                .mapped
                .relation(i)
                .map_or(0, |r| r.relation.lists("").len());
            lists.plan.push((lists.read.len(), count, false));
            lists.read.extend(std::iter::repeat_n(Vec::new(), count));
        }
        lists
    }

    /// Puts remembered lists behind those that were read.
    fn take(&mut self, remembered: Vec<(usize, super::super::super::relations::Lists)>) {
        for (at, known) in remembered {
            self.plan[at] = (self.read.len(), known.len(), false);
            self.read.extend(known.iter().cloned());
        }
    }

    /// The lists of the relation, for the object.
    fn of(&self, relation: usize, object: usize) -> &[Vec<Value>] {
        let Some(&(start, count, shared)) = self.plan.get(relation) else {
            return &[];
        };
        let from = if shared {
            start
        } else {
            start + object * count
        };
        self.read.get(from..from + count).unwrap_or_default()
    }
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
    let mut edges = Vec::with_capacity(wanted.relations.len());
    let mut hidden = Vec::with_capacity(wanted.relations.len());
    for (at, &i) in wanted.relations.iter().enumerate() {
        let Some(related) = cx.mapped.relation(i) else {
            continue;
        };
        let relation = related.relation;
        let mut of = relation.edges(&id, &entity, lists.of(at, object));
        let (kind, side) = relation.edge();
        let single = relation.is_single();
        let recent = &cx.tenant.recent;
        hidden.push(recent.overlay_edges(kind, side, &id, single, &mut of, now));
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
            let altered = recent.overlay_entity(kind.name, id, &mut entity, now);
            Ok(Found {
                entity,
                by_graph: true,
                altered,
            })
        }
        Err(error) if error.refusal() == Some(Refusal::Absent) => {
            let remembered = match recent.absent(kind.name, id, now) {
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
    let seen_gone = match recent.present(kind, id, now) {
        Presence::Believed => return Ok(false),
        Presence::Deleted { seen_gone, fresh } => seen_gone || !fresh,
    };
    if in_recycle_bin(cx, id).await? {
        recent.seen_gone(kind, id);
        return Ok(true);
    }
    if seen_gone {
        recent.forget(kind, id);
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

/// Reads what the relations of the objects ask for, each list complete, and the names that they
/// need and that are not remembered.
async fn lists(
    cx: &Context,
    ids: &[String],
    wanted: &Wanted,
    at_hand: &[usize],
) -> Result<Lists, Error> {
    let now = cx.app.clock.now();
    let kind = cx.kind().name;
    let memory = &cx.tenant.relations;
    // Remembered lists stand behind those that are read, for whom `requests` has no place.
    let mut remembered: Vec<(usize, super::super::super::relations::Lists)> = Vec::new();
    let mut requests: Vec<Request> = Vec::new();
    let mut names: Vec<Request> = Vec::new();
    let mut lists = Lists::default();
    for &i in &wanted.relations {
        let Some(related) = cx.mapped.relation(i) else {
            continue;
        };
        let relation = related.relation;
        if let [id] = ids
            && at_hand.contains(&i)
            && let Some(known) = memory.get(kind, relation.name(), id, now)
        {
            remembered.push((lists.plan.len(), known));
            lists.plan.push((0, 0, false));
            continue;
        }
        let start = requests.len();
        let shared = (ids.len() > 1).then(|| relation.shared_lists()).flatten();
        if let Some(shared) = shared {
            lists.plan.push((start, shared.len(), true));
            requests.extend(shared);
        } else {
            let mut count = 0;
            for id in ids {
                let own = relation.lists(id);
                count = own.len();
                requests.extend(own);
            }
            lists.plan.push((start, count, false));
        }
        if let Some(request) = relation.names()
            && cx.tenant.names.is_due(&request, cx.app.clock.now())
        {
            names.push(request);
        }
    }
    if requests.is_empty() {
        lists.take(remembered);
        return Ok(lists);
    }
    let asked = requests.len();
    requests.extend(names.iter().cloned());
    let mut read = cx.tenant.graph.collect_many(&cx.call, requests).await?;
    for (request, list) in names.iter().zip(read.split_off(asked)) {
        cx.tenant
            .names
            .remember(request, &list.map_err(unreadable)?, cx.app.clock.now());
    }
    for list in read {
        let list = list.map_err(unreadable)?;
        // An edge to nobody would be an edge less.
        if !list
            .iter()
            .all(|item| item.get("id").is_some_and(Value::is_string))
        {
            return Err(protocol("Graph listed an object without an id"));
        }
        lists.read.push(list);
    }
    for (object, id) in ids.iter().enumerate() {
        for (at, &i) in wanted.relations.iter().enumerate() {
            let read = lists.of(at, object);
            let Some(related) = cx.mapped.relation(i).filter(|_| !read.is_empty()) else {
                continue;
            };
            let name = related.relation.name();
            if lists.plan[at].2 {
                memory.forget(kind, name, id); // the list is of all objects
            } else {
                memory.remember(kind, name, id, read.to_vec(), now);
            }
        }
    }
    lists.take(remembered);
    Ok(lists)
}

/// A relation that cannot be read is an error of the whole answer: never an empty list. A 404
/// here (the object vanished between two calls) is no statement about the object asked for.
fn unreadable(error: graph::Error) -> Error {
    let mut error = Error::from(error);
    if error.scim.kind == Kind::NotFound {
        error.scim = ScimError::new(Kind::Unavailable, "a relation could not be read completely");
        error.retry_after = Some(Duration::from_secs(2));
    }
    error
}

/// Reads the properties that lists do not give, object by object, in batches.
async fn add_per_object(
    cx: &Context,
    ids: &[String],
    entities: &mut [Value],
    wanted: &Wanted,
) -> Result<(), Error> {
    if wanted.per_object.is_empty() {
        return Ok(());
    }
    let requests = ids
        .iter()
        .map(|id| Request::get(cx.kind().object_path(id)).select(&wanted.per_object))
        .map(BatchItem::new)
        .collect();
    let replies = cx.tenant.graph.batch(&cx.call, requests).await?;
    for (entity, reply) in entities.iter_mut().zip(replies) {
        let reply = reply.map_err(unreadable)?;
        if let (Value::Object(entity), Value::Object(more)) = (entity, reply.body) {
            entity.extend(more.into_iter().filter(|(k, _)| !k.starts_with('@')));
        }
    }
    Ok(())
}

/// Reads what lives beside the object, such as mailbox settings. An object of which Graph says
/// that it has none is left without.
async fn add_side_resources(
    cx: &Context,
    entities: &mut [Value],
    wanted: &Wanted,
) -> Result<(), Error> {
    for side in &wanted.sides {
        let mut items = Vec::with_capacity(entities.len());
        for entity in entities.iter() {
            let id = id_of(cx, entity).unwrap_or_default();
            let path = format!("{}/{}", cx.kind().object_path(&id), side.path);
            items.push(BatchItem::new(Request::get(path)));
        }
        let replies = cx.tenant.graph.batch(&cx.call, items).await?;
        for (entity, reply) in entities.iter_mut().zip(replies) {
            match reply {
                Ok(reply) if reply.body.is_object() => entity[&side.property] = reply.body,
                Ok(_) => return Err(protocol("Graph answered with something that is no object")),
                Err(error) if error.refusal() == Some(Refusal::NoMailbox) => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    }
    Ok(())
}
