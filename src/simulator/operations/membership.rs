//! Membership checks: transitive, by id. They are reads, although they are sent as POST.

use serde_json::Value;

use super::answers::value_of;
use crate::simulator::directory::{Eyes, Kind, Reader, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

/// The most ids in a check.
const MAX_IDS: usize = 20;

/// The directory as the caller sees it.
fn seen<'a>(ctx: &'a Ctx<'_>) -> Reader<'a> {
    ctx.dir.seen_by(Eyes::Object)
}

fn ids(ctx: &Ctx<'_>, slots: impl Iterator<Item = Slot>) -> SimResponse {
    let ids: Vec<Value> = slots.map(|slot| seen(ctx).id_text(slot).into()).collect();
    value_of(&ctx.view(), "Collection(Edm.String)", ids.into())
        .with_header("Location", ctx.request.origin.clone())
}

fn asked(ctx: &Ctx<'_>, name: &str) -> Result<Vec<Slot>, SimError> {
    let body = ctx.request.body_object()?;
    let list = body
        .get(name)
        .and_then(Value::as_array)
        .filter(|list| list.len() <= MAX_IDS)
        .ok_or_else(|| SimError::invalid_property(name))?;
    let mut slots = Vec::new();
    for item in list {
        let text = item
            .as_str()
            .ok_or_else(|| SimError::invalid_property(name))?;
        let id = guid(text).ok_or_else(|| SimError::identifier(text))?;
        slots.extend(seen(ctx).live(id));
    }
    Ok(slots)
}

/// `checkMemberGroups`: those of the given groups that hold the object, nesting counted.
pub fn check_groups(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let asked = asked(ctx, "groupIds")?;
    let holders = seen(ctx).closure(slot, false);
    let found = asked
        .into_iter()
        .filter(|g| holders.contains(g) && seen(ctx).object(*g).kind == Kind::Group);
    Ok(ids(ctx, found))
}

/// `checkMemberObjects`: groups, roles and administrative units alike.
pub fn check_objects(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let asked = asked(ctx, "ids")?;
    let holders = seen(ctx).closure(slot, false);
    Ok(ids(ctx, asked.into_iter().filter(|g| holders.contains(g))))
}

fn all(ctx: &Ctx<'_>, slot: Slot, groups_only: bool) -> Answer {
    let body = ctx.request.body_object()?;
    let security = body
        .get("securityEnabledOnly")
        .and_then(Value::as_bool)
        .ok_or_else(|| SimError::invalid_property("securityEnabledOnly"))?;
    let holders = seen(ctx).closure(slot, false).into_iter().filter(|holder| {
        let group = seen(ctx).object(*holder).kind == Kind::Group;
        (group || !groups_only)
            && (!security || !group || seen(ctx).flag(*holder, "securityEnabled"))
    });
    Ok(ids(ctx, holders))
}

/// `getMemberGroups`
pub fn get_groups(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    all(ctx, slot, true)
}

/// `getMemberObjects`
pub fn get_objects(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    all(ctx, slot, false)
}
