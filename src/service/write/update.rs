//! Changing an object that has been read: what PUT and PATCH share, and `PUT /Type/{id}`.

use serde_json::{Map, Value};

use super::{
    super::{
        Context, Error, Related, Written,
        execute::{Outcome, execute},
        fetch::{self, Loaded, Wanted},
        rights,
    },
    check_version, offered, relations,
};
use crate::{
    odata::request::Request,
    resources::{GraphCall, change, relation::Target},
    scim::{
        Document, attr::AttrPath, patch::Step, projection::Projection, resource, schema::Mutability,
    },
    translation::{Mapping, RelationRow},
};

/// Replaces the resource. Attributes that are left out are cleared (those that Graph cannot clear
/// stay as they are); a relation that is left out stays as it is, one that is given is replaced,
/// `[]` empties it. RFC 7644 §3.5.1 leaves both to the server.
///
/// # Errors
/// As for create; 412 when `If-Match` does not fit.
pub async fn replace(
    cx: &Context<'_>,
    id: &str,
    body: &Value,
    if_match: Option<&str>,
    projection: &Projection,
) -> Result<Written, Error> {
    offered(cx, cx.room.kind.operations.replace, "replaced")?;
    rights::check(cx, false)?;
    let mapping = &cx.room.mapping;
    let input = resource::normalize(body, cx.room.schema(), &cx.app.settings.input)?;
    let (mut after, cleared) = (input.document, input.cleared);
    resource::require(&after, cx.room.schema())?;
    let all = Projection::all();
    let before = Before::read(cx, id, &all, None).await?;
    check_version(&before.document(cx), if_match)?;
    let mut steps: Vec<(&RelationRow, Vec<Step>)> = Vec::new();
    for related in writable(cx) {
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
    resource::keep_immutable(&before.attributes, &mut after, cx.room.schema())?;
    change_object(cx, before, after, &cleared, true, steps, Some(projection)).await
}

fn writable<'a>(cx: &'a Context<'a>) -> impl Iterator<Item = Related<'a>> {
    cx.room
        .relations()
        .filter(|r| r.row.attribute.mutability != Mutability::ReadOnly)
}

/// The object as it was read before the change.
pub(super) struct Before<'a> {
    pub loaded: Loaded,
    pub wanted: Wanted<'a>,
    /// Its own attributes, without relations.
    pub attributes: Document,
}

impl<'a> Before<'a> {
    /// Reads all attributes, and the relations of `related` (all of a default answer, if `None`).
    pub(super) async fn read(
        cx: &'a Context<'a>,
        id: &str,
        all: &'a Projection,
        related: Option<Vec<Related<'a>>>,
    ) -> Result<Self, Error> {
        let wanted = match related {
            None => Wanted::for_answer(cx, all, None, None, false),
            Some(related) => {
                let mut wanted = Wanted::new(cx, all, related, None, None, false);
                wanted.complete = false;
                wanted
            }
        };
        let wanted = wanted.also(cx.room.kind.special.guard_properties());
        let loaded = fetch::one(cx, id, &wanted).await?;
        let attributes = cx.room.mapping.to_scim(&loaded.entity);
        Ok(Self {
            loaded,
            wanted,
            attributes,
        })
    }

    /// The finished document, relations included.
    pub(super) fn document(&self, cx: &Context<'_>) -> Document {
        fetch::document(cx, &self.loaded, &self.wanted)
    }

    /// The edges of a mapped relation, when it was read.
    pub(super) fn edges(&self, row: &RelationRow) -> Option<&[crate::resources::Edge]> {
        let i = self
            .wanted
            .related
            .iter()
            .position(|r| r.row.path == row.path)?;
        self.loaded.edges.get(i).map(Vec::as_slice)
    }
}

/// Plans and makes the change from `before` to `after` and the relation steps; answers with the
/// resource as it is then, if an answer is wanted.
pub(super) async fn change_object(
    cx: &Context<'_>,
    before: Before<'_>,
    after: Document,
    cleared: &[AttrPath],
    replaces: bool,
    steps: Vec<(&RelationRow, Vec<Step>)>,
    answer: Option<&Projection>,
) -> Result<Written, Error> {
    let mapping = &cx.room.mapping;
    let special = cx.room.kind.special;
    let id = before.loaded.id.clone();
    let body = if replaces {
        mapping.to_graph(Some(&before.attributes), &after, cleared)?
    } else {
        changed_properties(mapping, &before.attributes, &after)?
    };
    if !body.is_empty() {
        special.guard_update(&before.loaded.entity, &body)?;
    }
    let mut entity = before.loaded.entity.clone();
    if let Value::Object(entity) = &mut entity {
        entity.extend(body.clone());
    }
    let mut calls = attribute_calls(cx, &id, body);
    let own_calls = calls.len();
    let mut touched: Vec<&RelationRow> = Vec::new();
    for (row, steps) in steps {
        let relation = relations::declared(cx, row)?;
        let steps = relations::with_kinds(cx, relation, steps).await?;
        let change = change::net(relation, &steps, before.edges(row))?;
        let target = Target {
            id: &id,
            entity: Some(&entity),
            graph_url: &cx.tenant.graph_url,
        };
        let planned = relation.plan(&target, &change)?;
        if !planned.is_empty() {
            special.guard_relation(&before.loaded.entity, relation.name())?;
            touched.push(row);
            calls.extend(planned);
        }
    }
    if cx.dry_run {
        return Ok(Written::Plan(calls));
    }
    carry_out(cx, &id, &before, &after, &calls, own_calls).await?;
    let Some(projection) = answer else {
        return Ok(Written::Done);
    };
    let written = own_calls > 0;
    if !projection.is_default() {
        // May name what is returned on request only, which was not read before.
        let wanted = Wanted::for_answer(cx, projection, None, None, false);
        let mut loaded = fetch::one(cx, &id, &wanted).await?;
        overlay(&mut loaded.entity, &entity, written);
        let doc = fetch::document(cx, &loaded, &wanted);
        return Ok(Written::Resource(projection.apply(&doc, cx.room.schema())));
    }
    let mut changed = Loaded {
        id,
        entity,
        edges: before.loaded.edges,
    };
    if !touched.is_empty() {
        read_again(cx, &mut changed, &before.wanted, &touched, written).await?;
    }
    let doc = fetch::document(cx, &changed, &before.wanted);
    Ok(Written::Resource(projection.apply(&doc, cx.room.schema())))
}

