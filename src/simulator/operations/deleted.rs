//! Deleting, and the recycle bin: restore and purge.

use serde_json::{Value, json};

use super::answers::entity;
use crate::simulator::directory::{Kind, Slot, State, Stored, guid};
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
        Kind::Device => super::devices::delete(ctx, slot),
        _ => Err(SimError::method()),
    }
}

/// `DELETE /directory/deletedItems/{id}`
pub fn purge(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    gone(ctx, slot)
}

/// `POST /directory/deletedItems/{id}/restore`: of a user with a new name, and without the mail
/// addresses that somebody else has by now, where the body says so.
pub fn restore(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let (name, reconcile) = restore_order(ctx, slot)?;
    let dir = &*ctx.dir;
    let before = dir.text(slot, "userPrincipalName");
    match name.as_deref().or(before) {
        Some(upn) if name.is_some() => super::users::check_upn(dir, upn, Some(slot))?,
        Some(upn) if dir.find_upn(upn).is_some() => {
            return Err(SimError::conflict("userPrincipalName"));
        }
        _ => {}
    }
    let taken = |address: &str| dir.address_holder(address).is_some_and(|h| h != slot);
    let mail = dir.text(slot, "mail").filter(|mail| taken(mail));
    let addresses: Vec<String> = match dir.get(slot, "proxyAddresses") {
        Some(Stored::List(list)) => list.iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let kept: Vec<&String> = addresses.iter().filter(|address| !taken(address)).collect();
    let mut changes = Vec::new();
    if mail.is_some() || kept.len() < addresses.len() {
        if !reconcile {
            return Err(SimError::address_conflict());
        }
        changes.push(("proxyAddresses", json!(kept)));
        if mail.is_some() {
            changes.push(("mail", Value::Null));
        }
    }
    changes.extend(name.map(|name| ("userPrincipalName", json!(name))));
    ctx.dir.set_state(slot, State::Live);
    ctx.dir
        .set(slot, changes.iter().map(|(name, value)| (*name, value)));
    let shown = Projection::of_mixed(ctx.sets).show(ctx.dir.present(), slot);
    Ok(entity(
        &ctx.view(),
        "directoryObjects/$entity",
        shown.into(),
    ))
}

/// A restore's new name, and whether clashing addresses are given up.
fn restore_order(ctx: &Ctx<'_>, slot: Slot) -> Result<(Option<String>, bool), SimError> {
    if ctx.request.body.is_empty() {
        return Ok((None, false));
    }
    let (mut name, mut reconcile) = (None, false);
    for (key, value) in ctx.request.body_object()? {
        let is_user = ctx.dir.object(slot).kind == Kind::User;
        match (key.as_str(), value) {
            ("newUserPrincipalName", Value::String(text)) if is_user => name = Some(text),
            ("autoReconcileProxyConflict", Value::Bool(yes)) if is_user => reconcile = yes,
            (key, _) => return Err(SimError::invalid_property(key)),
        }
    }
    Ok((name, reconcile))
}
