//! Carries out the calls of a plan: batched, chained per object, refusals that mean "done"
//! taken as done.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    Context, Error,
    error::{is_already_there, is_not_there},
};
use crate::{
    graph::{self, BatchItem, Reply},
    odata::request::Request,
    resources::{GraphCall, Tolerates},
};

/// How one call ended.
pub(super) enum Outcome {
    /// Done now.
    Done,
    /// Graph refused because it was done already.
    AlreadySo(graph::Error),
    /// Refused or not carried out.
    Failed(graph::Error),
}

impl Outcome {
    fn of(call: &GraphCall, result: Result<Reply, graph::Error>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) if tolerated(call, &error) => Self::AlreadySo(error),
            Err(error) => Self::Failed(error),
        }
    }
}

fn tolerated(call: &GraphCall, error: &graph::Error) -> bool {
    match call.tolerates {
        Tolerates::Nothing => false,
        Tolerates::AlreadyThere => is_already_there(error),
        Tolerates::NotThere => is_not_there(error),
    }
}

fn benign(error: &graph::Error) -> bool {
    is_already_there(error) || is_not_there(error)
}

/// Makes the calls; one alone goes as itself, more go as `$batch`. Outcomes are in the order of
/// the calls. An addition of many that Graph refused as a whole because some were there already
/// is completed with those that were not.
///
/// # Errors
/// Only when nothing can be said about single calls (a batch that did not come through).
pub(super) async fn execute(cx: &Context<'_>, calls: &[GraphCall]) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = run(cx, calls).await?;
    for (i, call) in calls.iter().enumerate() {
        if call.bulk_add.len() > 1 && matches!(outcomes[i], Outcome::AlreadySo(_)) {
            outcomes[i] = complete_bulk_add(cx, call).await?;
        }
    }
    Ok(outcomes)
}

async fn run(cx: &Context<'_>, calls: &[GraphCall]) -> Result<Vec<Outcome>, Error> {
    if let [call] = calls {
        let result = cx.tenant.graph.send(&cx.call, &call.request).await;
        return Ok(vec![Outcome::of(call, result)]);
    }
    let mut last_of_lane: HashMap<&str, usize> = HashMap::new();
    let mut items = Vec::with_capacity(calls.len());
    for (i, call) in calls.iter().enumerate() {
        let after = last_of_lane.insert(&call.lane, i);
        items.push(BatchItem {
            after,
            benign,
            ..BatchItem::new(call.request.clone())
        });
    }
    let results = cx.tenant.graph.batch(&cx.call, items).await?;
    Ok(calls
        .iter()
        .zip(results)
        .map(|(call, result)| Outcome::of(call, result))
        .collect())
}

/// Reads who is there already and adds the rest.
async fn complete_bulk_add(cx: &Context<'_>, call: &GraphCall) -> Result<Outcome, Error> {
    let Some((relation, links)) = call.request.body.as_ref().and_then(bound) else {
        return Err(super::fetch::protocol("a bulk add without references"));
    };
    let path = format!("{}/{relation}", call.request.path);
    let list = Request::get(path).select(["id"]).top(999);
    let there: HashSet<String> = cx
        .tenant
        .graph
        .collect(&cx.call, &list, usize::MAX)
        .await?
        .iter()
        .filter_map(|m| m.get("id").and_then(Value::as_str))
        .map(str::to_ascii_lowercase)
        .collect();
    let missing: Vec<&Value> = call
        .bulk_add
        .iter()
        .zip(links)
        .filter(|(id, _)| !there.contains(&id.to_ascii_lowercase()))
        .map(|(_, link)| link)
        .collect();
    if missing.is_empty() {
        return Ok(Outcome::Done);
    }
    let mut request = call.request.clone();
    request.body = Some(json!({ format!("{relation}@odata.bind"): missing }));
    let result = cx.tenant.graph.send(&cx.call, &request).await;
    Ok(Outcome::of(call, result))
}

fn bound(body: &Value) -> Option<(&str, &Vec<Value>)> {
    let (key, links) = body.as_object()?.iter().next()?;
    Some((key.strip_suffix("@odata.bind")?, links.as_array()?))
}
