//! `GET /Users/{id}/photo`: what the photo URL of a user leads to.

use bytes::Bytes;

use super::{Context, Error, fetch};
use crate::odata::request::Request;

/// The picture: content type and bytes.
///
/// # Errors
/// 404 when the user has none.
pub async fn photo(cx: &Context<'_>, id: &str) -> Result<(String, Bytes), Error> {
    if !crate::resources::is_object_id(id) {
        return Err(fetch::not_found(cx, id).into());
    }
    let request = Request::get(format!("{}/photo/$value", cx.room.kind.object_path(id)));
    match cx.tenant.graph.bytes(&cx.call, &request).await {
        Ok(photo) => Ok(photo),
        Err(error) if error.status() == Some(404) => {
            Err(crate::scim::error::Error::not_found("the user has no photo").into())
        }
        Err(error) => Err(error.into()),
    }
}
