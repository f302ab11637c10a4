//! `POST /Type`

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    super::{
        Context, Error,
        audit::digest,
        offload,
        read::{Wanted, live::object},
        replica::own::OwnWrite,
        rights, role_groups,
        tokens::Access,
    },
    Effect, MANY, Once, Written,
    execute::{Done, execute, roll_back},
    is_replicated, outcome,
    record::{self, Changed},
    relations, values,
};
use crate::{
    graph::{Refusal, Reply},
    odata::request::Request,
    resources::{
        CreateContext, GraphCall, Inverse, Purpose, Verb,
        relation::{Calls, Subject},
    },
    scim::{
        Document,
        error::Error as ScimError,
        etag,
        patch::Step,
        projection::Projection,
        resource::{self, Input},
    },
    translation::{RelationRow, WriteTarget},
};

/// Stands for the id, which is Graph's to give, where a create is planned and not made.
const PLACEHOLDER: &str = "00000000-0000-0000-0000-000000000000";

/// What a create consists of, before anything is sent.
struct Plan<'a> {
    /// The properties of the first request.
    first: Map<String, Value>,
    /// Properties that need requests of their own.
    later: Vec<(WriteTarget, Map<String, Value>)>,
    /// Relations that need follow-up calls.
    follow_ups: Vec<(&'a RelationRow, Vec<Value>)>,
    /// Relations as the client gave them.
    given: Vec<(&'a RelationRow, Vec<Value>)>,
}

/// Creates the resource, then its relations. When a follow-up fails, the object is deleted again
/// and the failure is the answer: a create is never half done.
///
/// # Errors
/// `invalidValue` and its like before anything is done; `uniqueness` when Graph says so.
pub(super) async fn create(
    cx: &Context,
    body: &Arc<Value>,
    projection: &Projection,
    once: Option<&Once>,
) -> Result<Effect, Error> {
    rights::check(cx, false)?;
    let input = normalized(cx, body).await?;
    let projection = &projection.after_writing(&input.paths(cx.schema()), cx.schema());
    let plan = plan(cx, input.document, once)?;
    let request = Request::post(cx.kind().collection, Value::Object(plan.first.clone()));
    // What is wrong with the elements is said before anything is made.
    for (row, elements) in &plan.given {
        let relation = relations::declared(cx, row)?;
        for element in elements {
            relation.named("", element)?;
        }
    }
    let (phases, _) = follow_ups(cx, PLACEHOLDER, &plan).await?;
    if cx.dry_run {
        let mut calls = vec![GraphCall::new(request, "", Purpose::object(Verb::Create))];
        calls.extend(phases.into_iter().flatten());
        return Ok(Effect::plan(calls));
    }
    relations::affordable(cx, phases.iter().map(Vec::len).sum::<usize>() + 1)?;
    let reply = match once.and_then(|once| once.tried) {
        Some(since) => outcome::again(cx, &plan.first, &request, since).await?,
        None => send(cx, &plan.first, &request).await?,
    };
    let id = object::id_of(cx, &reply.body)
        .ok_or_else(|| object::protocol("Graph created an object without an id"))?;
    finish(cx, &id, plan, reply, request, projection).await
}

/// Makes the object; what Graph said of it.
///
/// # Errors
/// Graph's refusal; that the outcome is not known.
pub(super) async fn send(
    cx: &Context,
    sent: &Map<String, Value>,
    request: &Request,
) -> Result<Reply, Error> {
    let started = cx.app.clock.now();
    let reply = cx.tenant.graph.send(&cx.call, request).await;
    match reply.and_then(|reply| outcome::of_ours(cx, sent, reply)) {
        Ok(reply) => Ok(reply),
        Err(error) => outcome::settle(cx, sent, request, started, error).await,
    }
}

/// The body in canonical form.
///
/// # Errors
/// As [`resource::normalize`]; 503 when that is not done in time.
pub(super) async fn normalized(cx: &Context, body: &Arc<Value>) -> Result<Input, Error> {
    let (body, mapped) = (Arc::clone(body), Arc::clone(&cx.mapped));
    let rules = cx.app.settings.input;
    let many = values(&body) > MANY;
    let normalize = move || {
        let mut input = resource::normalize(&body, mapped.schema(), &rules)?;
        let dropped = mapped.mapping.drop_strays(&mut input.document);
        input.ignored.extend(dropped);
        Ok::<Input, ScimError>(input)
    };
    let mut input = offload(cx, many, normalize).await??;
    cx.ignored.note(std::mem::take(&mut input.ignored));
    Ok(input)
}

fn plan<'a>(cx: &'a Context, mut doc: Document, once: Option<&Once>) -> Result<Plan<'a>, Error> {
    let mapping = cx.mapping();
    resource::require(&doc, cx.schema())?;
    let mut given: Vec<(&RelationRow, Vec<Value>)> = Vec::new();
    for row in mapping.relations() {
        if let Some(elements) = mapping
            .take_relation(&mut doc, row)
            .filter(|e| !e.is_empty())
        {
            cx.require(Access::Write, row)?;
            given.push((row, elements));
        }
    }
    let mut entity = mapping.to_graph(None, &doc, &[])?;
    role_groups::guard_properties(cx, &entity)?;
    let context = CreateContext {
        password: random_password(),
        suffix: once.map_or_else(random_suffix, |once| once.suffix.clone()),
    };
    cx.kind()
        .special
        .prepare_create(&mut entity, &doc, &context)?;
    let mut follow_ups: Vec<(&RelationRow, Vec<Value>)> = Vec::new();
    for (row, elements) in &given {
        let relation = relations::declared(cx, row)?;
        let mut elements = elements.clone();
        relation.bind_on_create(&mut entity, &mut elements, &cx.tenant.graph_url);
        if !elements.is_empty() {
            follow_ups.push((row, elements));
        }
    }
    let mut parts = mapping.write_parts(entity).into_iter();
    let (_, first) = parts
        .next()
        .ok_or_else(|| object::protocol("nothing to create"))?;
    Ok(Plan {
        first,
        later: parts.collect(),
        follow_ups,
        given,
    })
}

