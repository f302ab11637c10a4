//! `$batch`: twenty requests in one, each judged and repeated on its own.
//!
//! Source: <https://learn.microsoft.com/graph/json-batching>. Within one batch Graph wants either
//! no `dependsOn` at all or one chain, so requests that follow others get batches of their own.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    client::{Client, settle, with_last},
    error::{Class, Error, from_answer, member},
    model::{BatchItem, Call, Reply},
    operation::{self, Cost},
    refusal::Asked,
    retry::{self, Verdict},
    transfer::{BATCH, Wire, check_path},
};
use crate::odata::request::{Method, Request};

/// Graph takes no more in one batch.
const SIZE: usize = 20;

/// Requests that share batches: at most twenty unrelated ones, or one chain of any length.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    members: Vec<usize>,
    chained: bool,
}

/// Where one request of a batch stands.
struct Slot {
    index: usize,
    operation: String,
    repeatable: bool,
    attempts: u32,
    /// A try was lost that may have been carried out.
    maybe_done: bool,
    /// The failure that the next try follows.
    last: Option<Error>,
    result: Option<Result<Reply, Error>>,
}

impl Client {
    /// Sends any number of requests by `$batch`, in parallel where they do not follow each other,
    /// and repeats each as [`Self::send`] would. Results come in the order of `items`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], before anything is sent, when an item follows one that does not come
    /// before it. Whatever happens later is the result of the items concerned, so that no outcome
    /// is lost.
    pub async fn batch(
        &self,
        call: &Call,
        items: Vec<BatchItem>,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        for item in &items {
            check_path(&name(&item.request), &item.request.path)?;
        }
        let groups = plan(&items)?;
        let mut results: Vec<Option<Result<Reply, Error>>> = items.iter().map(|_| None).collect();
        // Collected first: a stream over a closure that borrows is not `Send` to the compiler.
        let runs: Vec<_> = groups
            .into_iter()
            .map(|group| self.run(call, &items, group))
            .collect();
        let mut running = stream::iter(runs).buffer_unordered(self.settings.batch_concurrency);
        while let Some(slots) = running.next().await {
            for slot in slots {
                results[slot.index] = slot.result;
            }
        }
        Ok(results
            .into_iter()
            .map(|r| r.unwrap_or_else(|| Err(Error::protocol(BATCH, "a part was left out"))))
            .collect())
    }

    /// Brings every request of `group` to an end.
    async fn run(&self, call: &Call, items: &[BatchItem], group: Group) -> Vec<Slot> {
        let mut slots: Vec<Slot> = group
            .members
            .iter()
            .map(|&index| Slot::new(index, &items[index].request))
            .collect();
        loop {
            fail_dependants(&mut slots, items);
            let round: Vec<usize> = (0..slots.len())
                .filter(|&i| slots[i].result.is_none())
                .take(SIZE)
                .collect();
            if round.is_empty() {
                return slots;
            }
            let requests: Vec<&Request> = round
                .iter()
                .map(|&i| &items[slots[i].index].request)
                .collect();
            let attempt = round.iter().map(|&i| slots[i].attempts).max().unwrap_or(0) + 1;
            match self.post(call, &requests, group.chained, attempt).await {
                Err(error) => {
                    for &i in &round {
                        self.judge(&mut slots[i], error.clone());
                    }
                }
                Ok(mut answers) => {
                    let mut failed_before = false;
                    for (position, &i) in round.iter().enumerate() {
                        let slot = &mut slots[i];
                        let request = &items[slot.index].request;
                        let answer = answers.remove(&position).unwrap_or(Answer::Missing);
                        let outcome = self.outcome(call, slot, request, answer);
                        let failed = outcome.is_err();
                        match outcome {
                            Ok(reply) => slot.result = Some(Ok(reply)),
                            // Held up by another: sent again, unless that one failed for good.
                            Err(error)
                                if group.chained
                                    && failed_before
                                    && error.status() == Some(424) => {}
                            Err(error) => self.judge(slot, error),
                        }
                        failed_before |= failed;
                    }
                }
            }
            self.rest_before_next(call, &mut slots, &round).await;
        }
    }

