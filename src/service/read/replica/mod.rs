//! Reading from the replica: Graph is not asked.

mod beyond;
mod list;
mod numbers;
mod related;
mod render;
mod scan;

use bytes::Bytes;
use serde_json::Value;

use super::super::{Context, Error, replica::body};
use crate::{
    scim::{Document, projection::Projection},
    store::replica::{from_bytes, to_bytes},
};

pub(super) use list::{list, looks_beyond};
pub(super) use render::is_plain;

/// What the replica knows of an object.
pub(crate) enum Got {
    /// The resource and its version.
    Document(Document, String),
    /// Its finished text and version.
    Text(Bytes, String),
    /// It was deleted.
    Gone,
    /// Nothing: Graph may know.
    Unknown,
}

/// Whether the replica can answer for this tenant now.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn serves(cx: &Context) -> Result<bool, Error> {
    let replica = &cx.tenant.replica;
    let clock = cx.app.clock.as_ref();
    Ok(replica
        .serves(&cx.app.store, &cx.tenant.name, clock)
        .await?)
}

/// One object.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn get(cx: &Context, id: &str, projection: &Projection) -> Result<Got, Error> {
    let (store, tenant, kind) = (&cx.app.store, &cx.tenant.name, cx.kind().name);
    if is_plain(cx, projection) {
        let epochs = numbers::epochs(kind);
        if let Some((modified, epoch)) = store.moment(tenant, kind, id, epochs).await? {
            let found = [(from_bytes(&to_bytes(id)), modified)];
            let (mut texts, _room) = render::plain(cx, &found, epoch).await?;
            if let Some(text) = texts.pop() {
                return Ok(Got::Text(text, body::version(modified)));
            }
        }
    } else if let Some((doc, version)) = document(cx, id, projection).await? {
        return Ok(Got::Document(doc, version));
    }
    let gone = store.tombstone(tenant, kind, id).await?.is_some();
    Ok(if gone { Got::Gone } else { Got::Unknown })
}

/// The version of an object, if the replica has it.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn version(cx: &Context, id: &str) -> Result<Option<String>, Error> {
    let ids = [id.to_owned()];
    let shown = cx
        .app
        .store
        .shown(&cx.tenant.name, cx.kind().name, &ids)
        .await?;
    Ok(shown.first().map(|shown| body::version(shown.modified)))
}

/// One object as a document, projected, and its version; `None` when the replica does not have it.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn document(
    cx: &Context,
    id: &str,
    projection: &Projection,
) -> Result<Option<(Document, String)>, Error> {
    let ids = [id.to_owned()];
    let rows = cx
        .app
        .store
        .objects(&cx.tenant.name, cx.kind().name, &ids)
        .await?;
    let modified = rows.first().map(|row| row.modified);
    let doc = render::documents(cx, rows, projection).await?.pop();
    Ok(doc.zip(modified.map(body::version)))
}

/// The texts of documents.
fn texts(docs: Vec<Document>) -> Vec<Bytes> {
    docs.into_iter()
        .map(|doc| Bytes::from(Value::Object(doc).to_string()))
        .collect()
}
