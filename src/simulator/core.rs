//! The entry: a request in, an answer out, for HTTP and for the items of a `$batch` alike.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::batch::{self, Batch};
use super::directory::Directory;
use super::errors::SimError;
use super::operations::{pim, subscriptions};
use super::options::{Habits, RolePolicy};
use super::request::{Caller, SimRequest, SimResponse};
use super::sets::SETS;
use super::{dispatch, headers, route};
use crate::odata::request::Method;

pub use super::options::Options;

/// What stands before and behind every single request, the items of a `$batch` included:
/// authentication, permissions, faults, throttling, recording.
pub trait Gate: Send + Sync {
    /// Who calls, by the request's token; asked once per HTTP request, before
    /// [`before`](Self::before).
    fn identify(&self, request: &SimRequest) -> Caller {
        let _ = request;
        Caller::default()
    }
    /// An answer given in place of the directory's own.
    fn before(&self, request: &SimRequest) -> Option<SimResponse>;
    /// Sees, and may change, the finished answer.
    fn after(&self, request: &SimRequest, response: &mut SimResponse);
}

/// Asks an endpoint whether it wants notifications.
pub trait Wire: Send + Sync {
    /// Whether the endpoint answered the validation request as it must. Blocks for ten seconds at
    /// the most.
    fn validates(&self, url: &str) -> bool;
}

/// No gate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

impl Gate for Open {
    fn before(&self, _: &SimRequest) -> Option<SimResponse> {
        None
    }

    fn after(&self, _: &SimRequest, _: &mut SimResponse) {}
}

/// A tenant that answers.
pub struct Graph {
    directory: RwLock<Directory>,
    gate: Arc<dyn Gate>,
    options: RwLock<Options>,
    wire: OnceLock<Arc<dyn Wire>>,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Graph {
    /// A tenant behind a gate.
    pub fn new(mut directory: Directory, gate: Arc<dyn Gate>, options: Options) -> Self {
        directory.start_journal();
        Self {
            directory: RwLock::new(directory),
            gate,
            options: RwLock::new(options),
            wire: OnceLock::new(),
        }
    }

    /// The state, to read.
    pub fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, to change behind everyone's back.
    pub fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The switches.
    pub fn options(&self) -> Options {
        *self.options.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns the switches of delta queries.
    pub fn set_delta_habits(&self, habits: Habits) {
        let mut options = self.options.write().unwrap_or_else(PoisonError::into_inner);
        options.delta = habits;
    }

    /// Changes the rules of Privileged Identity Management.
    pub fn set_role_policy(&self, policy: RolePolicy) {
        let mut options = self.options.write().unwrap_or_else(PoisonError::into_inner);
        options.roles = policy;
    }

    /// Who calls, as the gate sees it.
    pub fn identify(&self, request: &SimRequest) -> Caller {
        self.gate.identify(request)
    }

    /// Answers one request, or a `$batch`. Blocks for as long as the directory is locked, and
    /// never awaits.
    pub fn handle(&self, request: &SimRequest) -> SimResponse {
        let plain = route::plain(&request.path, &self.read().tenant);
        let rewritten = plain.map(|path| SimRequest {
            path,
            written: Some(request.path.clone()),
            ..request.clone()
        });
        let request = rewritten.as_ref().unwrap_or(request);
        let mut response = match self.gate.before(request) {
            Some(response) => response,
            None => self.run(request),
        };
        headers::finish(request, &mut response);
        self.gate.after(request, &mut response);
        response
    }

    fn run(&self, request: &SimRequest) -> SimResponse {
        let now = self.settle();
        let options = self.options();
        let result = if request
            .path
            .trim_matches('/')
            .eq_ignore_ascii_case("$batch")
        {
            if request.in_batch || request.method != Method::Post {
                Err(SimError::method())
            } else {
                let batch = Batch {
                    sets: SETS,
                    concurrency_violations: options.concurrency_violations,
                    now,
                    answer: &|item| self.handle(item),
                };
                batch::run(&batch, request)
            }
        } else if !options.roles.licensed && pim::is_asked(&request.path) {
            Err(pim::unlicensed())
        } else if request.method == Method::Get {
            dispatch::read(&self.read(), SETS, &options, request)
        } else {
            self.validate(request)
                .and_then(|()| dispatch::change(&mut self.write(), SETS, &options, request))
        };
        result.unwrap_or_else(|error| SimResponse::refusal(error, request, now))
    }

    /// Gives the tenant a way to reach those who want notifications. Without it nobody can.
    pub fn attach_wire(&self, wire: Arc<dyn Wire>) {
        // A second one would reach the same: the first stays.
        let _ = self.wire.set(wire);
    }

    /// Asks the endpoints of a new subscription, with the directory unlocked: they may ask back.
    fn validate(&self, request: &SimRequest) -> Result<(), SimError> {
        let urls = subscriptions::to_validate(&self.read(), request)?;
        let answers = |url: &String| self.wire.get().is_some_and(|wire| wire.validates(url));
        if urls.iter().all(answers) {
            Ok(())
        } else {
            Err(subscriptions::not_validated())
        }
    }

    /// Works off what has become due since the last request.
    pub fn settle(&self) -> time::OffsetDateTime {
        let directory = self.read();
        let now = directory.now();
        let due = directory.is_due(now);
        drop(directory);
        if due {
            self.write().settle(now);
        }
        now
    }
}
