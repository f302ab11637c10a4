//! Role definitions, role assignments, activated roles.

use serde_json::Value;

use super::answers::created;
use super::refs::{self, body_id};
use super::validate::{self, Limits};
use crate::simulator::directory::{Directory, Items, Kind, Reader, Relation, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const LIMITS: Limits = Limits {
    read_only: &["id", "isBuiltIn"],
    lengths: &[("displayName", 256)],
    required: &["displayName", "isEnabled"],
};

/// `400 RoleAssignmentExists`, as privileged identity management says it.
pub fn exists() -> SimError {
    SimError::new(
        400,
        "RoleAssignmentExists",
        "The Role assignment already exists.",
    )
}

/// The object that an assignment's property names.
fn end<'a>(dir: Reader<'a>, slot: Slot, after: Option<Slot>, name: &str) -> Items<'a> {
    let id = dir.text(slot, name).and_then(guid);
    let found = id
        .and_then(|id| dir.live(id))
        .filter(|s| after.is_none_or(|after| *s > after));
    Box::new(found.into_iter())
}

/// An assignment's principal.
pub fn principal(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    end(dir, slot, after, "principalId")
}

/// An assignment's definition.
pub fn definition(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    end(dir, slot, after, "roleDefinitionId")
}

/// The eligibility that an activation uses.
pub fn activated_using(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    let found = dir
        .directory()
        .activated_using(slot)
        .filter(|s| after.is_none_or(|after| *s > after));
    Box::new(found.into_iter())
}

/// `POST /roleManagement/directory/roleDefinitions`
pub fn create_definition(ctx: &mut Ctx<'_>) -> Answer {
    let mut input = validate::body(ctx, Kind::RoleDefinition, &LIMITS)?;
    input.require(&["displayName", "rolePermissions", "isEnabled"])?;
    let properties = &mut input.properties;
    properties.insert("isBuiltIn".to_owned(), false.into());
    properties
        .entry("resourceScopes")
        .or_insert_with(|| serde_json::json!(["/"]));
    let pairs = properties
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let id = ctx.dir.new_id();
    let slot = ctx.dir.insert(Kind::RoleDefinition, id, pairs);
    Ok(created(ctx, slot))
}

fn check_custom(ctx: &Ctx<'_>, slot: Slot) -> Result<(), SimError> {
    if ctx.dir.flag(slot, "isBuiltIn") {
        return Err(SimError::bad(
            "Built-in role definitions cannot be changed or deleted.",
        ));
    }
    Ok(())
}

/// `PATCH …/roleDefinitions/{id}`: custom ones only.
pub fn update_definition(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    check_custom(ctx, slot)?;
    let input = validate::body(ctx, Kind::RoleDefinition, &LIMITS)?;
    let pairs = input.pairs();
    ctx.dir.set(slot, pairs);
    Ok(SimResponse::no_content())
}

/// `DELETE …/roleDefinitions/{id}`: custom ones only; its assignments go along.
pub fn delete_definition(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    check_custom(ctx, slot)?;
    ctx.dir.unassign_all(slot);
    ctx.dir.purge(slot);
    Ok(SimResponse::no_content())
}

/// Whether an object can hold a role.
pub fn check_principal(dir: &Directory, principal: Slot) -> Result<(), SimError> {
    let fits = match dir.object(principal).kind {
        Kind::User | Kind::ServicePrincipal => true,
        Kind::Group => dir.flag(principal, "isAssignableToRole"),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(SimError::invalid_property("principalId"))
    }
}

