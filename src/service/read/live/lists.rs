//! What is read beside an entity: the lists that its relations ask for, properties that lists do not
//! give, and resources below it. Each is complete, or the whole answer is an error.

use std::time::Duration;

use serde_json::Value;

use super::{
    super::{
        super::{Context, Error, relations::Lists as Remembered, role_groups},
        Wanted,
    },
    object::{id_of, protocol},
};
use crate::{
    graph::{self, BatchItem, Refusal},
    odata::request::Request,
    scim::error::{Error as ScimError, Kind},
};

/// The lists that relations were read from, for one or more objects.
#[derive(Default)]
pub(super) struct Lists {
    read: Vec<Vec<Value>>,
    /// For each relation: where its lists start, how many an object has, whether all objects
    /// share them.
    plan: Vec<(usize, usize, bool)>,
}

impl Lists {
    /// The lists of an object that Graph does not know yet: all empty.
    pub(super) fn none(cx: &Context, wanted: &Wanted) -> Self {
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
    fn take(&mut self, remembered: Vec<(usize, Remembered)>) {
        for (at, known) in remembered {
            self.plan[at] = (self.read.len(), known.len(), false);
            self.read.extend(known.iter().cloned());
        }
    }

    /// The lists of the relation, for the object.
    pub(super) fn of(&self, relation: usize, object: usize) -> &[Vec<Value>] {
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

/// Reads what the relations of the objects ask for, each list complete, and the names that they
/// need and that are not remembered.
pub(super) async fn lists(
    cx: &Context,
    ids: &[String],
    wanted: &Wanted,
    at_hand: &[usize],
) -> Result<Lists, Error> {
    let kinds = wanted.relations.iter();
    let kinds = kinds.filter_map(|&i| Some(cx.mapped.relation(i)?.relation.edge().0));
    role_groups::prepare(cx, kinds).await?;
    let now = cx.app.clock.now();
    let kind = cx.kind().name;
    let memory = &cx.tenant.relations;
    // Remembered lists stand behind those that are read, for whom `requests` has no place.
    let mut remembered: Vec<(usize, Remembered)> = Vec::new();
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
    // What the tenant has no licence for is not there.
    let licence = &cx.tenant.licence;
    let left_out: Vec<bool> = requests
        .iter()
        .map(|request| licence.is_missing_for(request, now))
        .collect();
    let kept = requests.iter().zip(&left_out).filter(|(_, left)| !**left);
    let sent: Vec<Request> = kept.map(|(r, _)| r.clone()).chain(names.clone()).collect();
    let mut answers = cx
        .tenant
        .graph
        .collect_many(&cx.call, sent)
        .await?
        .into_iter();
    let mut read = Vec::with_capacity(asked + names.len());
    for (request, left) in requests.iter().zip(left_out) {
        let list = if left {
            Ok(Vec::new())
        } else {
            let answer = answers.next();
            answer.ok_or_else(|| protocol("a list was not answered"))?
        };
        read.push(licence.judge(request, list, now));
    }
    read.extend(answers);
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
pub(super) async fn add_per_object(
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
pub(super) async fn add_side_resources(
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
