//! `POST /Bulk`: many writes in one request. Those on different resources run side by side, each as
//! if it had come alone: with its own turn, its own audit row, its own deadline.

mod once;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use tokio::{task::JoinHandle, time::Instant};
use tracing::Instrument as _;

use super::{
    Context, Error, read,
    replica::Made,
    write::{self, Written},
};
use crate::scim::{
    bulk::{self, Method, Operation, Order, Outcome, Phase, Request, Subject},
    error::{Error as ScimError, Kind},
    projection::Projection,
};
use once::Once;

/// How many operations run at once: Graph's client has places for others beside them.
const SIDE_BY_SIDE: usize = 24;

/// What is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Operations in one request: `maxOperations`.
    pub operations: usize,
    /// The time for one request. What has not begun by then is told so.
    pub time: Duration,
}

/// Carries a bulk request out; gives what each operation came to, and nothing for those that were
/// not processed because of `failOnErrors`. `contexts` are those of all types.
///
/// # Errors
/// As [`Once::take`], when the client gave a `key`.
pub async fn perform(
    contexts: &[Context],
    request: &Request,
    key: Option<&str>,
) -> Result<Vec<Option<Outcome>>, Error> {
    let Some(cx) = contexts.first() else {
        return Err(ScimError::not_found("there is no such endpoint").into());
    };
    let deadline = Instant::now() + cx.app.settings.bulk.time;
    let once = match key {
        Some(key) => Some(Arc::new(Once::take(cx, key, request, deadline).await?)),
        None => None,
    };
    let order = bulk::order(&request.entries);
    let mut followers = vec![Vec::new(); order.nodes.len()];
    for (n, node) in order.nodes.iter().enumerate() {
        for &before in &node.after {
            followers[before].push(n);
        }
    }
    let mut run = Run {
        contexts,
        request,
        once: once.clone(),
        deadline,
        waits: order.nodes.iter().map(|node| node.after.len()).collect(),
        followers,
        open: (0..order.nodes.len()).collect(),
        deleted: 0,
        outcomes: request
            .entries
            .iter()
            .map(|entry| {
                let error = entry.operation.as_ref().err()?;
                Some(Outcome::failed(error, None))
            })
            .collect(),
        order,
        begun: BTreeSet::new(),
        working: BTreeSet::new(),
    };
    run.all().await;
    if let Some(once) = once {
        once.release().await;
    }
    Ok(with_lost(run.outcomes, &run.begun))
}

/// What has begun and left nothing behind has failed: silence means "not processed".
fn with_lost(outcomes: Vec<Option<Outcome>>, begun: &BTreeSet<usize>) -> Vec<Option<Outcome>> {
    let lost = || Outcome::failed(&ScimError::new(Kind::Internal, "internal error"), None);
    let outcomes = outcomes.into_iter().enumerate();
    outcomes
        .map(|(place, outcome)| outcome.or_else(|| begun.contains(&place).then(lost)))
        .collect()
}

struct Run<'a> {
    contexts: &'a [Context],
    request: &'a Request,
    once: Option<Arc<Once>>,
    deadline: Instant,
    order: Order,
    /// How many others each node still waits for, and which wait for it.
    waits: Vec<usize>,
    followers: Vec<Vec<usize>>,
    /// How many of the first deletions have ended.
    deleted: usize,
    /// Nodes that have not begun.
    open: BTreeSet<usize>,
    /// By entry.
    outcomes: Vec<Option<Outcome>>,
    /// The entries that were begun.
    begun: BTreeSet<usize>,
    /// What is under way, by its node.
    working: BTreeSet<usize>,
}

type Work = JoinHandle<(usize, Outcome)>;

