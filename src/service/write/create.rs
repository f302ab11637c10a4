//! `POST /Type`

use serde_json::Value;

use super::{
    super::{
        Context, Error, Written,
        execute::{Outcome, execute},
        fetch,
        recent::Fate,
        rights,
    },
    offered, relations,
};
use crate::{
    odata::request::Request,
    resources::{CreateContext, GraphCall, Tolerates, change, relation::Target},
    scim::{patch::Step, projection::Projection, resource},
    translation::RelationRow,
};

/// Creates the resource, then its relations. When a follow-up fails, the object is deleted again
/// and the failure is the answer: a create is never half done.
///
/// # Errors
/// `invalidValue` and its like before anything is done; `uniqueness` when Graph says so.
pub async fn create(
    cx: &Context<'_>,
    body: &Value,
    projection: &Projection,
) -> Result<Written, Error> {
    offered(cx, cx.room.kind.operations.create, "created")?;
    rights::check(cx, false)?;
    let mapping = &cx.room.mapping;
    let mut doc = resource::normalize(body, cx.room.schema(), &cx.app.settings.input)?.document;
    resource::require(&doc, cx.room.schema())?;
    let mut wanted: Vec<(&RelationRow, Vec<Value>)> = Vec::new();
    for row in mapping.relations() {
        if let Some(elements) = mapping
            .take_relation(&mut doc, row)
            .filter(|e| !e.is_empty())
        {
            wanted.push((row, elements));
        }
    }
    let given = wanted.clone();
    let mut entity = mapping.to_graph(None, &doc, &[])?;
    let context = CreateContext {
        password: random_password(),
        suffix: random_suffix(),
    };
    cx.room
        .kind
        .special
        .prepare_create(&mut entity, &doc, &context)?;
    let mut follow_ups: Vec<(&RelationRow, Vec<Value>)> = Vec::new();
    for (row, mut elements) in wanted {
        let relation = relations::declared(cx, row)?;
        relation.bind_on_create(&mut entity, &mut elements, &cx.tenant.graph_url);
        if !elements.is_empty() {
            follow_ups.push((row, elements));
        }
    }
    let parts = mapping.write_parts(entity);
    let (first, later) = parts
        .split_first()
        .ok_or_else(|| fetch::protocol("nothing to create"))?;
    let request = Request::post(cx.room.kind.collection, Value::Object(first.1.clone()));
    if cx.dry_run {
        // The id is Graph's to give: the plan shows a placeholder that the checks accept.
        let id = "00000000-0000-0000-0000-000000000000";
        let mut calls = vec![GraphCall::new(request, "", "create")];
        calls.extend(plan_follow_ups(cx, id, &first.1, later, &follow_ups).await?);
        return Ok(Written::Plan(calls));
    }
    let mut reply = cx.tenant.graph.send(&cx.call, &request).await?;
    let id = fetch::id_of(cx, &reply.body)
        .ok_or_else(|| fetch::protocol("Graph created an object without an id"))?;
    cx.tenant
        .recent
        .note(&id, Fate::Created, cx.app.clock.now());
    let followed = async {
        let calls = plan_follow_ups(cx, &id, &first.1, later, &follow_ups).await?;
        if calls.is_empty() {
            return Ok(());
        }
        for (call, outcome) in calls.iter().zip(execute(cx, &calls).await?) {
            if let Outcome::Failed(error) = outcome {
                return Err(relations::failure(cx, &id, call, error).await);
            }
        }
        Ok(())
    };
    if let Err(error) = followed.await {
        return Err(undo(cx, &id, error).await);
    }
    merge(&mut reply.body, &first.1);
    for (_, body) in later {
        merge(&mut reply.body, body);
    }
    answer(cx, &id, reply.body, &given, projection).await
}

/// What was sent and Graph does not echo (it answers a few default properties only).
fn merge(entity: &mut Value, sent: &serde_json::Map<String, Value>) {
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

async fn plan_follow_ups(
    cx: &Context<'_>,
    id: &str,
    sent: &serde_json::Map<String, Value>,
    later: &[(
        crate::translation::WriteTarget,
        serde_json::Map<String, Value>,
    )],
    follow_ups: &[(&RelationRow, Vec<Value>)],
) -> Result<Vec<GraphCall>, Error> {
    let mut calls = Vec::new();
    for (target, body) in later {
        let path = relations::target_path(target, &cx.room.kind.object_path(id));
        let request = Request::patch(path, Value::Object(body.clone()));
        calls.push(GraphCall::new(
            request,
            id,
            "attributes that need a call of their own",
        ));
    }
    let entity = Value::Object(sent.clone());
    for (row, elements) in follow_ups {
        let relation = relations::declared(cx, row)?;
        let steps = relations::with_kinds(cx, relation, vec![Step::Add(elements.clone())]).await?;
        let change = change::net(relation, &steps, Some(&[]))?;
        let target = Target {
            id,
            entity: Some(&entity),
            graph_url: &cx.tenant.graph_url,
        };
        calls.extend(relation.plan(&target, &change)?);
    }
    Ok(calls)
}

/// Takes the create back. If even that fails, the answer says what is left behind.
async fn undo(cx: &Context<'_>, id: &str, mut error: Error) -> Error {
    let request = Request::delete(cx.room.kind.object_path(id));
    let call = GraphCall::new(request, id, "undo the create").tolerating(Tolerates::NotThere);
    let left = match execute(cx, std::slice::from_ref(&call)).await {
        Ok(outcomes) => outcomes.iter().any(|o| matches!(o, Outcome::Failed(_))),
        Err(_) => true,
    };
    if left {
        let left = format!(
            "; the {} was created with id '{id}' and could not be removed again",
            cx.room.kind.name
        );
        error.scim.detail.push_str(&left);
    } else {
        cx.tenant.recent.note(id, Fate::Deleted, cx.app.clock.now());
        error.scim.detail.push_str("; nothing was created");
    }
    error
}

/// The answer: from what Graph said and what was sent, because a read may not see the new object
/// yet. Only relations are read, for the names of the other ends; when that does not work yet,
/// they are shown as they were given.
async fn answer(
    cx: &Context<'_>,
    id: &str,
    mut entity: Value,
    given: &[(&RelationRow, Vec<Value>)],
    projection: &Projection,
) -> Result<Written, Error> {
    let wanted = fetch::Wanted::for_answer(cx, projection, None, None, false);
    if !given.is_empty()
        && let Ok(loaded) = fetch::one(cx, id, &wanted).await
    {
        let doc = fetch::document(cx, &loaded, &wanted);
        return Ok(Written::Resource(projection.apply(&doc, cx.room.schema())));
    }
    if let Some(entity) = entity.as_object_mut()
        && entity.get("createdDateTime").is_none_or(Value::is_null)
    {
        // Graph's default answer for a user leaves it out; it is now, to the second.
        let now = cx.app.clock.now();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        if let Ok(text) = now.format(&time::format_description::well_known::Rfc3339) {
            entity.insert("createdDateTime".into(), text.into());
        }
    }
    let mut doc = cx.room.mapping.to_scim(&entity);
    for (row, elements) in given {
        cx.room
            .mapping
            .put_relation(&mut doc, row, elements.clone());
    }
    fetch::finish(cx, &mut doc, id, false);
    Ok(Written::Resource(projection.apply(&doc, cx.room.schema())))
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