/// Makes the follow-up calls, or takes the create back.
async fn finish(
    cx: &Context,
    id: &str,
    plan: Plan<'_>,
    reply: Reply,
    request: Request,
    projection: &Projection,
) -> Result<Effect, Error> {
    let mut entity = reply.body.clone();
    merge(&mut entity, &plan.first);
    for (target, body) in &plan.later {
        match target {
            WriteTarget::Side(side) => {
                let side = &mut entity[&side.property];
                if !side.is_object() {
                    *side = Value::Object(Map::new());
                }
                merge(side, body);
            }
            _ => merge(&mut entity, body),
        }
    }
    set_created(cx, &mut entity);
    let is_read = fill_in(cx, id, &mut entity, &plan).await;
    if role_groups::is_one(&entity) {
        cx.tenant.role_groups.learn(id, true);
    }
    let now = cx.app.clock.now();
    cx.tenant
        .recent
        .objects
        .created(cx.kind().name, id, entity.clone(), now);
    cx.made.note(OwnWrite::Created {
        kind: cx.kind().name,
        id: id.to_owned(),
        entity: entity.clone(),
    });
    cx.tenant.names.forget(cx.kind().collection);
    let mut done = vec![Done {
        call: GraphCall::new(request, id, Purpose::object(Verb::Create))
            .undone_by(Inverse::DeleteMade),
        reply,
    }];
    let followed = async {
        let (phases, changes) = follow_ups(cx, id, &plan).await?;
        let mut report = execute(cx, phases).await;
        if report.failures.is_empty() {
            record::edges(cx, changes, &report);
            return Ok(());
        }
        done.append(&mut report.done);
        let (call, error) = report.failures.swap_remove(0);
        Err(relations::failure(cx, id, &call, error).await)
    };
    if let Err(error) = followed.await {
        return Err(undo(cx, id, done, error).await);
    }
    bound_edges(cx, id, &plan)?;
    // A new object has no more relations than those, which are remembered apart.
    for related in cx.mapped.related() {
        let none = vec![Vec::new(); related.relation.lists(id).len()];
        if !none.is_empty() {
            let name = related.relation.name();
            cx.tenant
                .relations
                .remember(cx.kind().name, name, id, none, now);
        }
    }
    let whole = is_read && plan.later.is_empty() && plan.given.is_empty();
    let doc = answer(cx, id, &entity, &plan.given, projection, whole).await?;
    let version = etag::version(&doc);
    Ok(Effect {
        id: Some(id.to_owned()),
        after: Some(digest(&doc)),
        projection: Some(projection.clone()),
        ..Effect::of(Written::Resource(cx.shown(doc, projection), version))
    })
}

