//! Deleting, and the recycle bin: restore and purge.

use super::answers::entity;
use crate::simulator::directory::{Kind, Slot, State, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

/// Into the recycle bin. Memberships stay, out of sight, for a restore.
fn bin(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    ctx.dir.set_state(slot, State::Deleted);
    Ok(SimResponse::no_content())
}

fn gone(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    ctx.dir.unassign_all(slot);
    super::grants::forget(ctx.dir, slot);
    ctx.dir.purge(slot);
    Ok(SimResponse::no_content())
}

/// `DELETE /users/{id}`
pub fn delete_user(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    bin(ctx, slot)
}

/// `DELETE /groups/{id}`: Microsoft 365 groups go to the bin, others for good (a switch).
pub fn delete_group(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let dir = &*ctx.dir;
    if dir.flag(slot, "onPremisesSyncEnabled") {
        return Err(SimError::on_premises());
    }
    let unified = dir.lists(slot, "groupTypes", "Unified");
    if dir.flag(slot, "mailEnabled") && !unified {
        return Err(SimError::bad(
            "Cannot Delete a mail-enabled security groups and or distribution list.",
        ));
    }
    if unified || ctx.options.security_group_recycle_bin {
        bin(ctx, slot)
    } else {
        gone(ctx, slot)
    }
}

/// `DELETE /applications/{id}`: its service principal in this tenant goes along.
pub fn delete_application(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let app_id = ctx.dir.text(slot, "appId").and_then(guid);
    let principal = app_id.and_then(|id| ctx.dir.find_app(Kind::ServicePrincipal, id));
    if let Some(principal) = principal {
        bin(ctx, principal)?;
    }
    bin(ctx, slot)
}

/// `DELETE /servicePrincipals/{id}`
pub fn delete_service_principal(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    bin(ctx, slot)
}

/// `DELETE /directory/administrativeUnits/{id}`
pub fn delete_unit(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    gone(ctx, slot)
}

/// `DELETE /directoryObjects/{id}`
pub fn delete_any(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    match ctx.dir.object(slot).kind {
        Kind::User => delete_user(ctx, slot),
        Kind::Group => delete_group(ctx, slot),
        Kind::Application => delete_application(ctx, slot),
        Kind::ServicePrincipal => delete_service_principal(ctx, slot),
        Kind::AdministrativeUnit => delete_unit(ctx, slot),
        _ => Err(SimError::method()),
    }
}

/// `DELETE /directory/deletedItems/{id}`
pub fn purge(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    gone(ctx, slot)
}

/// `POST /directory/deletedItems/{id}/restore`
pub fn restore(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let dir = &*ctx.dir;
    if dir
        .text(slot, "userPrincipalName")
        .is_some_and(|upn| dir.find_upn(upn).is_some())
    {
        return Err(SimError::conflict("userPrincipalName"));
    }
    if dir
        .text(slot, "mail")
        .is_some_and(|mail| dir.address_holder(mail).is_some())
    {
        return Err(SimError::conflict("proxyAddresses"));
    }
    ctx.dir.set_state(slot, State::Live);
    let shown = Projection::of_mixed().show(ctx.dir.present(), slot);
    Ok(entity(
        &ctx.view(),
        "directoryObjects/$entity",
        shown.into(),
    ))
}