/// Reads the relations that were changed, for the names of the other ends and what Graph made of
/// the change; the others are as they were.
async fn read_again(
    cx: &Context<'_>,
    changed: &mut Loaded,
    wanted: &Wanted<'_>,
    touched: &[&RelationRow],
    written: bool,
) -> Result<(), Error> {
    let is_touched = |r: &Related<'_>| touched.iter().any(|t| t.path == r.row.path);
    let related = wanted
        .related
        .iter()
        .copied()
        .filter(|r| is_touched(r))
        .collect();
    let narrow = Wanted::new(cx, wanted.projection, related, None, None, false);
    let narrow = narrow.also(cx.room.kind.special.guard_properties());
    let mut loaded = fetch::one(cx, &changed.id, &narrow).await?;
    overlay(&mut loaded.entity, &changed.entity, written);
    let mut edges = loaded.edges.into_iter();
    for (related, old) in wanted.related.iter().zip(&mut changed.edges) {
        if is_touched(related)
            && let Some(new) = edges.next()
        {
            *old = new;
        }
    }
    changed.entity = loaded.entity;
    Ok(())
}

/// The Graph properties that lead from one document to the other. What is in the first and not
/// in the second was removed on purpose.
fn changed_properties(
    mapping: &Mapping,
    before: &Document,
    after: &Document,
) -> Result<Map<String, Value>, Error> {
    let removed = mapping.removed(before, after);
    Ok(mapping.to_graph(Some(before), after, &removed)?)
}

/// What was just written wins over what a replica of the directory may still say.
fn overlay(read: &mut Value, written: &Value, changed: bool) {
    if let (Value::Object(read), Value::Object(written), true) = (read, written, changed) {
        for (name, value) in read.iter_mut() {
            if let Some(new) = written.get(name).filter(|_| !name.starts_with('@')) {
                *value = new.clone();
            }
        }
    }
}

fn attribute_calls(cx: &Context<'_>, id: &str, body: Map<String, Value>) -> Vec<GraphCall> {
    if body.is_empty() {
        return Vec::new();
    }
    cx.room
        .mapping
        .write_parts(body)
        .into_iter()
        .map(|(target, body)| {
            let names: Vec<&str> = body.keys().map(String::as_str).collect();
            let what = format!("set {}", names.join(", "));
            let path = relations::target_path(&target, &cx.room.kind.object_path(id));
            GraphCall::new(Request::patch(path, Value::Object(body)), id, what)
        })
        .collect()
}

/// Makes the calls: the object's own attributes first, then, if that went well, the relations. When
/// a relation fails, the attributes are set back, so that a failed request has changed nothing.
async fn carry_out(
    cx: &Context<'_>,
    id: &str,
    before: &Before<'_>,
    after: &Document,
    calls: &[GraphCall],
    own_calls: usize,
) -> Result<(), Error> {
    let mut done: Vec<String> = Vec::new();
    let (own, relation_calls) = calls.split_at(own_calls);
    for part in [own, relation_calls] {
        if part.is_empty() {
            continue;
        }
        let mut failed = None;
        for (call, outcome) in part.iter().zip(execute(cx, part).await?) {
            match outcome {
                Outcome::Failed(error) if failed.is_none() => failed = Some((call, error)),
                Outcome::Failed(_) | Outcome::AlreadySo(_) => {}
                Outcome::Done => done.push(call.what.clone()),
            }
        }
        if let Some((call, error)) = failed {
            let error = relations::failure(cx, id, call, error).await;
            if done.len() >= own_calls && own_calls > 0 && part.len() == relation_calls.len() {
                set_back(cx, id, before, after, &mut done, own_calls).await;
            }
            return Err(relations::partly(error, &done));
        }
    }
    Ok(())
}

/// Sets the attributes back; on success they are no longer in the list of what was done.
async fn set_back(
    cx: &Context<'_>,
    id: &str,
    before: &Before<'_>,
    after: &Document,
    done: &mut Vec<String>,
    own_calls: usize,
) {
    let Ok(body) = changed_properties(&cx.room.mapping, after, &before.attributes) else {
        return;
    };
    let calls = attribute_calls(cx, id, body);
    let Ok(outcomes) = execute(cx, &calls).await else {
        return;
    };
    if outcomes.iter().all(|o| matches!(o, Outcome::Done)) {
        done.drain(..own_calls.min(done.len()));
    }
}
