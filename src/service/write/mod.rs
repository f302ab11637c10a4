//! The writes: create, replace, patch, delete. [`perform`] is the only way in: it authorises, waits
//! for the object's turn, plans with pure code, acts, and records, in a task that outlives the
//! connection of the client.

mod admins;
mod change;
mod create;
mod delete;
mod early;
mod execute;
mod known;
mod outcome;
mod patch;
mod queue;
mod record;
mod relations;
mod replace;

pub use queue::Queue;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::Instrument as _;

use super::{
    Context, Error, access, audit,
    read::{self, live::object},
    replica::import::own_writes,
    tokens::Access,
};
use crate::{
    resources::GraphCall,
    scim::{
        Document,
        error::{Error as ScimError, Kind},
        etag,
        projection::Projection,
    },
};

/// What a client wants written.
#[derive(Clone, Debug)]
pub enum Operation {
    /// `POST /Type`
    Create {
        /// The resource.
        body: Arc<Value>,
        /// What to answer.
        projection: Projection,
        /// For a create that may come twice.
        once: Option<Once>,
    },
    /// `PUT /Type/{id}`
    Replace {
        /// Which one.
        id: String,
        /// The resource.
        body: Arc<Value>,
        /// `If-Match`
        if_match: Option<String>,
        /// What to answer.
        projection: Projection,
    },
    /// `PATCH /Type/{id}`
    Patch {
        /// Which one.
        id: String,
        /// The `PatchOp` message.
        body: Arc<Value>,
        /// `If-Match`
        if_match: Option<String>,
        /// What to answer, where the client says.
        projection: Option<Projection>,
    },
    /// `DELETE /Type/{id}`
    Delete {
        /// Which one.
        id: String,
        /// `If-Match`
        if_match: Option<String>,
    },
}

/// By what a create that comes again is known.
#[derive(Clone, Debug)]
pub struct Once {
    /// Goes into names that must not collide: the same every time.
    pub suffix: String,
    /// When it was begun before, if what came of that is not known.
    pub tried: Option<OffsetDateTime>,
}

impl Operation {
    /// The name in the audit row.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Replace { .. } => "replace",
            Self::Patch { .. } => "patch",
            Self::Delete { .. } => "delete",
        }
    }

    /// The object that is written to, when there is one already.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create { .. } => None,
            Self::Replace { id, .. } | Self::Patch { id, .. } | Self::Delete { id, .. } => Some(id),
        }
    }

    /// The HTTP status of a success with a body.
    fn status(&self) -> u16 {
        match self {
            Self::Create { .. } => 201,
            _ => 200,
        }
    }
}

/// What a write gives.
pub enum Written {
    /// The resource as it is now, and its version where that is known.
    Resource(Document, Option<String>),
    /// Done, nothing to show.
    Done,
    /// The Graph calls that would be made.
    Plan(Vec<GraphCall>),
}

/// A write that succeeded, with what the audit row tells of it.
struct Effect {
    written: Written,
    /// What the answer holds, where the client does not say.
    projection: Option<Projection>,
    /// The object, where the operation did not name it.
    id: Option<String>,
    /// Digest of the document before.
    before: Option<String>,
    /// Digest of the document after.
    after: Option<String>,
}

impl Effect {
    fn of(written: Written) -> Self {
        Self {
            written,
            projection: None,
            id: None,
            before: None,
            after: None,
        }
    }

    /// Nothing is done: this is what would be.
    fn plan(calls: Vec<GraphCall>) -> Self {
        Self::of(Written::Plan(calls))
    }
}

/// Performs the operation, between the two halves of its audit row. The work goes on, to its end, when the caller
/// stops waiting for it.
///
/// # Errors
/// The protocol's errors, before anything is done; and what Graph makes of it, with what was done
/// taken back or told.
pub async fn perform(cx: Context, operation: Operation) -> Result<Written, Error> {
    if let Err(error) = access::allow(&cx.caller, Access::Write, cx.kind().endpoint) {
        return Err(refused(&cx, operation.name(), operation.id(), error.into()).await);
    }
    if cx.dry_run {
        let result = act(&cx, &operation).await;
        let ending = ending(&operation, result.as_ref());
        audit::record(&cx, operation.name(), operation.id(), ending).await;
        return result.map(|effect| effect.written);
    }
    let writes = cx.app.writes.clone();
    let work = async move {
        let begun = audit::begin(&cx, operation.name(), operation.id()).await?;
        let acting = AssertUnwindSafe(act(&cx, &operation)).catch_unwind();
        let result = acting.await.unwrap_or_else(|_| Err(internal()));
        begun
            .complete(&cx, ending(&operation, result.as_ref()))
            .await;
        let effect = result?;
        Ok(settled(&cx, &operation, effect).await)
    };
    writes
        .spawn(work.in_current_span())
        .await
        .unwrap_or_else(|_| Err(internal()))
}

