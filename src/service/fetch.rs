//! From Graph to documents: entities, their relations, and the lists that hold them.

use serde_json::{Map, Value};

use super::{Context, Error, Related, recent::Fate};
use crate::{
    graph::BatchItem,
    odata::request::Request,
    resources::{Edge, Key},
    scim::{
        Document, attr::AttrPath, error::Error as ScimError, etag, filter::Filter, links,
        projection::Projection, resource,
    },
};

/// What a read has to bring.
pub(super) struct Wanted<'a> {
    /// Graph properties of the entity.
    pub select: Vec<String>,
    /// Relations to read.
    pub related: Vec<Related<'a>>,
    /// Properties that only a read of one object gives.
    pub per_object: Vec<String>,
    /// The projection that decides about side resources.
    pub projection: &'a Projection,
    /// Whether the document holds all that a default answer holds: only then has it a version.
    pub complete: bool,
}

/// An entity with the edges of the relations that were asked for.
pub(super) struct Loaded {
    pub id: String,
    pub entity: Value,
    /// In the order of [`Wanted::related`].
    pub edges: Vec<Vec<Edge>>,
}

impl<'a> Wanted<'a> {
    /// What an answer with this projection needs, and what the filter and sort look at.
    pub(super) fn for_answer(
        cx: &'a Context<'a>,
        projection: &'a Projection,
        filter: Option<&Filter>,
        sort: Option<&AttrPath>,
        list: bool,
    ) -> Self {
        let related: Vec<Related<'a>> = cx
            .room
            .relations()
            .filter(|r| projection.wants(&r.row.path, r.row.attribute.returned))
            .collect();
        Self::new(cx, projection, related, filter, sort, list)
    }

    /// The same with the relations chosen by the caller.
    pub(super) fn new(
        cx: &'a Context<'a>,
        projection: &'a Projection,
        related: Vec<Related<'a>>,
        filter: Option<&Filter>,
        sort: Option<&AttrPath>,
        list: bool,
    ) -> Self {
        let mapping = &cx.room.mapping;
        let mut select = mapping.select(projection, filter, sort, list);
        let own = related.iter().flat_map(|r| r.relation.own_properties());
        let id = std::iter::once(&cx.room.kind.id_property);
        for property in own.chain(id) {
            if !select.iter().any(|s| s == property) {
                select.push((*property).to_owned());
            }
        }
        let per_object = mapping.per_object_select(projection);
        Self {
            select,
            related,
            per_object,
            projection,
            complete: projection.is_default(),
        }
    }

    /// Adds properties that a guard looks at.
    pub(super) fn also(mut self, properties: &[&str]) -> Self {
        for property in properties {
            if !self.select.iter().any(|s| s == property) {
                self.select.push((*property).to_owned());
            }
        }
        self
    }
}

/// Reads one object with its relations; the lists are read side by side with the entity.
///
/// # Errors
/// 404 when Graph says that there is no such object and it was not created here moments ago.
pub(super) async fn one(cx: &Context<'_>, id: &str, wanted: &Wanted<'_>) -> Result<Loaded, Error> {
    if cx.tenant.recent.fate(id, cx.app.clock.now()) == Some(Fate::Deleted) {
        return Err(not_found(cx, id).into());
    }
    let entity = async { Ok::<_, Error>(vec![entity(cx, id, wanted).await?]) };
    let ids = [id.to_owned()];
    let lists = lists(cx, &ids, &wanted.related);
    let (entities, lists) = tokio::join!(entity, lists);
    let mut entities = entities?; // the entity's error is the better one: a 404 of a list follows from it
    let lists = lists?;
    add_side_resources(cx, &mut entities, wanted).await?;
    let entity = entities.swap_remove(0);
    let id = id_of(cx, &entity).unwrap_or_else(|| id.to_owned());
    Ok(loaded(id, entity, &lists, 0, wanted))
}

