//! Relations that are written by reference: members, owners, manager, sponsors.

use super::resolve::resolve;
use crate::simulator::directory::{Directory, Kind, Relation, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::GRAPH_HOSTS;
use crate::simulator::route;

/// The most owners of a group.
const MAX_OWNERS: usize = 100;
/// For so long a removal tells the next one that it came too late.
const SHORTLY: time::Duration = time::Duration::seconds(30);
/// The most references in one request.
pub const MAX_BINDS: usize = 20;

/// The object that `{"@odata.id": …}` names.
pub fn target(ctx: &Ctx<'_>) -> Result<Slot, SimError> {
    let body = ctx.request.body_object()?;
    let address = body
        .get("@odata.id")
        .and_then(serde_json::Value::as_str)
        .ok_or_else(|| SimError::invalid_property("@odata.id"))?;
    address_target(ctx, address)
}

/// The object that an address names. The host must be Graph's own, or the one of the request.
fn address_target(ctx: &Ctx<'_>, address: &str) -> Result<Slot, SimError> {
    let dir = ctx.dir.present();
    let invalid = || SimError::invalid_property("@odata.id");
    let bare = |url: &str| {
        url.split_once("://")
            .map(|(_, rest)| rest.to_ascii_lowercase())
    };
    let own = bare(&ctx.request.origin).ok_or_else(invalid)?;
    let is_graph = |host: &str| {
        host.eq_ignore_ascii_case(&own)
            || GRAPH_HOSTS
                .iter()
                .any(|known| host.eq_ignore_ascii_case(known))
    };
    let (_, rest) = address.split_once("://").ok_or_else(invalid)?;
    let (host, path) = rest.split_once('/').ok_or_else(invalid)?;
    let (version, path) = path.split_once('/').ok_or_else(invalid)?;
    if !is_graph(host) || !matches!(version, "v1.0" | "beta") {
        return Err(invalid());
    }
    let path = format!("/{path}");
    let plain = route::plain(&path, dir.tenant());
    let route = route::parse(ctx.sets, plain.as_deref().unwrap_or(&path)).map_err(|_| invalid())?;
    match route.rest.as_slice() {
        [key] => {
            let slot = resolve(dir, route.set, key)?;
            if dir.object(slot).kind.is_directory_object() {
                Ok(slot)
            } else {
                Err(invalid())
            }
        }
        _ => Err(invalid()),
    }
}

/// The refusal of a value or reference that somebody has.
pub fn conflicting() -> SimError {
    SimError::bad(
        "A conflicting object with one or more of the specified property values is present in the directory.",
    )
}

fn exists(relation: &str) -> SimError {
    SimError::bad(format!(
        "One or more added object references already exist for the following modified properties: '{relation}'."
    ))
}

/// The refusal to remove a reference that is not there: of a container that has no such reference
/// ([issues of the documentation](https://github.com/microsoftgraph/microsoft-graph-docs-contrib),
/// members of groups), or, shortly after somebody else removed it, of the reference.
pub fn absent(dir: &Directory, relation: Relation, from: Slot, to: Slot) -> SimError {
    if dir.was_unlinked(relation, (from, to), SHORTLY) {
        return SimError::bad(format!(
            "One or more removed object references do not exist for the following modified properties: '{}'.",
            relation.name()
        ));
    }
    SimError::not_found(&dir.id_text(from))
}

/// Whether the members of a group can be changed by callers.
fn check_group(dir: &Directory, group: Slot) -> Result<(), SimError> {
    if dir.object(group).kind != Kind::Group {
        return Ok(());
    }
    if dir.flag(group, "onPremisesSyncEnabled") {
        return Err(SimError::on_premises());
    }
    let unified = dir.lists(group, "groupTypes", "Unified");
    if dir.flag(group, "mailEnabled") && !unified {
        return Err(SimError::bad(
            "Cannot Update a mail-enabled security groups and or distribution list.",
        ));
    }
    Ok(())
}

fn check_static(dir: &Directory, group: Slot) -> Result<(), SimError> {
    check_group(dir, group)?;
    if dir.lists(group, "groupTypes", "DynamicMembership") {
        return Err(SimError::bad(
            "Cannot Update the members of a group with dynamic membership.",
        ));
    }
    Ok(())
}

/// What may be a member of what.
fn check_nesting(dir: &Directory, group: Slot, member: Slot) -> Result<(), SimError> {
    let kind = dir.object(member).kind;
    let allowed = if dir.lists(group, "groupTypes", "Unified") {
        kind == Kind::User
    } else {
        match kind {
            Kind::User | Kind::ServicePrincipal | Kind::Device | Kind::OrgContact => true,
            Kind::Group => {
                group != member
                    && dir.flag(member, "securityEnabled")
                    && !dir.lists(member, "groupTypes", "Unified")
                    && !dir.flag(group, "isAssignableToRole")
            }
            _ => false,
        }
    };
    if allowed {
        Ok(())
    } else {
        Err(SimError::invalid_property("members"))
    }
}

/// `POST /groups/{id}/members/$ref`
pub fn add_member(ctx: &mut Ctx<'_>, group: Slot, member: Slot) -> Result<(), SimError> {
    check_replicated(ctx.dir, group, &[member])?;
    add_members(ctx.dir, group, &[member])
}

/// Refuses memberships of objects that have not arrived everywhere
/// ([group: post members](https://learn.microsoft.com/graph/api/group-post-members)).
pub fn check_replicated(dir: &Directory, group: Slot, members: &[Slot]) -> Result<(), SimError> {
    if dir.is_unjoinable(group) || members.iter().any(|member| dir.is_unjoinable(*member)) {
        return Err(SimError::bad(
            "The source resource object or one of the objects being referenced don't exist.",
        ));
    }
    Ok(())
}

/// Adds members, all or none.
pub fn add_members(dir: &mut Directory, group: Slot, members: &[Slot]) -> Result<(), SimError> {
    check_static(dir, group)?;
    for member in members {
        check_nesting(dir, group, *member)?;
        if dir.edges(Relation::Member).contains(group, *member) {
            return Err(exists("members"));
        }
    }
    for member in members {
        dir.link(Relation::Member, group, *member);
    }
    Ok(())
}

/// The objects of `relation@odata.bind`: at most 20, each once.
pub fn bound(ctx: &Ctx<'_>, addresses: &[String]) -> Result<Vec<Slot>, SimError> {
    let mut slots = Vec::new();
    for address in addresses {
        let slot = address_target(ctx, address)?;
        if slots.contains(&slot) {
            return Err(SimError::bad(
                "Request contains a property with duplicate values.",
            ));
        }
        slots.push(slot);
    }
    Ok(slots)
}

/// `DELETE /groups/{id}/members/{id}/$ref`
pub fn remove_member(ctx: &mut Ctx<'_>, group: Slot, member: Slot) -> Result<(), SimError> {
    check_static(ctx.dir, group)?;
    if ctx.dir.unlink(Relation::Member, group, member) {
        Ok(())
    } else {
        Err(absent(ctx.dir, Relation::Member, group, member))
    }
}

/// Whether an object can own others, and there is room.
pub fn check_owners(
    dir: &Directory,
    object: Slot,
    owners: &[Slot],
    already: usize,
) -> Result<(), SimError> {
    check_group(dir, object)?;
    for owner in owners {
        if !matches!(dir.object(*owner).kind, Kind::User | Kind::ServicePrincipal) {
            return Err(SimError::invalid_property("owners"));
        }
    }
    let total = already + owners.len();
    if total > MAX_OWNERS {
        return Err(SimError::quota(total, MAX_OWNERS, "owners"));
    }
    Ok(())
}

/// `POST …/owners/$ref`
pub fn add_owner(ctx: &mut Ctx<'_>, object: Slot, owner: Slot) -> Result<(), SimError> {
    let edges = ctx.dir.edges(Relation::Owner);
    if edges.contains(object, owner) {
        return Err(exists("owners"));
    }
    check_owners(ctx.dir, object, &[owner], edges.target_count(object))?;
    ctx.dir.link(Relation::Owner, object, owner);
    Ok(())
}

/// `DELETE …/owners/{id}/$ref`. The last user that owns a group stays.
pub fn remove_owner(ctx: &mut Ctx<'_>, object: Slot, owner: Slot) -> Result<(), SimError> {
    let dir = &*ctx.dir;
    check_group(dir, object)?;
    if !dir.edges(Relation::Owner).contains(object, owner) {
        return Err(absent(dir, Relation::Owner, object, owner));
    }
    let is_user = |slot: Slot| dir.object(slot).kind == Kind::User;
    let others = dir
        .edges(Relation::Owner)
        .targets(object, None)
        .filter(|o| *o != owner && dir.is_live(*o) && is_user(*o))
        .count();
    if dir.object(object).kind == Kind::Group && is_user(owner) && others == 0 {
        return Err(SimError::bad(
            "The group must have at least one owner, hence this owner cannot be removed.",
        ));
    }
    ctx.dir.unlink(Relation::Owner, object, owner);
    Ok(())
}

fn check_user(dir: &Directory, user: Slot, target: Slot, name: &str) -> Result<(), SimError> {
    if dir.flag(user, "onPremisesSyncEnabled") {
        return Err(SimError::on_premises());
    }
    if dir.object(target).kind != Kind::User || target == user {
        return Err(SimError::invalid_property(name));
    }
    Ok(())
}

/// `PUT /users/{id}/manager/$ref`
pub fn set_manager(ctx: &mut Ctx<'_>, user: Slot, manager: Slot) -> Result<(), SimError> {
    check_user(ctx.dir, user, manager, "manager")?;
    let before: Vec<Slot> = ctx
        .dir
        .edges(Relation::Manager)
        .targets(user, None)
        .collect();
    for old in before {
        ctx.dir.unlink(Relation::Manager, user, old);
    }
    ctx.dir.link(Relation::Manager, user, manager);
    Ok(())
}

/// `DELETE /users/{id}/manager/$ref`
pub fn remove_manager(ctx: &mut Ctx<'_>, user: Slot, manager: Slot) -> Result<(), SimError> {
    if ctx.dir.flag(user, "onPremisesSyncEnabled") {
        return Err(SimError::on_premises());
    }
    ctx.dir.unlink(Relation::Manager, user, manager);
    Ok(())
}

/// `POST /users/{id}/sponsors/$ref`: users and groups.
pub fn add_sponsor(ctx: &mut Ctx<'_>, user: Slot, sponsor: Slot) -> Result<(), SimError> {
    if !matches!(ctx.dir.object(sponsor).kind, Kind::User | Kind::Group) {
        return Err(SimError::invalid_property("sponsors"));
    }
    if ctx.dir.link(Relation::Sponsor, user, sponsor) {
        Ok(())
    } else {
        Err(exists("sponsors"))
    }
}

/// `DELETE /users/{id}/sponsors/{id}/$ref`
pub fn remove_sponsor(ctx: &mut Ctx<'_>, user: Slot, sponsor: Slot) -> Result<(), SimError> {
    if ctx.dir.unlink(Relation::Sponsor, user, sponsor) {
        Ok(())
    } else {
        Err(absent(ctx.dir, Relation::Sponsor, user, sponsor))
    }
}

/// Adds a member to an administrative unit, whose kind the caller checked.
pub fn add_plain(dir: &mut Directory, container: Slot, member: Slot) -> Result<(), SimError> {
    if dir.link(Relation::Member, container, member) {
        Ok(())
    } else {
        Err(conflicting())
    }
}

/// Removes a member from an administrative unit.
pub fn remove_plain(dir: &mut Directory, container: Slot, member: Slot) -> Result<(), SimError> {
    if dir.unlink(Relation::Member, container, member) {
        Ok(())
    } else {
        Err(absent(dir, Relation::Member, container, member))
    }
}

/// An id out of a body.
pub fn body_id(
    body: &serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<uuid::Uuid, SimError> {
    let text = body
        .get(name)
        .and_then(serde_json::Value::as_str)
        .ok_or_else(|| SimError::invalid_property(name))?;
    guid(text).ok_or_else(|| SimError::identifier(text))
}
