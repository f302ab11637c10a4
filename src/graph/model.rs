//! What goes into the client and comes out of it.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::{error::Error, expect::Expect};
use crate::{base::backoff::Backoff, odata::request::Request};

/// How the client behaves. [`Settings::new`] gives sound values.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme, host and port of Graph, such as `https://graph.microsoft.com`. `http` is accepted
    /// for loopback hosts only.
    pub origin: Url,
    /// `v1.0`
    pub version: String,
    /// The longest silence within one attempt: before the answer's head, and between parts of its
    /// body.
    pub request_timeout: Duration,
    /// The time that [`super::Client::call`] gives to one operation, retries included.
    pub deadline: Duration,
    /// How often one request is tried.
    pub max_attempts: u32,
    /// The waits between tries when Graph names none.
    pub backoff: Backoff,
    /// Requests in flight. The background lane gets three quarters of them.
    pub concurrency: usize,
    /// Batches (and followed lists) that one call works on side by side.
    pub batch_concurrency: usize,
    /// What the tenant allows.
    pub budget: Budget,
}

impl Settings {
    /// Settings for `origin` with the usual values.
    pub fn new(origin: Url) -> Self {
        Self {
            origin,
            version: "v1.0".to_owned(),
            request_timeout: Duration::from_secs(30),
            deadline: Duration::from_mins(1),
            max_attempts: 6,
            backoff: Backoff {
                floor: Duration::from_millis(200),
                ceiling: Duration::from_secs(10),
            },
            concurrency: 32,
            batch_concurrency: 8,
            budget: Budget::SMALL,
        }
    }
}

/// The quota of one application in one tenant; 0 switches a limit off.
///
/// Source: <https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Resource units per 10 seconds.
    pub resource_units: u32,
    /// Write requests per 150 seconds.
    pub writes: u32,
}

impl Budget {
    /// Below 50 users.
    pub const SMALL: Self = Self {
        resource_units: 3500,
        writes: 3000,
    };
    /// From 50 to 500 users.
    pub const MEDIUM: Self = Self {
        resource_units: 5000,
        writes: 3000,
    };
    /// Above 500 users.
    pub const LARGE: Self = Self {
        resource_units: 8000,
        writes: 3000,
    };
    /// No limit of ours; Graph's 429 remains.
    pub const UNLIMITED: Self = Self {
        resource_units: 0,
        writes: 0,
    };
}

/// Who is waiting for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A client. Goes first.
    Interactive,
    /// Nobody in particular: the replica. Leaves the last quarter of the budget alone.
    Background,
}

/// The frame of one operation: its end, its lane, its counters.
#[derive(Clone, Debug)]
pub struct Call {
    /// Nothing is waited for beyond this moment.
    pub deadline: Instant,
    /// Who waits.
    pub lane: Lane,
    /// What it cost so far.
    pub stats: Arc<CallStats>,
}

impl Call {
    /// A call that must end within `time`.
    pub fn new(lane: Lane, time: Duration) -> Self {
        Self {
            deadline: Instant::now() + time,
            lane,
            stats: Arc::default(),
        }
    }

    /// Whether the deadline has passed: nothing is sent any more.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

/// Counters of one operation.
#[derive(Debug, Default)]
pub struct CallStats {
    http_requests: AtomicU64,
    batch_items: AtomicU64,
    resource_units: AtomicU64,
    request_ids: Mutex<Vec<String>>,
}

/// No operation keeps more request ids than this.
const MAX_REQUEST_IDS: usize = 100;

impl CallStats {
    /// HTTP requests sent to Graph, retries included; a `$batch` is one.
    pub fn http_requests(&self) -> u64 {
        self.http_requests.load(Ordering::Relaxed)
    }

    /// Requests sent inside of batches, retries included.
    pub fn batch_items(&self) -> u64 {
        self.batch_items.load(Ordering::Relaxed)
    }

    /// Resource units by Graph's own count (`x-ms-resource-unit`).
    pub fn resource_units(&self) -> u64 {
        self.resource_units.load(Ordering::Relaxed)
    }

    /// Graph's request ids in the order of arrival, the first hundred.
    pub fn request_ids(&self) -> Vec<String> {
        self.request_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn count_request(&self) {
        self.http_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_items(&self, items: usize) {
        self.batch_items
            .fetch_add(u64::try_from(items).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn count_units(&self, units: u32) {
        self.resource_units
            .fetch_add(u64::from(units), Ordering::Relaxed);
    }

    pub(super) fn note_request_id(&self, id: &str) {
        let mut ids = self
            .request_ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if ids.len() < MAX_REQUEST_IDS {
            ids.push(id.to_owned());
        }
    }
}

/// A successful answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// 200 to 299.
    pub status: u16,
    /// The JSON body; null when there was none (204).
    pub body: Value,
    /// Graph's id of the request.
    pub request_id: Option<String>,
    /// Where a created object lives.
    pub location: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The items; may be none although more pages follow.
    pub items: Vec<Value>,
    /// `@odata.count`, on the first page of an advanced query that asks for it.
    pub count: Option<u64>,
    /// The next page.
    pub next: Option<NextLink>,
    /// `@odata.deltaLink`: where the next round of a delta query begins.
    pub delta: Option<NextLink>,
}

/// A link that Graph handed out (`@odata.nextLink`, `@odata.deltaLink`). Opaque: followed as it
/// is, and only on the configured origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextLink {
    pub(super) url: String,
    pub(super) anchor: Option<Anchor>,
    pub(super) trail: Trail,
}

/// The pages that led to a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// Hashes of their URLs.
    pub(super) visited: Vec<u64>,
    /// How many of the last ones were empty.
    pub(super) empty: usize,
}

/// The page that a link came from, if that page took more than one try: Graph may not know the
/// token of a repeated page (`DirectoryPageTokenNotFoundException`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) url: String,
    pub(super) last_id: Option<String>,
}

impl NextLink {
    /// A link that was stored earlier.
    pub fn from_stored(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            anchor: None,
            trail: Trail::default(),
        }
    }

    /// The link's text, for storing.
    pub fn as_str(&self) -> &str {
        &self.url
    }
}

/// One request of a batch.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// What to do.
    pub request: Request,
    /// The index of an earlier item that must succeed first.
    pub after: Option<usize>,
    /// What its answer must hold; by default what the request itself tells.
    pub expect: Option<Expect>,
    /// Failures that count as success for the items after this one (`already a member`): those
    /// are sent again rather than failed.
    pub benign: fn(&Error) -> bool,
    /// Failures that end the item at once, though doing it again could help.
    pub ends_with: fn(&Error) -> bool,
}

impl BatchItem {
    /// An item that follows no other and has no benign failures.
    pub fn new(request: Request) -> Self {
        Self {
            request,
            after: None,
            expect: None,
            benign: |_| false,
            ends_with: |_| false,
        }
    }

    /// Lets the item wait for item `index`.
    pub fn after(mut self, index: usize) -> Self {
        self.after = Some(index);
        self
    }

    /// Says what the answer must hold.
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect = Some(expect);
        self
    }

    pub(super) fn expectation(&self) -> Cow<'_, Expect> {
        match &self.expect {
            Some(expect) => Cow::Borrowed(expect),
            None => Cow::Owned(Expect::of(&self.request)),
        }
    }

    /// Names the failures that end the item at once.
    pub fn ending_with(mut self, ends_with: fn(&Error) -> bool) -> Self {
        self.ends_with = ends_with;
        self
    }

    /// Names the failures that do not stop the items after this one.
    pub fn benign(mut self, benign: fn(&Error) -> bool) -> Self {
        self.benign = benign;
        self
    }
}