/// The documents of entities that a list gave.
pub(super) async fn many(
    cx: &Context<'_>,
    mut entities: Vec<Value>,
    wanted: &Wanted<'_>,
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
    let lists = lists(cx, &ids, &wanted.related).await?;
    let objects = ids.into_iter().zip(entities).enumerate();
    Ok(objects
        .map(|(i, (id, entity))| loaded(id, entity, &lists, i, wanted))
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

fn loaded(id: String, entity: Value, lists: &Lists, object: usize, wanted: &Wanted<'_>) -> Loaded {
    let edges = wanted
        .related
        .iter()
        .enumerate()
        .map(|(i, related)| related.relation.edges(&id, &entity, lists.of(i, object)))
        .collect();
    Loaded { id, entity, edges }
}

/// The finished document: attributes, relations, `meta`, `schemas`; not yet projected.
pub(super) fn document(cx: &Context<'_>, loaded: &Loaded, wanted: &Wanted<'_>) -> Document {
    let mapping = &cx.room.mapping;
    let mut doc = mapping.to_scim(&loaded.entity);
    for (related, edges) in wanted.related.iter().zip(&loaded.edges) {
        let elements = edges.iter().map(|e| e.element("")).collect();
        mapping.put_relation(&mut doc, related.row, elements);
    }
    finish(cx, &mut doc, &loaded.id, wanted.complete);
    doc
}

/// Puts `schemas` and `meta` in place. The version is left out of a document that does not hold
/// all that a default answer holds, so that a version always speaks of the same thing.
pub(super) fn finish(cx: &Context<'_>, doc: &mut Document, id: &str, complete: bool) {
    let created = doc
        .remove("meta")
        .and_then(|mut m| m.get_mut("created").map(Value::take));
    resource::set_schemas(doc, cx.room.schema());
    let version = complete.then(|| etag::of(doc));
    let mut meta = Map::new();
    meta.insert("resourceType".into(), cx.room.kind.name.into());
    if let Some(created) = created {
        meta.insert("created".into(), created);
    }
    meta.insert("location".into(), location(cx, id).into());
    if let Some(version) = version {
        meta.insert("version".into(), version.into());
    }
    doc.insert("meta".into(), Value::Object(meta));
    links::absolute(doc, cx.base_url, cx.room.schema());
}

/// The URL of one resource.
pub fn location(cx: &Context<'_>, id: &str) -> String {
    let id = crate::odata::request::segment(id);
    format!("{}{}/{id}", cx.base_url, cx.room.kind.endpoint)
}

/// The SCIM id of a Graph entity.
pub(super) fn id_of(cx: &Context<'_>, entity: &Value) -> Option<String> {
    entity
        .get(cx.room.kind.id_property)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// "There is no such resource".
pub(super) fn not_found(cx: &Context<'_>, id: &str) -> ScimError {
    ScimError::not_found(format!("there is no {} with id '{id}'", cx.room.kind.name))
}

/// Graph answered something that makes no sense.
pub(super) fn protocol(what: &str) -> Error {
    ScimError::new(crate::scim::error::Kind::BadGateway, what).into()
}

/// Adds `$select` and, for relations that come along, `$expand`.
pub(super) fn shape(request: Request, wanted: &Wanted<'_>, list: bool) -> Request {
    let expands: Vec<&str> = wanted
        .related
        .iter()
        .filter_map(|r| r.relation.expand())
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

async fn entity(cx: &Context<'_>, id: &str, wanted: &Wanted<'_>) -> Result<Value, Error> {
    let kind = cx.room.kind;
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
        return all
            .into_iter()
            .find(matches)
            .ok_or_else(|| not_found(cx, id).into());
    }
    if !crate::resources::is_object_id(id) {
        // Graph would take a user principal name as key; an id is an object id, always.
        return Err(not_found(cx, id).into());
    }
    let request = shape(Request::get(kind.object_path(id)), wanted, false);
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(reply) => Ok(reply.body),
        Err(error) => Err(missing(cx, id, error)),
    }
}

/// Reads a Graph error about the object `id` itself: a 404 becomes "no such resource", unless the
/// object was created here moments ago and Graph has not replicated it yet.
pub(super) fn missing(cx: &Context<'_>, id: &str, error: crate::graph::Error) -> Error {
    let mut error = Error::from(error);
    if error.scim.kind == crate::scim::error::Kind::NotFound {
        if cx.tenant.recent.fate(id, cx.app.clock.now()) == Some(Fate::Created) {
            error.scim = ScimError::new(
                crate::scim::error::Kind::Unavailable,
                format!(
                    "{} '{id}' was just created and is still being replicated",
                    cx.room.kind.name
                ),
            );
            error.retry_after = Some(std::time::Duration::from_secs(2));
        } else {
            error.scim = not_found(cx, id);
        }
    }
    error
}

/// Reads what the relations of the objects ask for, each list complete.
async fn lists(cx: &Context<'_>, ids: &[String], related: &[Related<'_>]) -> Result<Lists, Error> {
    let mut requests: Vec<Request> = Vec::new();
    let mut lists = Lists::default();
    for r in related {
        let start = requests.len();
        let shared = if ids.len() > 1 {
            r.relation.shared_lists()
        } else {
            None
        };
        if let Some(shared) = shared {
            lists.plan.push((start, shared.len(), true));
            requests.extend(shared);
        } else {
            let mut count = 0;
            for id in ids {
                let own = r.relation.lists(id);
                count = own.len();
                requests.extend(own);
            }
            lists.plan.push((start, count, false));
        }
    }
    if !requests.is_empty() {
        for result in cx.tenant.graph.collect_many(&cx.call, requests).await? {
            lists.read.push(result.map_err(unreadable)?);
        }
    }
    Ok(lists)
}

/// A relation that cannot be read is an error of the whole answer: never an empty list. A 404
/// here (the object vanished between two calls) is no statement about the object asked for.
fn unreadable(error: crate::graph::Error) -> Error {
    let mut error = Error::from(error);
    if error.scim.kind == crate::scim::error::Kind::NotFound {
        error.scim = ScimError::new(
            crate::scim::error::Kind::Unavailable,
            "a relation could not be read completely",
        );
        error.retry_after = Some(std::time::Duration::from_secs(2));
    }
    error
}

/// Reads the properties that lists do not give, object by object, in batches.
async fn add_per_object(
    cx: &Context<'_>,
    ids: &[String],
    entities: &mut [Value],
    wanted: &Wanted<'_>,
) -> Result<(), Error> {
    if wanted.per_object.is_empty() {
        return Ok(());
    }
    let requests = ids
        .iter()
        .map(|id| Request::get(cx.room.kind.object_path(id)).select(&wanted.per_object))
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

/// Reads what lives beside the object, such as mailbox settings. An object that has none (404)
/// is left without.
async fn add_side_resources(
    cx: &Context<'_>,
    entities: &mut [Value],
    wanted: &Wanted<'_>,
) -> Result<(), Error> {
    let sides = cx.room.mapping.side_resources(wanted.projection);
    for side in sides {
        let mut items = Vec::with_capacity(entities.len());
        for entity in entities.iter() {
            let id = id_of(cx, entity).unwrap_or_default();
            let path = format!("{}/{}", cx.room.kind.object_path(&id), side.path);
            items.push(BatchItem::new(Request::get(path)));
        }
        let replies = cx.tenant.graph.batch(&cx.call, items).await?;
        for (entity, reply) in entities.iter_mut().zip(replies) {
            match reply {
                Ok(reply) => entity[&side.property] = reply.body,
                Err(error) if error.status() == Some(404) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