/// What Graph has made of the object beside what was sent, so that the answer holds what the next
/// read holds; whether it could be read. Where Graph does not show the object yet, it comes with a
/// change query.
async fn fill_in(cx: &Context, id: &str, entity: &mut Value, plan: &Plan<'_>) -> bool {
    let request = Request::get(cx.kind().object_path(id)).select(&cx.mapped.shape.select);
    let read = match cx.tenant.graph.send(&cx.call, &request).await {
        Ok(reply) => reply.body,
        Err(error) => {
            tracing::debug!(
                error = %crate::base::chain::Chain(&error),
                "a new object could not be read yet"
            );
            return false;
        }
    };
    let (Value::Object(entity), Value::Object(read)) = (entity, read) else {
        return false;
    };
    for (name, value) in read {
        // What goes with later requests is not there yet.
        let open = |(_, body): &(WriteTarget, Map<String, Value>)| body.contains_key(&name);
        let held = entity.get(&name).is_some_and(|held| !held.is_null());
        let wins = !held || !value.is_null() && !plan.later.iter().any(open);
        if wins && !name.starts_with('@') {
            entity.insert(name, value);
        }
    }
    true
}

/// Remembers the edges that were made together with the object.
fn bound_edges(cx: &Context, id: &str, plan: &Plan<'_>) -> Result<(), Error> {
    let now = cx.app.clock.now();
    for (row, elements) in &plan.given {
        let relation = relations::declared(cx, row)?;
        let later = plan
            .follow_ups
            .iter()
            .find(|(other, _)| other.path == row.path)
            .map_or(0, |(_, elements)| elements.len());
        for element in elements.iter().take(elements.len() - later) {
            let edge = relation.named(id, element)?;
            cx.tenant.recent.edges.added(edge.clone(), now);
            let edge = record::typed(cx, relation.edge().1, edge);
            cx.made.note(OwnWrite::Added(edge));
        }
    }
    Ok(())
}

/// What was sent and Graph does not echo (it answers a few default properties only).
fn merge(entity: &mut Value, sent: &Map<String, Value>) {
    let Some(entity) = entity.as_object_mut() else {
        return;
    };
    for (name, value) in sent {
        let kept = entity.get(name).is_some_and(|v| !v.is_null());
        if !kept && name != "passwordProfile" && !name.ends_with("@odata.bind") {
            entity.insert(name.clone(), value.clone());
        }
    }
}

/// Graph's default answer for a user leaves the time out; it is now, to the second.
fn set_created(cx: &Context, entity: &mut Value) {
    if let Some(entity) = entity.as_object_mut()
        && entity.get("createdDateTime").is_none_or(Value::is_null)
    {
        let now = cx.app.clock.now();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        if let Ok(text) = now.format(&time::format_description::well_known::Rfc3339) {
            entity.insert("createdDateTime".into(), text.into());
        }
    }
}

async fn follow_ups(
    cx: &Context,
    id: &str,
    plan: &Plan<'_>,
) -> Result<(Vec<Vec<GraphCall>>, Vec<Changed>), Error> {
    let mut sets = Vec::new();
    for (target, body) in &plan.later {
        let path = relations::target_path(target, &cx.kind().object_path(id));
        let request = Request::patch(path, Value::Object(body.clone()));
        let purpose = Purpose {
            relation: None,
            verb: Verb::Set,
            ids: body.keys().cloned().collect(),
        };
        sets.push(GraphCall::new(request, id, purpose));
    }
    let entity = Value::Object(plan.first.clone());
    let mut adds = Vec::new();
    let mut changes = Vec::new();
    for (row, elements) in &plan.follow_ups {
        let relation = relations::declared(cx, row)?;
        let subject = Subject {
            id,
            entity: Some(&entity),
            now: cx.app.clock.now(),
            graph_url: &cx.tenant.graph_url,
        };
        let steps = vec![Step::Add(elements.clone())];
        let (calls, changed) =
            relations::plan(cx, relation, &subject, steps, Some(Vec::new())).await?;
        let Calls { adds: new, .. } = calls;
        adds.extend(new);
        changes.push(changed);
    }
    Ok((vec![sets, adds], changes))
}

