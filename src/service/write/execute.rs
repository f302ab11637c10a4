//! Carries out the calls of a plan: phase after phase, batched, chained per object; refusals that
//! mean "so already" taken as done; and takes back what was done when a later call fails.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    super::Context,
    early::{Patience, is_early},
};
use crate::{
    graph::{self, BatchItem, Refusal, Reply},
    odata::request::{Request, segment},
    resources::{
        GraphCall, Inverse, Purpose, Tolerates, Verb,
        plan::regrouped,
        role_assignments::{ending, unlike},
    },
};

/// The share of the time that is left in which a write is carried out. Removals, which are what
/// takes long, are taken back twenty to a call.
const SHARE: f64 = 0.93;
/// How long after the deadline a failed write may go on, to take back what was done.
const GRACE: Duration = Duration::from_millis(1500);

/// A call that was carried out now, with Graph's answer.
pub(super) struct Done {
    pub(super) call: GraphCall,
    pub(super) reply: Reply,
}

/// What became of the calls of a plan.
#[derive(Default)]
pub(super) struct Report {
    /// Carried out, in order.
    pub(super) done: Vec<Done>,
    /// Refused by Graph because it was so already.
    pub(super) already: Vec<(GraphCall, graph::Error)>,
    /// Those that failed, the first one first.
    pub(super) failures: Vec<(GraphCall, graph::Error)>,
}

impl Report {
    /// A call that was carried out, and not as it was asked for: it has failed, and what it has made
    /// is taken back with the rest.
    fn reject(&mut self, call: GraphCall, reply: Reply, what: String) {
        let error = graph::Error::protocol(&call.request.path, what);
        let back = ending(&call, &reply.body);
        let inverse = back.map_or(Inverse::None, |back| Inverse::Calls(vec![back]));
        let made = GraphCall {
            inverse,
            ..call.clone()
        };
        self.failures.push((call, error));
        self.done.push(Done { call: made, reply });
    }
}

/// What a failed call means for those after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    /// Nothing is begun after it.
    Stop,
    /// The others are made all the same.
    GoOn,
}

/// Makes the calls. A phase begins when the one before has wholly succeeded; phases that write to
/// one object only go out as one chain.
///
/// It ends somewhat before the deadline, so that there is time to take back what was done.
pub(super) async fn execute(cx: &Context, phases: Vec<Vec<GraphCall>>) -> Report {
    let mut report = Report::default();
    let now = Instant::now();
    let time = cx.call.deadline.saturating_duration_since(now);
    let limit = graph::Call {
        deadline: now + time.mul_f64(SHARE),
        ..cx.call.clone()
    };
    for phase in joined(phases) {
        run(cx, &limit, phase, OnFailure::Stop, &mut report).await;
        if !report.failures.is_empty() {
            break;
        }
    }
    report
}

/// Phases that all write to the same object are one: its chain keeps their order, and stops where
/// a call fails.
fn joined(phases: Vec<Vec<GraphCall>>) -> Vec<Vec<GraphCall>> {
    let mut keys = phases.iter().flatten().map(|call| &call.serial_key);
    let one_object = keys
        .next()
        .is_none_or(|first| keys.all(|other| other == first));
    let phases = phases.into_iter().filter(|phase| !phase.is_empty());
    if one_object {
        let all: Vec<GraphCall> = phases.flatten().collect();
        if all.is_empty() {
            Vec::new()
        } else {
            vec![all]
        }
    } else {
        phases.collect()
    }
}

/// The calls that write to one object, in order.
struct Chain {
    waiting: Vec<GraphCall>,
    /// Sent side by side instead: after Graph refused one because it was so already, which cuts a
    /// chain, the others are asked about at once. Those that meet a concurrent change were not so.
    probing: bool,
    /// What comes after those that are asked about: not sent before they are settled.
    held_back: Vec<GraphCall>,
}