    /// Decides what becomes of a request that failed.
    fn judge(&self, slot: &mut Slot, error: Error) {
        slot.attempts += 1;
        let verdict = retry::verdict(&error, slot.repeatable);
        let gone = slot.maybe_done
            && error.says_gone()
            && slot.operation.starts_with(Method::Delete.as_str());
        slot.result = match verdict {
            Verdict::Fail if gone => Some(Ok(Reply {
                status: 204,
                body: Value::Null,
                request_id: error.request_id().map(str::to_owned),
                location: None,
            })),
            Verdict::Fail => Some(Err(with_last(error, slot.last.take()))),
            Verdict::Unknown => Some(Err(Error::OutcomeUnknown {
                operation: slot.operation.clone(),
                last: Box::new(error),
            })),
            Verdict::Again if slot.attempts >= self.settings.max_attempts => Some(Err(error)),
            Verdict::Again => {
                slot.maybe_done |= !error.surely_undone();
                slot.last = Some(error);
                None
            }
        };
    }

    /// Waits as long as the most patient of the failed requests has to; those whose wait would
    /// pass the deadline end here.
    async fn rest_before_next(&self, call: &Call, slots: &mut [Slot], round: &[usize]) {
        let now = Instant::now();
        let wait = round
            .iter()
            .map(|&i| &slots[i])
            .filter(|slot| slot.result.is_none())
            .filter_map(|slot| slot.last.as_ref().map(|e| self.wait(e, slot.attempts)))
            .max();
        let Some(wait) = wait else { return };
        if now + wait <= call.deadline {
            tokio::time::sleep(wait).await;
            return;
        }
        for slot in slots.iter_mut().filter(|slot| slot.result.is_none()) {
            slot.result = Some(Err(Error::Deadline {
                operation: slot.operation.clone(),
                last: slot.last.take().map(Box::new),
                retry_after: Some(wait),
            }));
        }
    }

    /// Sends one batch and sorts its answers by position.
    async fn post(
        &self,
        call: &Call,
        requests: &[&Request],
        chained: bool,
        attempt: u32,
    ) -> Result<HashMap<usize, Answer>, Error> {
        let parts: Vec<Value> = requests
            .iter()
            .enumerate()
            .map(|(i, request)| part(i, request, chained))
            .collect();
        let cost = requests
            .iter()
            .fold(Cost::default(), |sum, r| sum.plus(operation::cost(r)));
        let request = Request::post("/$batch", json!({ "requests": parts }));
        let wire = Wire {
            cost,
            ..self.wire(&request, false)?
        };
        call.stats.count_items(requests.len());
        let raw = self.exchange(call, &wire, attempt).await?;
        let answers = sort(&raw.body)?;
        let units = answers.values().filter_map(Answer::units).sum();
        if units > 0 {
            call.stats.count_units(units);
            self.throttle.observe(cost, Some(units), None);
        }
        Ok(answers)
    }

    /// One part's answer as [`Self::send`] would give it.
    fn outcome(
        &self,
        call: &Call,
        slot: &Slot,
        request: &Request,
        answer: Answer,
    ) -> Result<Reply, Error> {
        let unusable = |what: &str| settle(Error::protocol(&slot.operation, what), slot.repeatable);
        let (status, headers, body) = match answer {
            Answer::Missing => return Err(unusable("the batch has no answer for it")),
            Answer::Twice => return Err(unusable("the batch answers it twice")),
            Answer::Unreadable => return Err(unusable("its answer in the batch has no status")),
            Answer::One {
                status,
                headers,
                body,
            } => (status, headers, body),
        };
        let header = |name: &str| {
            member(&headers, name).and_then(|v| match v {
                Value::String(s) => Some(s.clone()),
                Value::Number(n) => Some(n.to_string()),
                _ => None,
            })
        };
        let request_id = header("request-id");
        if let Some(id) = &request_id {
            call.stats.note_request_id(id);
        }
        if (200..300).contains(&status) {
            if body.is_null() && !request.is_write() && status != 204 {
                return Err(unusable("an empty body"));
            }
            return Ok(Reply {
                status,
                body,
                request_id,
                location: header("location"),
            });
        }
        let retry_after = self.retry_after(header("retry-after").as_deref());
        let asked = Asked {
            operation: &slot.operation,
            path: &request.path,
        };
        let error = from_answer(asked, status, &body, request_id, retry_after);
        if error.class() == Class::Throttled {
            self.note_throttling(call, &error, slot.attempts + 1);
        }
        Err(error)
    }
}

