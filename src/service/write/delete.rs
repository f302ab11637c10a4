//! `DELETE /Type/{id}`

use super::{
    super::{
        Context, Error,
        audit::digest,
        read::{self, live::object},
        recent::Absence,
        replica::own::OwnWrite,
        rights, role_groups,
    },
    Effect, Written, about, check_version,
    early::Patience,
    is_replicated,
};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    graph::Refusal,
    odata::request::Request,
    resources::{GraphCall, Purpose, Verb},
};

/// Deletes the resource (users and Microsoft 365 groups stay restorable for 30 days in Entra).
///
/// # Errors
/// 404 when it is not there, 412 when `If-Match` does not fit.
pub(super) async fn delete(
    cx: &Context,
    id: &str,
    if_match: Option<&str>,
) -> Result<Effect, Error> {
    rights::check(cx, false)?;
    if !crate::resources::is_object_id(id) {
        return Err(object::not_found(cx, id).into());
    }
    role_groups::guard_deletion(cx, id).await?;
    // The object's own attributes are enough to tell what was deleted; a version is of all.
    let narrow = if_match.is_none() || is_replicated(cx).await?;
    let relations = narrow.then(Vec::new);
    let read = read::before(cx, id, relations, &[]).await?;
    let document = read.document(cx);
    check_version(cx, id, &document, if_match).await?;
    let before = Some(digest(&document));
    let request = Request::delete(cx.kind().object_path(id));
    if cx.dry_run {
        let call = GraphCall::new(request, id, Purpose::object(Verb::Delete));
        return Ok(Effect::plan(vec![call]));
    }
    let now = cx.app.clock.now();
    let recent = &cx.tenant.recent;
    let mut patience = Patience::default();
    let sent = loop {
        let sent = cx.tenant.graph.send(&cx.call, &request).await;
        let early = matches!(&sent, Err(error) if error.refusal() == Some(Refusal::Absent))
            && matches!(
                recent.objects.absent(cx.kind().name, id, now),
                Absence::Lag(_)
            );
        match patience.after(early) {
            Some(wait) if Instant::now() + wait < cx.call.deadline => {
                tokio::time::sleep(wait).await;
            }
            _ => break sent,
        }
    };
    match sent {
        Ok(_) => {}
        Err(error) => return Err(about(cx, id, error)),
    }
    recent.objects.deleted(cx.kind().name, id, now);
    cx.made.note(OwnWrite::Deleted {
        kind: cx.kind().name,
        id: id.to_owned(),
    });
    cx.tenant.names.forget(cx.kind().collection);
    look_after(cx, id);
    Ok(Effect {
        before,
        ..Effect::of(Written::Done)
    })
}

/// Looks, when the client has its answer, whether Graph shows the deletion: an object that is there
/// again after that was restored by somebody, and is not hidden.
fn look_after(cx: &Context, id: &str) {
    let (cx, id) = (cx.clone(), id.to_owned());
    let writes = cx.app.writes.clone();
    let look = async move {
        let cx = Context {
            call: crate::graph::Call::new(
                crate::graph::Lane::Background,
                std::time::Duration::from_secs(5),
            ),
            ..cx
        };
        if matches!(object::in_recycle_bin(&cx, &id).await, Ok(true)) {
            cx.tenant.recent.objects.seen_gone(cx.kind().name, &id);
        }
    };
    writes.spawn(look.in_current_span());
}
