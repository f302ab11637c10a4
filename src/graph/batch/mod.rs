//! `$batch`: twenty requests in one, each judged and repeated on its own.
//!
//! Source: <https://learn.microsoft.com/graph/json-batching>. Within one batch Graph wants either
//! no `dependsOn` at all or one chain, so requests that follow others get batches of their own.

mod body;
mod group;
mod progress;

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::{
    body::{Answer, part, sort},
    group::{Group, plan},
    progress::{Progress, Subrequest},
};
use super::{
    client::{Client, settle, with_last},
    error::{Class, Error, from_answer, member},
    model::{BatchItem, Call, Reply},
    operation::{self, Cost},
    refusal::Asked,
    retry::{self, Verdict},
    transfer::{BATCH, Prepared, check_path, json},
};
use crate::odata::request::{Method, Request};

/// Graph takes no more in one batch.
const SIZE: usize = 20;

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
            check_path(&item.request)?;
        }
        let groups = plan(&items)?;
        let mut results: Vec<Option<Result<Reply, Error>>> = items.iter().map(|_| None).collect();
        // Collected first: a stream over a closure that borrows is not `Send` to the compiler.
        let runs: Vec<_> = groups
            .into_iter()
            .map(|group| self.run(call, &items, group))
            .collect();
        let mut running = stream::iter(runs).buffer_unordered(self.settings.batch_concurrency);
        while let Some(subrequests) = running.next().await {
            for subrequest in subrequests {
                results[subrequest.index] = subrequest.result;
            }
        }
        Ok(results
            .into_iter()
            .map(|r| r.unwrap_or_else(|| Err(Error::protocol(BATCH, "a part was left out"))))
            .collect())
    }

    /// Brings every request of `group` to an end.
    async fn run(&self, call: &Call, items: &[BatchItem], group: Group) -> Vec<Subrequest> {
        let chained = group.chained;
        let mut progress = Progress::new(items, group);
        loop {
            if call.is_over() {
                progress.out_of_time(None);
            }
            let round = progress.next_round();
            if round.is_empty() {
                return progress.finish();
            }
            let requests: Vec<&Request> = round.iter().map(|&at| progress.request(at)).collect();
            let attempt = progress.attempts(&round) + 1;
            match self.post(call, &requests, chained, attempt).await {
                Err(error) => {
                    for &at in &round {
                        let request = progress.request(at);
                        self.judge(progress.subrequest(at), request, error.clone());
                    }
                }
                Ok(mut answers) => {
                    let mut failed_before = false;
                    for (position, &at) in round.iter().enumerate() {
                        let item = progress.item(at);
                        let answer = answers.remove(&position).unwrap_or(Answer::Missing);
                        let subrequest = progress.subrequest(at);
                        let outcome = self.outcome(call, subrequest, item, answer);
                        let failed = outcome.is_err();
                        match outcome {
                            Ok(reply) => subrequest.result = Some(Ok(reply)),
                            // Held up by another: sent again, unless that one failed for good.
                            Err(error)
                                if chained && failed_before && error.status() == Some(424) => {}
                            Err(error) if (item.ends_with)(&error) => {
                                subrequest.result = Some(Err(error));
                            }
                            Err(error) => self.judge(subrequest, &item.request, error),
                        }
                        failed_before |= failed;
                    }
                }
            }
            let wait = self.wait_after(&mut progress, &round);
            progress.put_back(&round);
            let Some(wait) = wait else { continue };
            if Instant::now() + wait <= call.deadline {
                tokio::time::sleep(wait).await;
            } else {
                progress.out_of_time(Some(wait));
            }
        }
    }

    /// Decides what becomes of a request that failed.
    fn judge(&self, subrequest: &mut Subrequest, request: &Request, error: Error) {
        subrequest.attempts += 1;
        let verdict = retry::verdict(&error, subrequest.repeatable);
        let gone = subrequest.maybe_done && request.method == Method::Delete && error.says_gone();
        subrequest.result = match verdict {
            Verdict::Fail if gone => Some(Ok(Reply {
                status: 204,
                body: Value::Null,
                request_id: error.request_id().map(str::to_owned),
                location: None,
            })),
            Verdict::Fail => Some(Err(with_last(error, subrequest.last.take()))),
            Verdict::Unknown => Some(Err(Error::OutcomeUnknown {
                operation: operation::of(request),
                last: Box::new(error),
            })),
            Verdict::Again if subrequest.attempts >= self.settings.max_attempts => Some(Err(error)),
            Verdict::Again => {
                subrequest.maybe_done |= !error.surely_undone();
                subrequest.last = Some(error);
                None
            }
        };
    }

    /// How long the most patient of the failed requests of a round has to wait.
    fn wait_after(
        &self,
        progress: &mut Progress<'_>,
        round: &[usize],
    ) -> Option<std::time::Duration> {
        round
            .iter()
            .filter_map(|&at| {
                let subrequest = progress.subrequest(at);
                let error = subrequest.last.as_ref()?;
                let open = subrequest.result.is_none();
                open.then(|| self.wait(error, subrequest.attempts))
            })
            .max()
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
        let prepared = Prepared {
            cost,
            ..self.prepare(&request, false)?
        };
        call.stats.count_items(requests.len());
        let response = self.exchange(call, &prepared, attempt).await?;
        let answers = sort(json(call, BATCH, &response.body).await?)?;
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
        subrequest: &Subrequest,
        item: &BatchItem,
        answer: Answer,
    ) -> Result<Reply, Error> {
        let request = &item.request;
        let unusable = |what: &str, request_id: Option<String>| {
            let error = Error::protocol(&operation::of(request), what).answering(request_id);
            settle(error, subrequest.repeatable)
        };
        let (status, headers, body) = match answer {
            Answer::Missing => return Err(unusable("the batch has no answer for it", None)),
            Answer::Twice => return Err(unusable("the batch answers it twice", None)),
            Answer::Unreadable => {
                return Err(unusable("its answer in the batch has no status", None));
            }
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
            let expect = item.expectation();
            return match expect.check(!request.is_write(), &body) {
                Err(what) => Err(unusable(&what, request_id)),
                Ok(()) => Ok(Reply {
                    status,
                    body,
                    request_id,
                    location: header("location"),
                }),
            };
        }
        let retry_after = self.retry_after(header("retry-after").as_deref());
        let asked = Asked {
            operation: &operation::of(request),
            path: &request.path,
        };
        let error = from_answer(asked, status, &body, request_id, retry_after);
        if error.class() == Class::Throttled {
            self.note_throttling(call, &error, subrequest.attempts + 1);
        }
        Err(error)
    }
}
