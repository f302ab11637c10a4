//! Changing an object that has been read: what PUT and PATCH share.

use serde_json::{Map, Value};

use super::{
    super::{
        Context, Error,
        audit::digest,
        read::{
            Before, Wanted,
            live::object::{self, Loaded},
        },
        replica::own::OwnWrite,
        role_groups,
        tokens::Access,
    },
    Effect, Written, admins,
    execute::{Report, execute, roll_back},
    is_replicated,
    record::{self, Changed},
    relations,
};
use crate::{
    graph,
    odata::request::Request,
    resources::{
        GraphCall, Inverse, Purpose, Verb,
        plan::some_of,
        relation::{Calls, Subject},
    },
    scim::{Document, attr::AttrPath, etag, patch::Step, projection::Projection},
    translation::RelationRow,
};

/// What an object is to become.
pub(super) struct Goal<'a> {
    /// Its attributes, without relations.
    pub(super) after: Document,
    /// Attributes that were unassigned explicitly.
    pub(super) cleared: Vec<AttrPath>,
    /// Whether what `after` leaves out is cleared as far as Graph can (PUT), or was removed on
    /// purpose (PATCH).
    pub(super) replaces: bool,
    /// Graph properties that the client speaks of.
    pub(super) named: Vec<String>,
    /// What happens to its relations.
    pub(super) steps: Vec<(&'a RelationRow, Vec<Step>)>,
    /// What to answer, if anything.
    pub(super) answer: Option<&'a Projection>,
}

/// Plans and makes the change; answers with the resource as it is then, if an answer is wanted.
///
/// # Errors
/// Before anything is done, or with what was done taken back, or told.
pub(super) async fn change(cx: &Context, before: Before, goal: Goal<'_>) -> Result<Effect, Error> {
    let mapping = cx.mapping();
    let special = cx.kind().special;
    let id = before.loaded.id.clone();
    let mut body = if goal.replaces {
        mapping.to_graph(Some(&before.attributes), &goal.after, &goal.cleared)?
    } else {
        // What is in the first and not in the second was removed on purpose.
        let removed = mapping.removed(&before.attributes, &goal.after);
        mapping.to_graph(Some(&before.attributes), &goal.after, &removed)?
    };
    for name in &before.loaded.altered {
        // Graph still shows an old value, or has got it back from somebody else.
        if goal.named.contains(name)
            && !body.contains_key(name)
            && let Some(value) = before.loaded.entity.get(name)
        {
            body.insert(name.clone(), value.clone());
        }
    }
    if !body.is_empty() {
        special.guard_update(&before.loaded.entity, &body)?;
    }
    if body.contains_key("passwordProfile") {
        admins::guard_password(cx, &id).await?;
    }
    let mut entity = before.loaded.entity.clone();
    if let Value::Object(entity) = &mut entity {
        entity.extend(body.clone());
    }
    let mut adds: Vec<GraphCall> = Vec::new();
    let mut removes: Vec<GraphCall> = Vec::new();
    let mut changes: Vec<Changed> = Vec::new();
    for (row, steps) in goal.steps {
        let relation = relations::declared(cx, row)?;
        let subject = Subject {
            id: &id,
            entity: Some(&entity),
            now: cx.app.clock.now(),
            graph_url: &cx.tenant.graph_url,
        };
        let current = before.edges(cx, row);
        let (calls, changed) = relations::plan(cx, relation, &subject, steps, current).await?;
        let Calls {
            adds: new,
            removes: old,
        } = calls;
        if cx.hides_role_groups() {
            // Planned against edges that are concealed, a change may look like none.
            role_groups::guard(cx, &id, Some(&before.loaded.entity), relation).await?;
        }
        if !new.is_empty() || !old.is_empty() {
            cx.require(Access::Write, row)?;
            role_groups::guard(cx, &id, Some(&before.loaded.entity), relation).await?;
            special.guard_relation(&before.loaded.entity, relation.name())?;
            adds.extend(new);
            removes.extend(old);
            changes.push(changed);
        }
    }
    let relates = !adds.is_empty() || !removes.is_empty();
    let (sets, password) = attribute_calls(cx, &id, &before.loaded.entity, body.clone(), relates);
    let phases = vec![sets, adds, removes, password];
    if cx.dry_run {
        return Ok(Effect::plan(phases.into_iter().flatten().collect()));
    }
    relations::affordable(cx, phases.iter().map(Vec::len).sum())?;
    let report = finish(cx, &id, execute(cx, phases).await).await?;
    record::properties(cx, &id, &before.loaded.entity, &body);
    let touched: Vec<&'static str> = changes.iter().map(|c| c.relation.name()).collect();
    record::edges(cx, changes, &report);
    let replicated = is_replicated(cx).await?;
    let whole = before.wanted.complete || replicated;
    let before_digest = whole.then(|| digest(&before.document(cx)));
    if replicated && special.derives(&body) {
        read_again(cx, &id).await?;
    }
    let Some(projection) = goal.answer else {
        return Ok(Effect {
            before: before_digest,
            ..Effect::of(Written::Done)
        });
    };
    let written = Changes {
        entity: &entity,
        body: &body,
        touched: &touched,
    };
    let doc = if replicated {
        // Only what tells of it is taken from this document: the answer is the replica's.
        object::document(cx, &written.as_loaded(&before), &before.wanted)
    } else {
        answer(cx, before, &written, projection).await?
    };
    let version = etag::version(&doc);
    Ok(Effect {
        before: before_digest,
        after: Some(digest(&doc)),
        projection: Some(projection.clone()),
        ..Effect::of(Written::Resource(cx.shown(doc, projection), version))
    })
}