impl Chain {
    /// Puts what is left to do in place for the next round. `found`: Graph refused some because
    /// they were so already.
    fn go_on(&mut self, found: bool) {
        let mut left = std::mem::take(&mut self.waiting);
        let probed = std::mem::take(&mut self.probing);
        if probed || !found {
            left = regrouped(left);
            left.append(&mut self.held_back);
            self.waiting = left;
            return;
        }
        // Only calls of one kind, for which "so already" is no failure, may go side by side.
        let verb = left.first().map(|call| call.purpose.verb);
        let same = |call: &&GraphCall| {
            Some(call.purpose.verb) == verb && call.tolerates != Tolerates::Nothing
        };
        let count = left.iter().take_while(same).count();
        self.held_back = left.split_off(count);
        self.probing = count > 0;
        self.waiting = left.iter().flat_map(GraphCall::singles).collect();
        if count == 0 {
            self.waiting.append(&mut self.held_back);
        }
    }
}

/// Makes the calls of one phase.
async fn run(
    cx: &Context,
    call: &graph::Call,
    calls: Vec<GraphCall>,
    on_failure: OnFailure,
    report: &mut Report,
) {
    let mut chains = chains(calls);
    let mut patience = Patience::default();
    while (on_failure == OnFailure::GoOn || report.failures.is_empty())
        && chains.iter().any(|chain| !chain.waiting.is_empty())
    {
        let round: Vec<(usize, GraphCall)> = chains
            .iter_mut()
            .enumerate()
            .flat_map(|(i, chain)| {
                std::mem::take(&mut chain.waiting)
                    .into_iter()
                    .map(move |call| (i, call))
            })
            .collect();
        let results = send(cx, call, &chains, &round).await;
        let mut found_already = vec![false; chains.len()];
        let mut early = Vec::with_capacity(results.len());
        for (result, (_, one)) in results.iter().zip(&round) {
            early.push(match result {
                Err(error) => is_early(cx, one, error).await,
                Ok(_) => false,
            });
        }
        let wait = patience.after(early.contains(&true));
        let in_time = wait.is_some_and(|wait| Instant::now() + wait < call.deadline);
        for (((i, call), result), early) in round.into_iter().zip(results).zip(early) {
            let chain = &mut chains[i];
            match result {
                Ok(reply) => match unlike(&call.request, &reply.body) {
                    None => report.done.push(Done { call, reply }),
                    Some(what) => report.reject(call, reply, what),
                },
                Err(_) if in_time && early => chain.waiting.push(call),
                Err(error) if is_cut_off(&error, chain.probing) => chain.waiting.push(call),
                Err(error) if !early && is_so_already(&call, &error) => {
                    found_already[i] = true;
                    let singles = call.singles();
                    if singles.len() > 1 {
                        chain.waiting.extend(singles);
                    } else {
                        report.already.push((call, error));
                    }
                }
                Err(error) => report.failures.push((call, error)),
            }
        }
        for (chain, found) in chains.iter_mut().zip(found_already) {
            chain.go_on(found);
        }
        if let Some(wait) = wait.filter(|_| in_time) {
            tokio::time::sleep(wait).await;
        }
    }
}

fn chains(calls: Vec<GraphCall>) -> Vec<Chain> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut chains: Vec<Chain> = Vec::new();
    for call in calls {
        let at = *places.entry(call.serial_key.clone()).or_insert_with(|| {
            chains.push(Chain {
                waiting: Vec::new(),
                probing: false,
                held_back: Vec::new(),
            });
            chains.len() - 1
        });
        chains[at].waiting.push(call);
    }
    chains
}

/// One alone goes as itself, more go as `$batch`.
async fn send(
    cx: &Context,
    call: &graph::Call,
    chains: &[Chain],
    round: &[(usize, GraphCall)],
) -> Vec<Result<Reply, graph::Error>> {
    if let [(_, one)] = round {
        return vec![cx.tenant.graph.send(call, &one.request).await];
    }
    let mut last: HashMap<usize, usize> = HashMap::new();
    let mut items = Vec::with_capacity(round.len());
    for (place, (chain, one)) in round.iter().enumerate() {
        let mut item = BatchItem::new(one.request.clone());
        if chains[*chain].probing {
            item = item.ending_with(|error| error.refusal() == Some(Refusal::ConcurrentChange));
        } else if let Some(before) = last.insert(*chain, place) {
            item = item.after(before);
        }
        items.push(item);
    }
    let count = items.len();
    match cx.tenant.graph.batch(call, items).await {
        Ok(results) => results,
        Err(error) => (0..count).map(|_| Err(error.clone())).collect(),
    }
}

