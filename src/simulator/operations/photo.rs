//! Profile photos.

use bytes::Bytes;
use serde_json::json;

use super::answers::entity;
use crate::odata::request::Method;
use crate::simulator::directory::Slot;
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, View};
use crate::simulator::request::{Body, SimResponse};

type Answer = Result<SimResponse, SimError>;

/// Photos are smaller than this.
const MAX_BYTES: usize = 4 * 1024 * 1024;

fn missing() -> SimError {
    SimError::new(
        404,
        "ImageNotFound",
        "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.",
    )
}

/// `GET …/photo` and `…/photo/$value`
pub fn read(view: &View<'_>, slot: Slot, more: &[String]) -> Answer {
    let (content_type, bytes) = view.dir.directory().photos.get(&slot).ok_or_else(missing)?;
    match more {
        [] => {
            let shown = json!({
                "@odata.mediaContentType": content_type,
                "id": "648x648",
                "height": 648,
                "width": 648,
            });
            let context = format!("users('{}')/photo/$entity", view.dir.id_text(slot));
            Ok(entity(view, &context, shown))
        }
        [value] if value == "$value" => Ok(SimResponse {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes(content_type.clone(), bytes.clone()),
        }),
        [other, ..] => Err(SimError::segment(other)),
    }
}

/// `PUT` or `PATCH …/photo/$value`, `DELETE …/photo/$value` or `…/photo`
pub fn change(ctx: &mut Ctx<'_>, slot: Slot, more: &[String]) -> Answer {
    let is_value = more.len() == 1 && more[0] == "$value";
    match ctx.request.method {
        Method::Put | Method::Patch if is_value => {
            let content_type = ctx.request.header("content-type").unwrap_or_default();
            if !content_type.starts_with("image/") {
                return Err(SimError::new(
                    415,
                    "UnsupportedMediaType",
                    "The content type of the photo must be an image type.",
                ));
            }
            if ctx.request.body.is_empty() {
                return Err(SimError::payload());
            }
            if ctx.request.body.len() >= MAX_BYTES {
                return Err(SimError::new(
                    413,
                    "RequestEntityTooLarge",
                    "The size of the image exceeds the maximum limit.",
                ));
            }
            let photo = (content_type.to_owned(), Bytes::clone(&ctx.request.body));
            ctx.dir.photos.insert(slot, photo);
            Ok(SimResponse {
                status: 200,
                ..SimResponse::default()
            })
        }
        Method::Delete if is_value || more.is_empty() => {
            ctx.dir.photos.remove(&slot).ok_or_else(missing)?;
            Ok(SimResponse::no_content())
        }
        _ => Err(SimError::method()),
    }
}