/// What a change has changed.
struct Changes<'a> {
    /// The entity with what was written.
    entity: &'a Value,
    body: &'a Map<String, Value>,
    /// Relations.
    touched: &'a [&'static str],
}

impl Changes<'_> {
    fn as_loaded(&self, before: &Before) -> Loaded {
        Loaded {
            id: before.loaded.id.clone(),
            entity: self.entity.clone(),
            edges: before.loaded.edges.clone(),
            hidden: Vec::new(),
            by_graph: before.loaded.by_graph,
            altered: Vec::new(),
        }
    }
}

/// Reads an object of which Graph changes more than it was asked to, for the replica.
async fn read_again(cx: &Context, id: &str) -> Result<(), Error> {
    let request = Request::get(cx.kind().object_path(id)).select(&cx.mapped.shape.select);
    match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(reply) => cx.made.note(OwnWrite::Read {
            kind: cx.kind().name,
            entity: reply.body,
        }),
        // The write itself is done: the next round brings the rest.
        Err(error) => tracing::debug!(
            error = %crate::base::chain::Chain(&error),
            "an object could not be read again after its change"
        ),
    }
    Ok(())
}

/// The resource as it is now: what was read before, what was written, and read again only what
/// Graph itself made of the change.
async fn answer(
    cx: &Context,
    before: Before,
    written: &Changes<'_>,
    projection: &Projection,
) -> Result<Document, Error> {
    let id = before.loaded.id.clone();
    let derives = cx.kind().special.derives(written.body);
    if !projection.is_default() {
        // May name what is returned on request only, which was not read before.
        let wanted = Wanted::answer(&cx.mapped, projection, false);
        match object::one(cx, &id, &wanted).await {
            Ok(loaded) => return Ok(object::document(cx, &loaded, &wanted)),
            // Who may write an attribute may perhaps not read it; the write itself is done.
            Err(_) if projection.tells_more() && projection.without_more().is_default() => {}
            Err(error) => return Err(error),
        }
    }
    let relations: Vec<usize> = before
        .wanted
        .relations
        .iter()
        .copied()
        .filter(|&i| {
            cx.mapped
                .relation(i)
                .is_some_and(|r| written.touched.contains(&r.relation.name()))
        })
        .collect();
    let mut now = Loaded {
        id: id.clone(),
        entity: written.entity.clone(),
        edges: before.loaded.edges,
        hidden: Vec::new(),
        by_graph: before.loaded.by_graph,
        altered: Vec::new(),
    };
    if derives || !relations.is_empty() {
        let narrow =
            Wanted::with_relations(&cx.mapped, &Projection::all(), relations.clone(), false);
        let mut read = object::one(cx, &id, &narrow).await?;
        for (i, edges) in relations.iter().zip(read.edges.drain(..)) {
            if let Some(at) = before.wanted.relations.iter().position(|w| w == i) {
                now.edges[at] = edges;
            }
        }
        now.entity = read.entity;
        now.by_graph = read.by_graph;
    }
    Ok(object::document(cx, &now, &before.wanted))
}

