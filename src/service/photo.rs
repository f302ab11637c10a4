//! `GET /Users/{id}/photo`: what the photo URL of a user leads to.

use bytes::Bytes;

use super::{Context, Error, read::live::object};
use crate::{graph::Refusal, odata::request::Request};

/// The picture: content type and bytes.
///
/// # Errors
/// 404 when the user has none.
pub async fn photo(cx: &Context, id: &str) -> Result<(String, Bytes), Error> {
    if !crate::resources::is_object_id(id) {
        return Err(object::not_found(cx, id).into());
    }
    let request = Request::get(format!("{}/photo/$value", cx.kind().object_path(id)));
    match cx.tenant.graph.bytes(&cx.call, &request).await {
        Ok(photo) => Ok(photo),
        Err(error) if error.refusal() == Some(Refusal::NoPhoto) => {
            Err(crate::scim::error::Error::not_found("the user has no photo").into())
        }
        Err(error) => Err(object::missing(cx, id, error)),
    }
}
