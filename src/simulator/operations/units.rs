//! Administrative units.

use super::answers::created;
use super::refs;
use super::validate::{self, Limits};
use crate::simulator::directory::{Kind, Relation, Slot};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const LIMITS: Limits = Limits {
    read_only: &["id", "deletedDateTime"],
    lengths: &[("displayName", 256), ("description", 1024)],
    required: &["displayName"],
};

/// `POST /directory/administrativeUnits`
pub fn create(ctx: &mut Ctx<'_>) -> Answer {
    let input = validate::body(ctx, Kind::AdministrativeUnit, &LIMITS)?;
    input.require(&["displayName"])?;
    let pairs = input.pairs();
    let id = ctx.dir.new_id();
    let slot = ctx.dir.insert(Kind::AdministrativeUnit, id, pairs);
    Ok(created(ctx, slot))
}

/// `PATCH /directory/administrativeUnits/{id}`
pub fn update(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let input = validate::body(ctx, Kind::AdministrativeUnit, &LIMITS)?;
    if input
        .properties
        .contains_key("isMemberManagementRestricted")
    {
        return Err(SimError::read_only("isMemberManagementRestricted"));
    }
    let pairs = input.pairs();
    ctx.dir.set(slot, pairs);
    Ok(SimResponse::no_content())
}

/// `POST …/members/$ref`: a user, group or device.
pub fn add_member(ctx: &mut Ctx<'_>, unit: Slot, member: Slot) -> Result<(), SimError> {
    let dynamic = ctx.dir.text(unit, "membershipType") == Some("Dynamic");
    if dynamic
        || !matches!(
            ctx.dir.object(member).kind,
            Kind::User | Kind::Group | Kind::Device
        )
    {
        return Err(SimError::invalid_property("members"));
    }
    refs::add_plain(ctx.dir, unit, member)?;
    mark(ctx, member);
    Ok(())
}

/// `DELETE …/members/{id}/$ref`
pub fn remove_member(ctx: &mut Ctx<'_>, unit: Slot, member: Slot) -> Result<(), SimError> {
    refs::remove_plain(ctx.dir, unit, member)?;
    mark(ctx, member);
    Ok(())
}

/// Users and groups tell whether only the administrators of a unit manage them.
fn mark(ctx: &mut Ctx<'_>, member: Slot) {
    if !matches!(ctx.dir.object(member).kind, Kind::User | Kind::Group) {
        return;
    }
    let restricted = ctx
        .dir
        .all(Kind::AdministrativeUnit, None)
        .filter(|unit| ctx.dir.flag(*unit, "isMemberManagementRestricted"))
        .any(|unit| {
            let mut members = ctx.dir.edges(Relation::Member).targets(unit, None);
            members.any(|one| one == member)
        });
    ctx.dir
        .set_one(member, "isManagementRestricted", &restricted.into());
}
