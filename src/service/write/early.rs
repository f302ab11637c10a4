//! Too early: Graph refuses what names an object that was made here moments ago, because it does
//! not know it yet. That passes; what is really unknown does not, and is told at once.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use super::super::{Context, replica::import::new_objects};
use crate::{
    graph::{self, Refusal},
    odata::request::Request,
    resources::{GraphCall, Relation, Verb},
};

/// Graph takes at most so many ids in `getByIds`.
const GET_BY_IDS_LIMIT: usize = 1000;

/// The waits before other tries.
#[derive(Default)]
pub(super) struct Patience {
    waits: u32,
}

impl Patience {
    const FIRST: Duration = Duration::from_millis(300);
    const LONGEST: Duration = Duration::from_secs(4);

    /// How long to wait before another try, if one is `needed`.
    pub(super) fn after(&mut self, needed: bool) -> Option<Duration> {
        if !needed {
            return None;
        }
        let wait = Self::FIRST.saturating_mul(1 << self.waits.min(6));
        self.waits += 1;
        Some(wait.min(Self::LONGEST))
    }
}

/// What a refusal says, by what was made here.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It stands.
    Final,
    /// It passes.
    Early,
    /// It passes if these, which were not made here, exist.
    EarlyIfKnown(Vec<String>),
}

/// Pure: `is_new` tells what was made here moments ago.
fn verdict(call: &GraphCall, refusal: Option<Refusal>, is_new: impl Fn(&str) -> bool) -> Verdict {
    let own = is_new(&call.serial_key);
    match (refusal, call.purpose.verb) {
        (Some(Refusal::Absent | Refusal::NotThere), _) if call.is_hasty => Verdict::Early,
        // What is not there is gone; an object that is not there may be too new.
        (Some(Refusal::Absent), _) if own => Verdict::Early,
        (Some(Refusal::Absent | Refusal::MissingReference), verb) if verb != Verb::Remove => {
            let ids = &call.purpose.ids;
            let (new, old): (Vec<&String>, Vec<&String>) = ids.iter().partition(|id| is_new(id));
            if !own && new.is_empty() {
                Verdict::Final
            } else if old.is_empty() {
                Verdict::Early
            } else {
                Verdict::EarlyIfKnown(old.into_iter().cloned().collect())
            }
        }
        _ => Verdict::Final,
    }
}

/// Whether Graph refused only because it does not know yet what was made here moments ago.
pub(super) async fn is_early(cx: &Context, call: &GraphCall, error: &graph::Error) -> bool {
    let now = cx.app.clock.now();
    let is_new = |id: &str| cx.tenant.recent.objects.is_new(id, now);
    let mut told = verdict(call, error.refusal(), is_new);
    if told != Verdict::Early && error.refusal().is_some() {
        // Another instance may have made them.
        let mut ids = call.purpose.ids.clone();
        ids.push(call.serial_key.clone());
        match new_objects(cx, &ids).await {
            Ok(()) => told = verdict(call, error.refusal(), is_new),
            Err(error) => tracing::warn!(%error, "what other instances made is not known"),
        }
    }
    match told {
        Verdict::Final => false,
        Verdict::Early => true,
        Verdict::EarlyIfKnown(ids) => all_exist(cx, call.purpose.relation, &ids).await,
    }
}

/// Whether all of the ids, which a relation names, exist. What cannot be told is not held against
/// them.
async fn all_exist(cx: &Context, relation: Option<&str>, ids: &[String]) -> bool {
    let names = relation
        .and_then(|name| cx.kind().relation(name))
        .and_then(Relation::names);
    let known: Option<HashSet<String>> = match names {
        Some(list) => cx
            .tenant
            .graph
            .collect(&cx.call, &list, usize::MAX)
            .await
            .ok()
            .map(|items| ids_of(&items)),
        None => directory_objects(cx, ids).await,
    };
    known.is_none_or(|known| {
        ids.iter()
            .all(|id| known.contains(&id.to_ascii_lowercase()))
    })
}

/// Those of the ids that the directory has; `None` when it cannot be told.
pub(super) async fn directory_objects(cx: &Context, ids: &[String]) -> Option<HashSet<String>> {
    let mut known = HashSet::new();
    for ids in ids.chunks(GET_BY_IDS_LIMIT) {
        let request =
            Request::post("/directoryObjects/getByIds", json!({ "ids": ids })).select(["id"]);
        let reply = cx.tenant.graph.send(&cx.call, &request).await.ok()?;
        known.extend(ids_of(reply.body.get("value")?.as_array()?));
    }
    Some(known)
}

fn ids_of(items: &[Value]) -> HashSet<String> {
    items
        .iter()
        .filter_map(|item| item.get("id")?.as_str())
        .map(str::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Purpose;

    #[test]
    fn what_passes_and_what_stands() {
        let new = |id: &str| id.starts_with("new");
        let call = |key: &str, verb, ids: &[&str]| {
            let purpose = Purpose {
                relation: Some("members"),
                verb,
                ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            };
            GraphCall::new(Request::get("/x"), key, purpose)
        };
        let known =
            |ids: &[&str]| Verdict::EarlyIfKnown(ids.iter().map(|id| (*id).to_owned()).collect());
        let absent = Some(Refusal::Absent);
        let missing = Some(Refusal::MissingReference);
        for (call, refusal, expected) in [
            (call("old", Verb::Add, &["old"]), missing, Verdict::Final),
            (call("old", Verb::Add, &["new"]), missing, Verdict::Early),
            (call("new", Verb::Add, &["old"]), missing, known(&["old"])),
            (
                call("old", Verb::Add, &["new", "old"]),
                missing,
                known(&["old"]),
            ),
            (call("new", Verb::Add, &["old"]), absent, Verdict::Early),
            (call("old", Verb::Set, &["title"]), absent, Verdict::Final),
            (call("new", Verb::Set, &["title"]), absent, Verdict::Early),
            (call("new", Verb::Remove, &["old"]), absent, Verdict::Early),
            (
                call("new", Verb::Remove, &["old"]),
                Some(Refusal::NotThere),
                Verdict::Final,
            ),
            (call("old", Verb::Remove, &["new"]), absent, Verdict::Final),
            (
                call("old", Verb::Remove, &["old"]).hasty(true),
                Some(Refusal::NotThere),
                Verdict::Early,
            ),
            (
                call("new", Verb::Add, &["new"]),
                Some(Refusal::Forbidden),
                Verdict::Final,
            ),
            (call("new", Verb::Add, &["new"]), None, Verdict::Final),
        ] {
            assert_eq!(
                verdict(&call, refusal, new),
                expected,
                "{call:?} {refusal:?}"
            );
        }
    }
}
