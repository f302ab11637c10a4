//! The writes: create, replace, patch, delete. Each plans with pure code, then acts.

mod create;
mod delete;
mod patch;
mod relations;
mod update;

pub use create::create;
pub use delete::delete;
pub use patch::patch;
pub use update::replace;

use super::{Context, Error, fetch};
use crate::scim::{
    Document,
    error::{Error as ScimError, Kind},
    etag,
};

/// Checks `If-Match` against the present version of the document.
fn check_version(doc: &Document, if_match: Option<&str>) -> Result<(), Error> {
    let Some(header) = if_match else {
        return Ok(());
    };
    let version = doc
        .get("meta")
        .and_then(|m| m.get("version"))
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    if etag::if_match(header, version) {
        return Ok(());
    }
    Err(ScimError::new(
        Kind::PreconditionFailed,
        format!("the resource has version {version}, which If-Match does not name: read it again"),
    )
    .into())
}

/// Refuses an operation that the resource type does not have.
fn offered(cx: &Context<'_>, has: bool, verb: &str) -> Result<(), Error> {
    if has {
        return Ok(());
    }
    Err(ScimError::new(
        Kind::MethodNotAllowed,
        format!("{} resources cannot be {verb}", cx.room.kind.name),
    )
    .into())
}

/// An error about the object `id` itself.
fn about(cx: &Context<'_>, id: &str, error: crate::graph::Error) -> Error {
    fetch::missing(cx, id, error)
}