/// The calls that set the object's own properties, each with the way back; and the one that sets a
/// password, which has none and therefore goes last when other things may fail.
fn attribute_calls(
    cx: &Context,
    id: &str,
    before: &Value,
    mut body: Map<String, Value>,
    relates: bool,
) -> (Vec<GraphCall>, Vec<GraphCall>) {
    let others = relates || body.len() > 1;
    let password = body
        .shift_remove_entry("passwordProfile")
        .map(|(name, value)| Map::from_iter([(name, value)]));
    let last = match password {
        Some(password) if others => attribute_parts(cx, id, before, password),
        Some(password) => {
            body.extend(password);
            Vec::new()
        }
        None => Vec::new(),
    };
    (attribute_parts(cx, id, before, body), last)
}

fn attribute_parts(
    cx: &Context,
    id: &str,
    before: &Value,
    body: Map<String, Value>,
) -> Vec<GraphCall> {
    cx.mapping()
        .write_parts(body)
        .into_iter()
        .map(|(target, body)| {
            let path = relations::target_path(&target, &cx.kind().object_path(id));
            let purpose = Purpose {
                relation: None,
                verb: Verb::Set,
                ids: body.keys().cloned().collect(),
            };
            let held = match &target {
                crate::translation::WriteTarget::Side(side) => before.get(&side.property),
                _ => Some(before),
            };
            let old: Map<String, Value> = body
                .keys()
                .filter(|name| *name != "passwordProfile")
                .map(|name| {
                    let value = held.and_then(|held| held.get(name));
                    (name.clone(), value.cloned().unwrap_or_default())
                })
                .collect();
            let inverse = if old.len() == body.len() {
                let back = Request::patch(path.clone(), Value::Object(old));
                Inverse::Calls(vec![GraphCall::new(back, id, purpose.clone())])
            } else {
                Inverse::None
            };
            GraphCall::new(Request::patch(path, Value::Object(body)), id, purpose)
                .undone_by(inverse)
        })
        .collect()
}

/// A report without failures; or the error, after what was done has been taken back.
///
/// # Errors
/// The first failure, with what could not be taken back.
pub(super) async fn finish(cx: &Context, id: &str, mut report: Report) -> Result<Report, Error> {
    if report.failures.is_empty() {
        return Ok(report);
    }
    let mut done = std::mem::take(&mut report.done);
    let mut uncertain: Vec<String> = Vec::new();
    for (call, error) in &report.failures {
        match call.purpose.verb {
            _ if !error.is_uncertain() => {}
            // The old values are known: setting them does no harm if the new ones were never set.
            Verb::Set => done.push(super::execute::Done {
                call: call.clone(),
                reply: graph::Reply::default(),
            }),
            _ => uncertain.push(call.purpose.to_string()),
        }
    }
    let (call, error) = report.failures.swap_remove(0);
    let was_done = !done.is_empty();
    let left = roll_back(cx, done).await;
    let mut told = relations::failure(cx, id, &call, error).await;
    let mut text = String::new();
    if !uncertain.is_empty() {
        let names = some_of(&uncertain);
        text = format!("; it is not known whether this was done: {names}");
    }
    if left.is_empty() {
        if was_done {
            text.push_str("; what was done before was taken back");
        }
    } else {
        let names: Vec<String> = left.iter().map(Purpose::to_string).collect();
        text.push_str("; done and not taken back: ");
        text.push_str(&some_of(&names));
        if told.scim.kind == crate::scim::error::Kind::NotFound {
            told.scim.kind = crate::scim::error::Kind::Conflict;
        }
    }
    told.scim.detail.push_str(&text);
    Err(told)
}
