//! `assignLicense` on users and groups.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::answers::entity;
use crate::simulator::directory::{
    Conflict, Directory, Grant, Items, Reader, Relation, Slot, guid,
};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::query::project::Projection;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

/// The members of a group whose inherited licences are in error.
pub fn failing_members(dir: Reader<'_>, group: Slot, after: Option<Slot>) -> Items<'_> {
    let members = dir.targets(Relation::Member, group, after);
    Box::new(members.filter(move |member| {
        let failing = |grant: &Grant| grant.group == Some(group) && grant.error.is_some();
        dir.grants(*member).iter().any(failing)
    }))
}

/// A checked body: SKUs to add with the plans switched off, SKUs to remove.
struct Change {
    add: Vec<(u16, u128)>,
    remove: Vec<u16>,
}

fn parse(dir: &Directory, body: &Map<String, Value>) -> Result<Change, SimError> {
    let array = |name: &str| {
        body.get(name).and_then(Value::as_array).ok_or_else(|| {
            SimError::gateway(format!(
                "One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: {name}."
            ))
        })
    };
    let (adds, removes) = (array("addLicenses")?, array("removeLicenses")?);
    if let Some(other) = body
        .keys()
        .find(|k| !matches!(k.as_str(), "addLicenses" | "removeLicenses"))
    {
        return Err(SimError::invalid_property(other));
    }
    let mut change = Change {
        add: Vec::new(),
        remove: Vec::new(),
    };
    for item in adds {
        let sku = number(dir, &item["skuId"])?;
        if change.add.iter().any(|(s, _)| *s == sku) {
            return Err(SimError::invalid_property("addLicenses"));
        }
        let plans = match &item["disabledPlans"] {
            Value::Null => &[][..],
            Value::Array(plans) => plans,
            _ => return Err(SimError::invalid_property("disabledPlans")),
        };
        let mut disabled = 0_u128;
        for plan in plans {
            let id = id_of(plan)?;
            let at = dir.licences.sku(sku).plans.iter().position(|p| p.id == id);
            let at = at.ok_or_else(|| SimError::invalid_property("disabledPlans"))?;
            disabled |= 1 << at;
        }
        change.add.push((sku, disabled));
    }
    for item in removes {
        change.remove.push(number(dir, item)?);
    }
    Ok(change)
}

fn id_of(value: &Value) -> Result<Uuid, SimError> {
    value
        .as_str()
        .and_then(guid)
        .ok_or_else(|| SimError::invalid_property("skuId"))
}

fn number(dir: &Directory, value: &Value) -> Result<u16, SimError> {
    let id = id_of(value)?;
    dir.licences.sku_number(id).ok_or_else(|| {
        SimError::bad(format!(
            "License {id} does not correspond to a valid company License."
        ))
    })
}

/// Service plans do not go together.
fn refused(conflict: Conflict) -> SimError {
    SimError::bad(match conflict {
        Conflict::Needs(plan, any) => {
            let any: Vec<String> = any.iter().map(Uuid::to_string).collect();
            format!(
                "License assignment failed because service plan {plan} depends on the service plan(s) {}.",
                any.join(", ")
            )
        }
        Conflict::Exclusive(a, b) => format!(
            "License assignment failed because service plans {a} and {b} are mutually exclusive."
        ),
    })
}

/// `POST /users/{id}/assignLicense`
pub fn assign_to_user(ctx: &mut Ctx<'_>, user: Slot) -> Answer {
    let change = parse(ctx.dir, &ctx.request.body_object()?)?;
    let dir = &*ctx.dir;
    if !change.add.is_empty() && dir.text(user, "usageLocation").is_none() {
        return Err(SimError::bad(
            "License assignment cannot be done for user with invalid usage location.",
        ));
    }
    for sku in &change.remove {
        let mut grants = dir.licences.grants(user).iter().filter(|g| g.sku == *sku);
        if !grants.clone().any(|g| g.group.is_none()) {
            return Err(if grants.next().is_some() {
                SimError::bad(
                    "User license is inherited from a group membership and it cannot be removed directly from the user.",
                )
            } else {
                SimError::bad("User does not have a corresponding license.")
            });
        }
    }
    for (sku, _) in &change.add {
        let holds = dir.licences.held(user).iter().any(|(s, _)| s == sku);
        let sku = dir.licences.sku(*sku);
        if !holds && sku.consumed >= sku.seats() {
            return Err(SimError::bad(format!(
                "Subscription with SKU {} does not have any available licenses.",
                sku.id
            )));
        }
    }
    if let Some(conflict) = dir
        .licences
        .conflict_after(user, &change.remove, &change.add)
    {
        return Err(refused(conflict));
    }
    for sku in change.remove {
        ctx.dir.set_own_license(user, sku, None);
    }
    for (sku, disabled) in change.add {
        ctx.dir.set_own_license(user, sku, Some(disabled));
    }
    Ok(shown(ctx, user, "users", 200))
}

/// `POST /groups/{id}/assignLicense`: accepted, members follow later.
pub fn assign_to_group(ctx: &mut Ctx<'_>, group: Slot) -> Answer {
    let change = parse(ctx.dir, &ctx.request.body_object()?)?;
    let security = ctx.dir.flag(group, "securityEnabled");
    if !security && !change.add.is_empty() {
        return Err(SimError::invalid_property("securityEnabled"));
    }
    for sku in &change.remove {
        if !ctx
            .dir
            .licences
            .of_group(group)
            .iter()
            .any(|(s, _)| s == sku)
        {
            return Err(SimError::bad(
                "Group does not have a corresponding license.",
            ));
        }
    }
    for sku in change.remove {
        ctx.dir.set_group_license(group, sku, None);
    }
    for (sku, disabled) in change.add {
        ctx.dir.set_group_license(group, sku, Some(disabled));
    }
    Ok(shown(ctx, group, "groups", 202))
}

/// `POST /users/{id}/reprocessLicenseAssignment`: every group's licences once more.
pub fn reprocess(ctx: &mut Ctx<'_>, user: Slot) -> Answer {
    let groups: Vec<Slot> = ctx
        .dir
        .edges(Relation::Member)
        .sources(user, None)
        .collect();
    for group in groups {
        ctx.dir.reconsider(group, user);
    }
    Ok(shown(ctx, user, "users", 200))
}

fn shown(ctx: &Ctx<'_>, slot: Slot, context: &str, status: u16) -> SimResponse {
    let shown = Projection::default(ctx.sets).show(ctx.dir.present(), slot);
    let mut response = entity(&ctx.view(), &format!("{context}/$entity"), shown.into());
    response.status = status;
    response.with_header("Location", ctx.request.origin.clone())
}