/// `POST /roleManagement/directory/roleAssignments`
pub fn assign(ctx: &mut Ctx<'_>) -> Answer {
    const KNOWN: [&str; 5] = [
        "principalId",
        "roleDefinitionId",
        "directoryScopeId",
        "appScopeId",
        "condition",
    ];
    let body = ctx.request.body_object()?;
    if let Some(name) = body
        .keys()
        .find(|n| !n.contains("@odata.") && !KNOWN.contains(&n.as_str()))
    {
        return Err(SimError::invalid_property(name));
    }
    let dir = &*ctx.dir;
    let (role_id, principal_id) = (
        body_id(&body, "roleDefinitionId")?,
        body_id(&body, "principalId")?,
    );
    let role = dir
        .live(role_id)
        .filter(|s| dir.object(*s).kind == Kind::RoleDefinition)
        .ok_or_else(|| SimError::not_found(&role_id.to_string()))?;
    let principal = dir
        .live(principal_id)
        .ok_or_else(|| SimError::not_found(&principal_id.to_string()))?;
    check_principal(dir, principal)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let scope = match (text("directoryScopeId"), text("appScopeId")) {
        (Some(scope), None) => scope.to_owned(),
        // Graph keeps application scopes apart; only the tenant's own is known here.
        (None, Some("/")) => "/".to_owned(),
        _ => return Err(SimError::invalid_property("directoryScopeId")),
    };
    check_scope(dir, &scope)?;
    if dir.find_assignment(role, principal, &scope).is_some() {
        return Err(refs::conflicting());
    }
    let slot = ctx.dir.assign_role(role, principal, &scope);
    Ok(created(ctx, slot))
}

/// `/`, `/administrativeUnits/{id}`, or an application's or other object's `/{id}`.
pub fn check_scope(dir: &Directory, scope: &str) -> Result<(), SimError> {
    if scope == "/" {
        return Ok(());
    }
    let invalid = || SimError::invalid_property("directoryScopeId");
    let path = scope.strip_prefix('/').ok_or_else(invalid)?;
    let (kind, id) = match path.split_once('/') {
        Some(("administrativeUnits", id)) => (Some(Kind::AdministrativeUnit), id),
        Some(_) => return Err(invalid()),
        None => (None, path),
    };
    let slot = guid(id)
        .and_then(|id| dir.live(id))
        .ok_or_else(|| SimError::not_found(id))?;
    if kind.is_none_or(|kind| dir.object(slot).kind == kind) {
        Ok(())
    } else {
        Err(invalid())
    }
}

/// `DELETE …/roleAssignments/{id}`
pub fn unassign(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    ctx.dir.unassign_role(slot);
    Ok(SimResponse::no_content())
}

/// `POST /directoryRoles`: activates a role; `roleTemplateId` is all it takes.
pub fn activate(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.request.body_object()?;
    if let Some(name) = body
        .keys()
        .find(|n| *n != "roleTemplateId" && !n.contains("@odata."))
    {
        return Err(SimError::invalid_property(name));
    }
    let template = body_id(&body, "roleTemplateId")?;
    let role = ctx
        .dir
        .live(template)
        .filter(|s| {
            ctx.dir.object(*s).kind == Kind::RoleDefinition && ctx.dir.flag(*s, "isBuiltIn")
        })
        .ok_or_else(|| SimError::not_found(&template.to_string()))?;
    if ctx.dir.activated_role(template).is_some() {
        return Err(refs::conflicting());
    }
    let slot = ctx.dir.activate_role(role);
    Ok(created(ctx, slot))
}

/// The definition behind an activated role.
pub fn role_of(dir: &Directory, activated: Slot) -> Result<Slot, SimError> {
    dir.text(activated, "roleTemplateId")
        .and_then(guid)
        .and_then(|id| dir.live(id))
        .ok_or_else(|| SimError::not_found(&dir.id_text(activated)))
}

/// `POST /directoryRoles/{id}/members/$ref`: the same as assigning the role at `/`.
pub fn add_member(ctx: &mut Ctx<'_>, activated: Slot, member: Slot) -> Result<(), SimError> {
    check_principal(ctx.dir, member).map_err(|_| SimError::invalid_property("members"))?;
    let role = role_of(ctx.dir, activated)?;
    if ctx.dir.find_assignment(role, member, "/").is_some() {
        return Err(SimError::bad(
            "One or more added object references already exist for the following modified properties: 'members'.",
        ));
    }
    ctx.dir.assign_role(role, member, "/");
    Ok(())
}

/// `DELETE /directoryRoles/{id}/members/{id}/$ref`
pub fn remove_member(ctx: &mut Ctx<'_>, activated: Slot, member: Slot) -> Result<(), SimError> {
    let role = role_of(ctx.dir, activated)?;
    let assignment = ctx
        .dir
        .find_assignment(role, member, "/")
        .ok_or_else(|| refs::absent(ctx.dir, Relation::Member, activated, member))?;
    ctx.dir.unassign_role(assignment);
    Ok(())
}