/// Takes the create back, what followed it first: an account that holds a role cannot always be
/// deleted by whoever could give it the role. If even that fails, the answer says what is left.
async fn undo(cx: &Context, id: &str, done: Vec<Done>, mut error: Error) -> Error {
    let left = roll_back(cx, done).await;
    if left.is_empty() {
        cx.made.note(OwnWrite::Deleted {
            kind: cx.kind().name,
            id: id.to_owned(),
        });
        cx.tenant
            .recent
            .objects
            .deleted(cx.kind().name, id, cx.app.clock.now());
        error.scim.detail.push_str("; nothing was created");
    } else {
        let text = format!(
            "; the {} was created with id '{id}' and could not be removed again",
            cx.kind().name
        );
        error.scim.detail.push_str(&text);
        error.left_behind = Some(id.into());
        // Coming back with the same request would make a second one.
        error.retry_after = None;
    }
    error
}

/// The answer: from what Graph said and what was sent, because a read may not see the new object
/// yet. Only relations are read, for the names of the other ends; when that does not work yet,
/// they are shown as they were given.
async fn answer(
    cx: &Context,
    id: &str,
    entity: &Value,
    given: &[(&RelationRow, Vec<Value>)],
    projection: &Projection,
    whole: bool,
) -> Result<Document, Error> {
    if !given.is_empty() && !is_replicated(cx).await? {
        let wanted = Wanted::answer(&cx.mapped, projection, false);
        if let Ok(loaded) = object::one(cx, id, &wanted).await {
            return Ok(object::document(cx, &loaded, &wanted));
        }
    }
    let mut doc = cx.mapping().to_scim(entity);
    for (row, elements) in given {
        let relation = relations::declared(cx, row)?;
        let side = relation.edge().1;
        let mut shown = Vec::with_capacity(elements.len());
        for element in elements {
            shown.push(relation.named(id, element)?.element(side));
        }
        cx.mapping().put_relation(&mut doc, row, shown);
    }
    // The version is that of what a read brings, where the client does not say.
    let shown = if whole { default_of(cx, entity) } else { None };
    cx.mapping().finish(cx.kind(), &mut doc, id, false);
    if let Some(mut shown) = shown {
        cx.mapping().finish(cx.kind(), &mut shown, id, true);
        if let (Some(version), Some(Value::Object(meta))) =
            (etag::version(&shown), doc.get_mut("meta"))
        {
            meta.insert("version".into(), version.into());
        }
    }
    Ok(doc)
}

/// What a read without a projection makes of the entity; `None` when more must be read for that.
fn default_of(cx: &Context, entity: &Value) -> Option<Document> {
    let wanted = Wanted::answer(&cx.mapped, &Projection::all(), false);
    if !wanted.per_object.is_empty() || !wanted.sides.is_empty() {
        return None;
    }
    let mut entity = entity.clone();
    if let Value::Object(entity) = &mut entity {
        entity.retain(|name, _| wanted.select.contains(name));
    }
    Some(cx.mapping().to_scim(&entity))
}

/// Whether Graph refused because another object has the name.
pub(super) fn is_taken(error: &crate::graph::Error) -> bool {
    error.refusal() == Some(Refusal::Duplicate)
}

/// 24 characters of four classes: satisfies every complexity rule of Entra ID.
fn random_password() -> String {
    use rand::{Rng, seq::SliceRandom};
    const CLASSES: [&[u8]; 4] = [
        b"abcdefghijkmnopqrstuvwxyz",
        b"ABCDEFGHJKLMNPQRSTUVWXYZ",
        b"23456789",
        b"!#$%*+-=?@_",
    ];
    let mut rng = rand::rng();
    let mut chars: Vec<u8> = (0..24)
        .map(|i| {
            let class = CLASSES[i % CLASSES.len()];
            class[rng.random_range(0..class.len())]
        })
        .collect();
    chars.shuffle(&mut rng);
    chars.into_iter().map(char::from).collect()
}

fn random_suffix() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id.chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_are_complex_and_differ() {
        let (a, b) = (random_password(), random_password());
        assert_ne!(a, b);
        for password in [a, b] {
            assert_eq!(password.len(), 24);
            assert!(password.chars().any(|c| c.is_ascii_lowercase()));
            assert!(password.chars().any(|c| c.is_ascii_uppercase()));
            assert!(password.chars().any(|c| c.is_ascii_digit()));
            assert!(password.chars().any(|c| c.is_ascii_punctuation()));
        }
    }
}
