//! How far the requests of one group have come. What is done here for each request takes constant
//! time (a logarithm, to find the one that it follows), however long the chain. Pure.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{SIZE, group::Group};
use crate::{
    graph::{BatchItem, Error, model::Reply, operation},
    odata::request::Request,
};

/// Where one request of a batch stands.
pub(super) struct Subrequest {
    /// Its place among all items.
    pub(super) index: usize,
    pub(super) repeatable: bool,
    pub(super) attempts: u32,
    /// A try was lost that may have been carried out.
    pub(super) maybe_done: bool,
    /// The failure that the next try follows.
    pub(super) last: Option<Error>,
    pub(super) result: Option<Result<Reply, Error>>,
    /// The result's error, as those that follow it name it.
    cause: Option<Arc<Error>>,
}

/// The requests of one group. Positions count within the group.
pub(super) struct Progress<'a> {
    items: &'a [BatchItem],
    /// In the order of their indices.
    subrequests: Vec<Subrequest>,
    /// Positions without a result, in order.
    open: VecDeque<usize>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(items: &'a [BatchItem], group: Group) -> Self {
        let subrequests: Vec<Subrequest> = group
            .members
            .into_iter()
            .map(|index| Subrequest {
                index,
                repeatable: operation::is_repeatable(&items[index].request),
                attempts: 0,
                maybe_done: false,
                last: None,
                result: None,
                cause: None,
            })
            .collect();
        Self {
            items,
            open: (0..subrequests.len()).collect(),
            subrequests,
        }
    }

    pub(super) fn subrequest(&mut self, at: usize) -> &mut Subrequest {
        &mut self.subrequests[at]
    }

    pub(super) fn item(&self, at: usize) -> &'a BatchItem {
        &self.items[self.subrequests[at].index]
    }

    pub(super) fn request(&self, at: usize) -> &'a Request {
        &self.item(at).request
    }

    /// The most tries that one of these has had.
    pub(super) fn attempts(&self, round: &[usize]) -> u32 {
        let attempts = round.iter().map(|&at| self.subrequests[at].attempts);
        attempts.max().unwrap_or(0)
    }

    /// Takes the next requests to send; those that follow one that failed for good end here.
    /// Whatever a taken request follows is done, or taken before it.
    pub(super) fn next_round(&mut self) -> Vec<usize> {
        let mut round = Vec::with_capacity(SIZE);
        while round.len() < SIZE {
            let Some(at) = self.open.pop_front() else {
                break;
            };
            match self.obstacle(at) {
                None => round.push(at),
                Some(cause) => {
                    let operation = operation::of(self.request(at));
                    self.subrequests[at].result = Some(Err(Error::Blocked { operation, cause }));
                }
            }
        }
        round
    }

    /// Puts those of a round back that have no result yet.
    pub(super) fn put_back(&mut self, round: &[usize]) {
        for &at in round.iter().rev() {
            if self.subrequests[at].result.is_none() {
                self.open.push_front(at);
            }
        }
    }

    /// Ends all that is open.
    pub(super) fn out_of_time(&mut self, retry_after: Option<Duration>) {
        for at in std::mem::take(&mut self.open) {
            let operation = operation::of(self.request(at));
            let subrequest = &mut self.subrequests[at];
            subrequest.result = Some(Err(Error::Deadline {
                operation,
                last: subrequest.last.take().map(Box::new),
                retry_after,
            }));
        }
    }

    pub(super) fn finish(self) -> Vec<Subrequest> {
        self.subrequests
    }

    /// The failure that keeps a request from being sent.
    fn obstacle(&mut self, at: usize) -> Option<Arc<Error>> {
        let before = self.item(at).after?;
        let benign = self.items[before].benign;
        let found = self.subrequests.binary_search_by_key(&before, |s| s.index);
        let before = &mut self.subrequests[found.ok()?];
        match &before.result {
            Some(Err(error)) if !benign(error) => {
                let cause = before.cause.get_or_insert_with(|| match error {
                    Error::Blocked { cause, .. } => Arc::clone(cause),
                    error => Arc::new(error.clone()),
                });
                Some(Arc::clone(cause))
            }
            _ => None,
        }
    }
}