impl Run<'_> {
    async fn all(&mut self) {
        let mut work: FuturesUnordered<Work> = FuturesUnordered::new();
        let mut renewed = tokio::time::interval(once::RENEWED);
        renewed.tick().await;
        loop {
            while work.len() < SIDE_BY_SIDE {
                let Some(node) = self.next(work.is_empty()) else {
                    break;
                };
                self.open.remove(&node);
                match self.begin(node) {
                    Ok(task) => {
                        self.working.insert(node);
                        self.begun.insert(self.order.nodes[node].entry);
                        work.push(task);
                    }
                    Err(outcome) => self.ended(node, *outcome),
                }
            }
            if work.is_empty() {
                return;
            }
            tokio::select! {
                ended = work.next() => match ended {
                    Some(Ok((node, outcome))) => self.ended(node, outcome),
                    // A task that is gone is told by the entry that stays without an outcome.
                    Some(Err(error)) => tracing::error!(%error, "a bulk operation ended early"),
                    None => return,
                },
                _ = renewed.tick() => if let Some(once) = &self.once {
                    once.renew().await;
                },
            }
        }
    }

    /// The next node that may begin. `alone`: nothing is under way that could free another.
    fn next(&self, alone: bool) -> Option<usize> {
        let ready = |heeded: bool| {
            let mut open = self.open.iter().copied();
            open.find(|&node| {
                let freed = self.order.nodes[node].deletes <= self.deleted;
                self.waits[node] == 0 && (!heeded || freed)
            })
        };
        let found = ready(true).or_else(|| if alone { ready(false) } else { None })?;
        let Some(most) = self.request.fail_on_errors else {
            return Some(found);
        };
        // Nothing begins that would not have begun if all before it failed.
        let failed = |outcome: &&Option<Outcome>| outcome.as_ref().is_some_and(|o| !o.is_done());
        let failed = self.outcomes.iter().filter(failed).count();
        let before = |node: &&usize| **node < found;
        let unknown =
            self.open.iter().filter(before).count() + self.working.iter().filter(before).count();
        (failed + unknown < most).then_some(found)
    }

    fn ended(&mut self, node: usize, outcome: Outcome) {
        self.working.remove(&node);
        for &follower in &self.followers[node] {
            self.waits[follower] -= 1;
        }
        let is_open = |node: &usize| self.open.contains(node) || self.working.contains(node);
        while self
            .order
            .deletes
            .get(self.deleted)
            .is_some_and(|node| !is_open(node))
        {
            self.deleted += 1;
        }
        let entry = self.order.nodes[node].entry;
        let kept = match (&self.order.nodes[node].phase, self.outcomes[entry].take()) {
            (Phase::Links(_), Some(made)) => Outcome {
                // What was made stays, and was made as what it is.
                status: if outcome.is_done() {
                    made.status
                } else {
                    outcome.status
                },
                version: outcome.version,
                error: outcome.error,
                ..made
            },
            _ => outcome,
        };
        self.outcomes[entry] = Some(kept);
    }

    /// Begins a node.
    ///
    /// # Errors
    /// What it comes to without being begun.
    fn begin(&self, node: usize) -> Result<Work, Box<Outcome>> {
        let place = self.order.nodes[node].entry;
        let entry = &self.request.entries[place];
        let Ok(operation) = &entry.operation else {
            return Err(Box::default());
        };
        let links = match &self.order.nodes[node].phase {
            Phase::Links(links) => Some(links),
            Phase::Main(_) => None,
        };
        let known = self.once.as_ref().and_then(|once| once.result(place));
        if let (Some(known), None) = (known, links) {
            return Err(Box::new(known));
        }
        if let Some(made) = links.and(self.outcomes[place].as_ref())
            && !made.is_done()
        {
            return Err(Box::new(made.clone()));
        }
        let cx = self
            .context(&operation.endpoint)
            .map_err(|error| Box::new(Outcome::failed(&error, None)))?;
        let job = self.job(node, operation);
        let job = job.map_err(|error| Box::new(Outcome::failed(&error, None)))?;
        let location = job.id().map(|id| cx.location(id));
        if self.deadline <= Instant::now() || cx.app.writes.is_closed() {
            let text = "there was no time left to begin this operation: send it again";
            let error = ScimError::new(Kind::Unavailable, text);
            return Err(Box::new(Outcome::failed(&error, location)));
        }
        let once = self.once.clone().filter(|_| links.is_none());
        let tried = once
            .as_ref()
            .is_some_and(|once| once.tried(place).is_some());
        let entry = entry.clone();
        let work = async move {
            let result = match &once {
                Some(once) => once.begin(place, &entry).await,
                None => Ok(()),
            };
            let outcome = match result {
                Ok(()) => {
                    let outcome = carried_out(cx, job, tried).await;
                    if let Some(once) = &once {
                        once.end(place, &outcome).await;
                    }
                    outcome
                }
                Err(error) => failed(&error, location),
            };
            (node, outcome)
        };
        let writes = &self.contexts[0].app.writes;
        Ok(writes.spawn(work.in_current_span()))
    }

    /// A context of its own for one operation.
    fn context(&self, endpoint: &str) -> Result<Context, ScimError> {
        let of_type = |cx: &&Context| cx.kind().endpoint[1..].eq_ignore_ascii_case(endpoint);
        let cx = self.contexts.iter().find(of_type);
        let cx =
            cx.ok_or_else(|| ScimError::not_found(format!("there is no endpoint '/{endpoint}'")))?;
        let mut own = cx.clone();
        let time = own.app.settings.deadline.max(Duration::from_secs(1));
        own.call.deadline = (Instant::now() + time).min(self.deadline + time);
        own.made = Made::default();
        Ok(own)
    }

    /// What is to be done, with ids in place of references.
    fn job(&self, node: usize, operation: &Operation) -> Result<write::Operation, ScimError> {
        let place = self.order.nodes[node].entry;
        let id_of = |bulk_id: &str| self.id_of(bulk_id);
        let id = match &operation.subject {
            Subject::New => None,
            Subject::Id(id) => Some(id.clone()),
            Subject::Made(bulk_id) => Some(id_of(bulk_id)?),
        };
        let (data, id) = match &self.order.nodes[node].phase {
            Phase::Main(left_out) if left_out.is_empty() => (operation.data.clone(), id),
            Phase::Main(left_out) => (bulk::without(&operation.data, left_out), id),
            Phase::Links(links) => {
                let made = self.outcomes[place]
                    .as_ref()
                    .and_then(|made| made.id.clone());
                (bulk::deferred(&operation.data, links), made)
            }
        };
        let body = Arc::new(bulk::resolve(&data, &id_of)?);
        let if_match = operation.version.clone();
        let projection = Projection::all();
        let is_links = matches!(self.order.nodes[node].phase, Phase::Links(_));
        Ok(match (operation.method, id) {
            (Method::Post, Some(id)) if is_links => write::Operation::Patch {
                id,
                body,
                if_match: None,
                projection: None,
            },
            (Method::Put, Some(id)) => write::Operation::Replace {
                id,
                body,
                if_match,
                projection,
            },
            (Method::Patch, Some(id)) => write::Operation::Patch {
                id,
                body,
                if_match,
                projection: None,
            },
            (Method::Delete, Some(id)) => write::Operation::Delete { id, if_match },
            _ => write::Operation::Create {
                body,
                projection,
                once: self.once.as_ref().map(|once| once.create(place)),
            },
        })
    }

    /// The id of what the operation of that `bulkId` has made.
    fn id_of(&self, bulk_id: &str) -> Result<String, ScimError> {
        let is_it = |entry: &bulk::Entry| {
            entry.bulk_id.as_deref() == Some(bulk_id) && entry.method == Method::Post.as_str()
        };
        let place = self.request.entries.iter().position(is_it).ok_or_else(|| {
            let text = format!("the bulkId '{bulk_id}' is of no POST in this request");
            ScimError::invalid_value(text)
        })?;
        let made = self.outcomes[place]
            .as_ref()
            .and_then(|made| made.id.clone());
        made.ok_or_else(|| {
            let text = format!("the operation of bulkId '{bulk_id}' has made nothing");
            ScimError::new(Kind::Conflict, text)
        })
    }
}

