//! `GET /Type/{id}`

use super::{
    Context, Error,
    fetch::{self, Wanted},
};
use crate::scim::{Document, projection::Projection};

/// The resource, projected.
///
/// # Errors
/// 404, or what Graph made of it.
pub async fn get(cx: &Context<'_>, id: &str, projection: &Projection) -> Result<Document, Error> {
    let wanted = Wanted::for_answer(cx, projection, None, None, false);
    let loaded = fetch::one(cx, id, &wanted).await?;
    let doc = fetch::document(cx, &loaded, &wanted);
    Ok(projection.apply(&doc, cx.room.schema()))
}
