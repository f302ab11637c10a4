//! `DELETE /Type/{id}`

use super::{
    super::{
        Context, Error, Written,
        fetch::{self, Wanted},
        recent::Fate,
        rights,
    },
    about, check_version, offered,
};
use crate::{odata::request::Request, resources::GraphCall, scim::projection::Projection};

/// Deletes the resource (users and Microsoft 365 groups stay restorable for 30 days in Entra).
///
/// # Errors
/// 404 when it is not there, 412 when `If-Match` does not fit.
pub async fn delete(cx: &Context<'_>, id: &str, if_match: Option<&str>) -> Result<Written, Error> {
    offered(cx, cx.room.kind.operations.delete, "deleted")?;
    rights::check(cx, false)?;
    if !crate::resources::is_object_id(id)
        || cx.tenant.recent.fate(id, cx.app.clock.now()) == Some(Fate::Deleted)
    {
        return Err(fetch::not_found(cx, id).into());
    }
    if if_match.is_some() {
        let projection = Projection::all();
        let wanted = Wanted::for_answer(cx, &projection, None, None, false);
        let loaded = fetch::one(cx, id, &wanted).await?;
        check_version(&fetch::document(cx, &loaded, &wanted), if_match)?;
    }
    let request = Request::delete(cx.room.kind.object_path(id));
    if cx.dry_run {
        return Ok(Written::Plan(vec![GraphCall::new(request, id, "delete")]));
    }
    cx.tenant
        .graph
        .send(&cx.call, &request)
        .await
        .map_err(|e| about(cx, id, e))?;
    cx.tenant.recent.note(id, Fate::Deleted, cx.app.clock.now());
    Ok(Written::Done)
}