/// Does it, and says what it came to.
async fn carried_out(cx: Context, job: write::Operation, tried: bool) -> Outcome {
    let id = job.id().map(str::to_owned);
    let (create, delete) = (
        matches!(job, write::Operation::Create { .. }),
        matches!(job, write::Operation::Delete { .. }),
    );
    let location = id.as_deref().map(|id| cx.location(id));
    match Box::pin(write::perform(cx.clone(), job)).await {
        Ok(Written::Resource(doc, version)) => {
            let id = doc
                .get("id")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .or(id);
            Outcome {
                status: if create { 201 } else { 200 },
                location: id.as_deref().map(|id| cx.location(id)),
                id,
                version,
                error: None,
            }
        }
        Ok(Written::Done | Written::Plan(_)) => {
            let version = match &id {
                Some(id) if !delete => version(&cx, id).await,
                _ => None,
            };
            Outcome {
                status: 204,
                location,
                id,
                version,
                error: None,
            }
        }
        // It was deleted by the try that was not heard of.
        Err(error) if tried && delete && error.scim.kind == Kind::NotFound => Outcome {
            status: 204,
            location,
            id,
            ..Outcome::default()
        },
        Err(error) => failed(&error, location),
    }
}

/// The version now, where that costs nothing.
async fn version(cx: &Context, id: &str) -> Option<String> {
    match read::replica::serves(cx).await {
        Ok(true) => read::replica::version(cx, id)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the version after a bulk operation is not known");
                None
            }),
        _ => None,
    }
}

fn failed(error: &Error, location: Option<String>) -> Outcome {
    error.log();
    Outcome::failed(&error.scim, location)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task that ended without an outcome, beside one that had one and one that never began.
    #[test]
    fn what_is_lost_is_an_error_and_what_never_began_is_silent() {
        let refused = Outcome::failed(&ScimError::not_found("gone"), None);
        let told = with_lost(vec![None, Some(refused), None], &BTreeSet::from([0, 1]));
        let statuses: Vec<Option<u16>> = told
            .iter()
            .map(|outcome| outcome.as_ref().map(|outcome| outcome.status))
            .collect();
        assert_eq!(statuses, [Some(500), Some(404), None]);
    }
}