impl Slot {
    fn new(index: usize, request: &Request) -> Self {
        Self {
            index,
            operation: name(request),
            repeatable: operation::is_repeatable(request),
            attempts: 0,
            maybe_done: false,
            last: None,
            result: None,
        }
    }
}

fn name(request: &Request) -> String {
    operation::name(request.method.as_str(), &request.path)
}

/// Sorts the items into groups.
fn plan(items: &[BatchItem]) -> Result<Vec<Group>, Error> {
    // The first of the chain that each item belongs to.
    let mut heads: Vec<usize> = Vec::with_capacity(items.len());
    let mut chains: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let head = match item.after {
            None => index,
            Some(before) if before < index => heads[before],
            Some(before) => {
                return Err(Error::Invalid {
                    operation: name(&item.request),
                    what: format!("item {index} of a batch follows item {before}"),
                });
            }
        };
        heads.push(head);
        chains.entry(head).or_default().push(index);
    }
    let mut groups = Vec::new();
    let mut single = Vec::new();
    for (index, head) in heads.iter().enumerate() {
        if *head != index {
            continue;
        }
        match chains.remove(head) {
            Some(members) if members.len() > 1 => groups.push(Group {
                members,
                chained: true,
            }),
            _ => single.push(index),
        }
    }
    groups.extend(single.chunks(SIZE).map(|members| Group {
        members: members.to_vec(),
        chained: false,
    }));
    Ok(groups)
}

/// Ends the requests that followed one that failed for good.
fn fail_dependants(slots: &mut [Slot], items: &[BatchItem]) {
    for i in 0..slots.len() {
        if slots[i].result.is_some() {
            continue;
        }
        let Some(before) = items[slots[i].index].after else {
            continue;
        };
        let blocked = slots
            .iter()
            .find(|slot| slot.index == before)
            .and_then(|slot| match &slot.result {
                Some(Err(error)) if !(items[before].benign)(error) => Some(Error::Blocked {
                    operation: slots[i].operation.clone(),
                    cause: match error {
                        Error::Blocked { cause, .. } => std::sync::Arc::clone(cause),
                        other => std::sync::Arc::new(other.clone()),
                    },
                }),
                _ => None,
            });
        if let Some(error) = blocked {
            slots[i].result = Some(Err(error));
        }
    }
}

fn part(position: usize, request: &Request, chained: bool) -> Value {
    let mut headers = Map::new();
    if request.body.is_some() {
        headers.insert("Content-Type".into(), "application/json".into());
    }
    if request.advanced {
        headers.insert("ConsistencyLevel".into(), "eventual".into());
    }
    let mut part = Map::new();
    part.insert("id".into(), (position + 1).to_string().into());
    part.insert("method".into(), request.method.as_str().into());
    part.insert("url".into(), request.url().into());
    if !headers.is_empty() {
        part.insert("headers".into(), headers.into());
    }
    if let Some(body) = &request.body {
        part.insert("body".into(), body.clone());
    }
    if chained && position > 0 {
        part.insert("dependsOn".into(), json!([position.to_string()]));
    }
    part.into()
}

/// What a batch says about one of its parts.
#[derive(Debug)]
enum Answer {
    Missing,
    Twice,
    Unreadable,
    One {
        status: u16,
        headers: Map<String, Value>,
        body: Value,
    },
}

impl Answer {
    fn units(&self) -> Option<u32> {
        let Self::One { headers, .. } = self else {
            return None;
        };
        match member(headers, "x-ms-resource-unit")? {
            Value::String(text) => text.parse().ok(),
            Value::Number(n) => n.as_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        }
    }
}

