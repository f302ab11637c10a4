//! Devices: what a caller may change of them.

use super::validate::{self, Limits};
use crate::odata::facts;
use crate::simulator::directory::{Kind, Slot};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const LIMITS: Limits = Limits {
    read_only: &["id", "deletedDateTime"],
    lengths: &[("displayName", 256)],
    required: &["accountEnabled"],
};

/// `PATCH /devices/{id}`: `accountEnabled` and directory extensions; the rest is the device's own.
pub fn update(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let input = validate::body(ctx, Kind::Device, &LIMITS)?;
    let declared = |name: &str| {
        facts::entity(Kind::Device.entity()).is_some_and(|device| device.property(name).is_some())
    };
    if let Some(name) = input
        .properties
        .keys()
        .find(|name| *name != "accountEnabled" && declared(name))
    {
        return Err(SimError::read_only(name));
    }
    let pairs = input.pairs();
    ctx.dir.set(slot, pairs);
    Ok(SimResponse::no_content())
}

/// `DELETE /devices/{id}`: for good.
pub fn delete(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    ctx.dir.purge(slot);
    Ok(SimResponse::no_content())
}
