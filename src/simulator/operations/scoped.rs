//! Roles at the scope of an administrative unit, in the older form of `scopedRoleMemberships`: the
//! same assignments that `roleManagement` shows.
//!
//! Source: [scopedRoleMembership](https://learn.microsoft.com/graph/api/resources/scopedrolemembership).

use serde_json::{Value, json};

use super::answers::{entity, value_of};
use super::refs::{self, body_id};
use super::roles::{check_principal, role_of};
use crate::odata::request::Method;
use crate::simulator::directory::{Kind, Reader, Slot, guid};
use crate::simulator::errors::SimError;
use crate::simulator::model::{Ctx, View};
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

const UNITS: &str = "/administrativeUnits/";

/// An assignment as a scoped membership; `None` where it is none.
fn shown(dir: Reader<'_>, assignment: Slot) -> Option<Value> {
    let unit = dir
        .text(assignment, "directoryScopeId")?
        .strip_prefix(UNITS)?;
    let role = dir.text(assignment, "roleDefinitionId").and_then(guid)?;
    let activated = dir.directory().activated_role(role)?;
    let member = dir.text(assignment, "principalId")?;
    let name = guid(member)
        .and_then(|id| dir.live(id))
        .map_or(Value::Null, |slot| dir.json(slot, "displayName"));
    Some(json!({
        "id": dir.id_text(assignment),
        "roleId": dir.id_text(activated),
        "administrativeUnitId": unit,
        "roleMemberInfo": {"id": member, "displayName": name},
    }))
}

/// The scoped memberships in which a name is so.
fn with(dir: Reader<'_>, pointer: &str, value: &str) -> Vec<Value> {
    dir.all(Kind::RoleAssignment, None)
        .filter(|slot| dir.is_live(*slot))
        .filter_map(|slot| shown(dir, slot))
        .filter(|shown| shown.pointer(pointer).is_some_and(|v| v == value))
        .collect()
}

/// `GET /users/{id}/scopedRoleMemberOf`
pub fn of_member(dir: Reader<'_>, user: Slot) -> Vec<Value> {
    with(dir, "/roleMemberInfo/id", &dir.id_text(user))
}

/// `GET /directoryRoles/{id}/scopedMembers`
pub fn of_role(dir: Reader<'_>, role: Slot) -> Vec<Value> {
    with(dir, "/roleId", &dir.id_text(role))
}

fn context(dir: Reader<'_>, unit: Slot) -> String {
    let id = dir.id_text(unit);
    format!("directory/administrativeUnits('{id}')/scopedRoleMembers")
}

/// `GET /directory/administrativeUnits/{id}/scopedRoleMembers[/{id}]`
pub fn read(view: &View<'_>, unit: Slot, more: &[String]) -> Answer {
    let all = with(view.dir, "/administrativeUnitId", &view.dir.id_text(unit));
    let context = context(view.dir, unit);
    match more {
        [] => Ok(value_of(view, &context, all.into())),
        [key] => {
            let found = all.into_iter().find(|shown| shown["id"] == **key);
            let found = found.ok_or_else(|| SimError::not_found(key))?;
            Ok(entity(view, &format!("{context}/$entity"), found))
        }
        [_, other, ..] => Err(SimError::segment(other)),
    }
}

/// `POST …/scopedRoleMembers`, `DELETE …/scopedRoleMembers/{id}`
pub fn change(ctx: &mut Ctx<'_>, unit: Slot, more: &[String]) -> Answer {
    let scope = format!("{UNITS}{}", ctx.dir.id_text(unit));
    match (ctx.request.method, more) {
        (Method::Post, []) => {
            let body = ctx.request.body_object()?;
            let activated = body_id(&body, "roleId")?;
            let member = body
                .get("roleMemberInfo")
                .and_then(Value::as_object)
                .ok_or_else(|| SimError::invalid_property("roleMemberInfo"))?;
            let member = body_id(member, "id")?;
            let missing = |id: uuid::Uuid| SimError::not_found(&id.to_string());
            let activated = ctx
                .dir
                .live(activated)
                .filter(|slot| ctx.dir.object(*slot).kind == Kind::DirectoryRole)
                .ok_or_else(|| missing(activated))?;
            let member = ctx.dir.live(member).ok_or_else(|| missing(member))?;
            check_principal(ctx.dir, member)?;
            let role = role_of(ctx.dir, activated)?;
            if ctx.dir.find_assignment(role, member, &scope).is_some() {
                return Err(refs::conflicting());
            }
            let made = ctx.dir.assign_role(role, member, &scope);
            let view = ctx.view();
            let context = format!("{}/$entity", context(view.dir, unit));
            let mut answer = entity(&view, &context, shown(view.dir, made).unwrap_or_default());
            answer.status = 201;
            Ok(answer)
        }
        (Method::Delete, [key]) => {
            let found = ctx
                .dir
                .find_text(Kind::RoleAssignment, key)
                .filter(|slot| ctx.dir.text(*slot, "directoryScopeId") == Some(&scope))
                .ok_or_else(|| SimError::not_found(key))?;
            ctx.dir.unassign_role(found);
            Ok(SimResponse::no_content())
        }
        _ => Err(SimError::method()),
    }
}