/// Not carried out because of another call of the chain.
fn is_cut_off(error: &graph::Error, probing: bool) -> bool {
    if probing {
        error.refusal() == Some(Refusal::ConcurrentChange)
    } else {
        error.is_dependency()
    }
}

fn is_so_already(call: &GraphCall, error: &graph::Error) -> bool {
    match call.tolerates {
        Tolerates::Nothing => false,
        Tolerates::AlreadyThere => error.refusal() == Some(Refusal::AlreadyThere),
        Tolerates::NotThere => matches!(error.refusal(), Some(Refusal::NotThere | Refusal::Absent)),
    }
}

/// Takes back what was done, last first. Returns what could not be taken back.
pub(super) async fn roll_back(cx: &Context, done: Vec<Done>) -> Vec<Purpose> {
    let mut left = Vec::new();
    let mut calls = Vec::new();
    for Done { call, reply } in done.into_iter().rev() {
        match inverse(&call, &reply) {
            Some(inverse) => calls.extend(inverse),
            None => left.push(call.purpose),
        }
    }
    let mut calls = regrouped(calls);
    for call in &mut calls {
        call.purpose.verb = Verb::Undo;
    }
    let limit = graph::Call {
        deadline: cx.call.deadline.max(Instant::now()) + GRACE,
        ..cx.call.clone()
    };
    let mut report = Report::default();
    run(cx, &limit, calls, OnFailure::GoOn, &mut report).await;
    for (call, error) in report.failures {
        tracing::error!(
            purpose = %call.purpose,
            error = %crate::base::chain::Chain(&error),
            "a failed write could not be taken back"
        );
        left.push(call.purpose);
    }
    left
}

fn inverse(call: &GraphCall, reply: &Reply) -> Option<Vec<GraphCall>> {
    match &call.inverse {
        Inverse::None => None,
        Inverse::Calls(calls) => Some(calls.clone()),
        Inverse::DeleteMade => {
            let id = reply.body.get("id").and_then(Value::as_str)?;
            let path = format!("{}/{}", call.request.path, segment(id));
            let back = GraphCall::new(
                Request::delete(path),
                &call.serial_key,
                call.purpose.clone(),
            );
            Some(vec![back.tolerating(Tolerates::NotThere)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_held_back_while_others_are_asked_about() {
        let bulk =
            |ids: &[&str]| GraphCall::add_references("/groups/g", "members", "http://h", ids, "g");
        let remove =
            GraphCall::remove_reference("/groups/g/members", "http://h", "c", "g", "members", true);
        let mut chain = Chain {
            waiting: vec![bulk(&["a", "b"]), bulk(&["d"]), remove.clone()],
            probing: false,
            held_back: Vec::new(),
        };
        chain.go_on(true);
        assert!(chain.probing);
        assert_eq!(chain.waiting.len(), 3, "three single additions");
        assert_eq!(chain.held_back, std::slice::from_ref(&remove));
        // One of them was there: the others go as one call again, then what was held back.
        chain.waiting.remove(0);
        chain.go_on(true);
        assert!(!chain.probing);
        assert_eq!(chain.waiting, [bulk(&["b", "d"]), remove.clone()]);
        assert!(chain.held_back.is_empty());
        // What tolerates nothing is never sent side by side.
        let set = GraphCall::new(
            Request::patch("/users/u", serde_json::json!({})),
            "u",
            Purpose::object(Verb::Set),
        );
        let mut chain = Chain {
            waiting: vec![set.clone(), remove.clone()],
            probing: false,
            held_back: Vec::new(),
        };
        chain.go_on(true);
        assert!(!chain.probing);
        assert_eq!(chain.waiting, [set, remove]);
    }
}