/// The answer as every later read gives it: the replica's, where it serves.
async fn settled(cx: &Context, operation: &Operation, effect: Effect) -> Written {
    let Written::Resource(doc, version) = effect.written else {
        return effect.written;
    };
    let id = doc.get("id").and_then(Value::as_str).map(str::to_owned);
    let asked = match operation {
        Operation::Create { projection, .. } | Operation::Replace { projection, .. } => {
            Some(projection)
        }
        Operation::Patch { projection, .. } => projection.as_ref(),
        Operation::Delete { .. } => None,
    };
    let all = Projection::all();
    let projection = effect.projection.as_ref().or(asked).unwrap_or(&all);
    let Some(id) = id else {
        return Written::Resource(doc, version);
    };
    match read::of_replica(cx, &id, projection).await {
        Ok(Some((doc, version))) => Written::Resource(doc, Some(version)),
        Ok(None) => Written::Resource(doc, version),
        Err(error) => {
            tracing::warn!(error = %error, "the answer to a write is not the replica's");
            Written::Resource(doc, version)
        }
    }
}

/// Stores the audit row of a write that was refused before it could begin; gives the error back.
pub async fn refused(cx: &Context, operation: &str, id: Option<&str>, error: Error) -> Error {
    let ending = audit::Ending {
        status: error.scim.kind.status(),
        error: Some(&error.scim),
        ..audit::Ending::default()
    };
    audit::record(cx, operation, id, ending).await;
    error
}

fn internal() -> Error {
    ScimError::new(Kind::Internal, "internal error").into()
}

async fn act(cx: &Context, operation: &Operation) -> Result<Effect, Error> {
    let operations = cx.kind().operations;
    let (has, verb) = match operation {
        Operation::Create { .. } => (operations.create, "created"),
        Operation::Replace { .. } => (operations.replace, "replaced"),
        Operation::Patch { .. } => (operations.patch, "patched"),
        Operation::Delete { .. } => (operations.delete, "deleted"),
    };
    offered(cx, has, verb)?;
    let _turn = match operation.id() {
        Some(id) if !cx.dry_run => {
            let queue = &cx.tenant.queue;
            Some(queue.turn(cx.kind().name, id, cx.call.deadline).await?)
        }
        _ => None,
    };
    if let Some(id) = operation.id() {
        own_writes(cx, id).await?;
    }
    match operation {
        Operation::Create {
            body,
            projection,
            once,
        } => create::create(cx, body, projection, once.as_ref()).await,
        Operation::Replace {
            id,
            body,
            if_match,
            projection,
        } => replace::replace(cx, id, body, if_match.as_deref(), projection).await,
        Operation::Patch {
            id,
            body,
            if_match,
            projection,
        } => patch::patch(cx, id, body, if_match.as_deref(), projection.as_ref()).await,
        Operation::Delete { id, if_match } => delete::delete(cx, id, if_match.as_deref()).await,
    }
}

/// What the audit row tells of a write that has ended, well or not.
fn ending<'a>(operation: &Operation, result: Result<&'a Effect, &'a Error>) -> audit::Ending<'a> {
    match result {
        Ok(effect) => audit::Ending {
            id: effect.id.as_deref(),
            status: match effect.written {
                Written::Resource(..) => operation.status(),
                Written::Plan(_) => 200,
                Written::Done => 204,
            },
            planned: matches!(effect.written, Written::Plan(_)),
            error: None,
            before: effect.before.clone(),
            after: effect.after.clone(),
        },
        Err(error) => audit::Ending {
            id: error.left_behind.as_deref(),
            status: error.scim.kind.status(),
            error: Some(&error.scim),
            ..audit::Ending::default()
        },
    }
}

/// Whether answers and versions are the replica's: then only what a change is planned against is
/// read of Graph.
async fn is_replicated(cx: &Context) -> Result<bool, Error> {
    read::replica::serves(cx).await
}

/// Checks `If-Match` against the present version of the document, or of the replica's.
async fn check_version(
    cx: &Context,
    id: &str,
    doc: &Document,
    if_match: Option<&str>,
) -> Result<(), Error> {
    let Some(header) = if_match else {
        return Ok(());
    };
    let replicas = if is_replicated(cx).await? {
        read::replica::version(cx, id).await?
    } else {
        None
    };
    let own = doc
        .get("meta")
        .and_then(|m| m.get("version"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let version = replicas.as_deref().unwrap_or(own);
    if etag::if_match(header, version) {
        return Ok(());
    }
    Err(ScimError::new(
        Kind::PreconditionFailed,
        format!("the resource has version {version}, which If-Match does not name: read it again"),
    )
    .into())
}

/// With more values than this, the pure work on them leaves the async workers.
const MANY: usize = 1000;

/// How many values a message has, about.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(values).sum::<usize>() + 1,
        Value::Object(object) => object.values().map(values).sum::<usize>() + 1,
        _ => 1,
    }
}

/// Refuses an operation that the resource type does not have.
fn offered(cx: &Context, has: bool, verb: &str) -> Result<(), Error> {
    if has {
        return Ok(());
    }
    Err(ScimError::new(
        Kind::MethodNotAllowed,
        format!("{} resources cannot be {verb}", cx.kind().name),
    )
    .into())
}

/// An error about the object `id` itself.
fn about(cx: &Context, id: &str, error: crate::graph::Error) -> Error {
    object::missing(cx, id, error)
}