/// Reads the answer of a batch: by position, in whatever order they came.
fn sort(body: &Bytes) -> Result<HashMap<usize, Answer>, Error> {
    let mut body: Value = serde_json::from_slice(body)
        .map_err(|e| Error::protocol(BATCH, format!("the body is not JSON: {e}")))?;
    let Some(Value::Array(responses)) = body.get_mut("responses").map(Value::take) else {
        return Err(Error::protocol(BATCH, "an answer without `responses`"));
    };
    let mut answers = HashMap::new();
    for mut response in responses {
        let position = match response.get("id") {
            Some(Value::String(id)) => id.parse::<usize>().ok(),
            Some(Value::Number(id)) => id.as_u64().and_then(|id| usize::try_from(id).ok()),
            _ => None,
        };
        // An answer to nobody's request: whoever lacks one will complain.
        let Some(position) = position.and_then(|p| p.checked_sub(1)) else {
            continue;
        };
        let status = response
            .get("status")
            .and_then(|s| s.as_u64().or_else(|| s.as_str()?.parse().ok()))
            .and_then(|s| u16::try_from(s).ok());
        let answer = match status {
            None => Answer::Unreadable,
            Some(status) => Answer::One {
                status,
                headers: match response.get_mut("headers").map(Value::take) {
                    Some(Value::Object(headers)) => headers,
                    _ => Map::new(),
                },
                body: response.get_mut("body").map_or(Value::Null, Value::take),
            },
        };
        answers
            .entry(position)
            .and_modify(|a| *a = Answer::Twice)
            .or_insert(answer);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(after: Option<usize>) -> BatchItem {
        BatchItem {
            after,
            ..BatchItem::new(Request::get("/users/1"))
        }
    }

    #[test]
    fn groups_hold_twenty_or_one_chain() {
        for (count, sizes) in [
            (0, vec![]),
            (1, vec![1]),
            (20, vec![20]),
            (21, vec![20, 1]),
            (41, vec![20, 20, 1]),
        ] {
            let items: Vec<BatchItem> = (0..count).map(|_| item(None)).collect();
            let groups = plan(&items).unwrap();
            let found: Vec<usize> = groups.iter().map(|g| g.members.len()).collect();
            assert_eq!(found, sizes);
            assert!(groups.iter().all(|g| !g.chained));
        }
        let items = [
            item(None),
            item(None),
            item(Some(0)),
            item(Some(2)),
            item(Some(0)),
        ];
        let group = |members: &[usize], chained| Group {
            members: members.to_vec(),
            chained,
        };
        assert_eq!(
            plan(&items).unwrap(),
            [group(&[0, 2, 3, 4], true), group(&[1], false)]
        );
        assert!(plan(&[item(Some(0))]).is_err());
        assert!(plan(&[item(Some(1)), item(None)]).is_err());
    }

    #[test]
    fn a_part_carries_its_own_headers() {
        let request = Request::get("/users").select(["id"]).advanced();
        assert_eq!(
            part(0, &request, true),
            json!({"id":"1","method":"GET","url":"/users?$select=id&$count=true",
                   "headers":{"ConsistencyLevel":"eventual"}})
        );
        let request = Request::patch("/groups/1", json!({"a":1}));
        assert_eq!(
            part(1, &request, true),
            json!({"id":"2","method":"PATCH","url":"/groups/1",
                   "headers":{"Content-Type":"application/json"},"body":{"a":1},
                   "dependsOn":["1"]})
        );
        assert_eq!(
            part(1, &Request::delete("/users/1"), false),
            json!({"id":"2","method":"DELETE","url":"/users/1"})
        );
    }

    #[test]
    fn answers_are_found_in_any_order() {
        let body = json!({"responses":[
            {"id":"3","status":204},
            {"id":1,"status":"200","body":{"a":1},"headers":{"X-MS-Resource-Unit":"2"}},
            {"id":"2","status":200}, {"id":"2","status":200},
            {"id":"4"}, {"id":"0","status":200}, {"status":200}
        ]});
        let answers = sort(&Bytes::from(body.to_string())).unwrap();
        assert_eq!(answers.len(), 4);
        assert!(matches!(answers[&0], Answer::One { status: 200, .. }));
        assert_eq!(answers[&0].units(), Some(2));
        assert!(matches!(answers[&1], Answer::Twice));
        assert!(matches!(answers[&2], Answer::One { status: 204, .. }));
        assert!(matches!(answers[&3], Answer::Unreadable));
        for bad in ["", "{}", "[]", "null", r#"{"responses":{}}"#] {
            assert!(sort(&Bytes::from(bad)).is_err(), "{bad}");
        }
    }
}
