//! `roleEligibilityScheduleRequests` and `roleAssignmentScheduleRequests`: Privileged Identity
//! Management for Azure resources.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::assignments;
use super::call::{Answer, Call, list, moment};
use super::definitions;
use super::errors::ArmError;
use super::scope::Scope;
use super::store::{Assignment, Definition, ScheduleRequest};
use crate::odata::request::Method;

/// How long the service takes to put a request into force.
const DELAY: Duration = Duration::milliseconds(1500);

fn kind(eligible: bool) -> (&'static str, &'static str, &'static str) {
    if eligible {
        (
            "roleEligibilityScheduleRequests",
            "roleEligibilitySchedules",
            "targetRoleEligibilityScheduleId",
        )
    } else {
        (
            "roleAssignmentScheduleRequests",
            "roleAssignmentSchedules",
            "targetRoleAssignmentScheduleId",
        )
    }
}

/// PIM names a subscription below the provider that owns it.
fn resource(scope: &Scope, kind: &str, name: &str) -> String {
    let id = scope.resource(kind, name);
    if scope.definitions().is_empty() {
        id
    } else {
        format!("/providers/Microsoft.Subscription{id}")
    }
}

/// One request.
pub fn handle(call: &mut Call<'_>, eligible: bool) -> Answer {
    match (call.method, call.rest.as_slice()) {
        (Method::Get, []) => {
            let here = &call.scope;
            let found = call.store.requests.iter().filter(|r| {
                r.eligible == eligible && (r.scope.covers(here) || here.covers(&r.scope))
            });
            Ok(list(found.map(|r| r.shown.clone())))
        }
        (Method::Get, [_]) => {
            let name = call.name()?;
            let found = find(call, &name, eligible)?;
            Ok((200, call.store.requests[found].shown.clone()))
        }
        (Method::Put, [_]) => put(call, eligible),
        (Method::Post, [_, action]) if action.eq_ignore_ascii_case("cancel") => {
            let name = call.name()?;
            let found = find(call, &name, eligible)?;
            cancel(&mut call.store.requests[found])
        }
        _ => Err(ArmError::method()),
    }
}

fn find(call: &Call<'_>, name: &str, eligible: bool) -> Result<usize, ArmError> {
    call.store
        .requests
        .iter()
        .position(|r| r.name == name && r.eligible == eligible && r.scope.is(&call.scope))
        .ok_or_else(|| {
            ArmError::new(
                404,
                "RoleAssignmentScheduleRequestNotFound",
                format!("The role assignment schedule request '{name}' is not found."),
            )
        })
}

/// Only what has not begun can be withdrawn.
fn cancel(request: &mut ScheduleRequest) -> Answer {
    if request.canceled || request.shown["properties"]["status"] != "Granted" {
        return Err(ArmError::new(
            400,
            "RoleAssignmentRequestCannotBeCancelled",
            "The role assignment request is in a state in which it cannot be cancelled.",
        ));
    }
    request.canceled = true;
    request.shown["properties"]["status"] = "Canceled".into();
    Ok((200, Value::Null))
}

fn start(given: Option<&Value>, now: OffsetDateTime) -> Result<OffsetDateTime, ArmError> {
    match given {
        None | Some(Value::Null) => Ok(now),
        Some(Value::String(text)) => {
            OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ArmError::content())
        }
        Some(_) => Err(ArmError::content()),
    }
}

fn put(call: &mut Call<'_>, eligible: bool) -> Answer {
    let name = call.name()?;
    let given = call.properties()?.clone();
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let request_type = text("requestType")
        .ok_or_else(ArmError::content)?
        .to_owned();
    let role_id = text("roleDefinitionId").ok_or_else(ArmError::content)?;
    let role = definitions::find(call.store, role_id)
        .ok_or_else(|| {
            let name = role_id.rsplit('/').next().unwrap_or_default();
            ArmError::definition(400, &name.replace('-', ""))
        })?
        .clone();
    let (principal, principal_type) = assignments::principal(call, &given)?;
    if call.store.requests.iter().any(|r| r.name == name) {
        return Err(exists());
    }
    let schedule = given.get("scheduleInfo").and_then(Value::as_object);
    let asked = start(schedule.and_then(|s| s.get("startDateTime")), call.now)?;
    let later = asked > call.now + DELAY;
    match request_type.to_ascii_lowercase().as_str() {
        "adminassign" => assign(
            call,
            &name,
            &role.name,
            principal,
            principal_type,
            (eligible, later),
        )?,
        "adminremove" => remove(call, &role.name, principal, eligible)?,
        _ => return Err(ArmError::content()),
    }
    let begins = if later { asked } else { call.now + DELAY };
    let begins = moment(begins).replace('Z', "+00:00");
    let mut info = Map::from_iter([("startDateTime".to_owned(), Value::String(begins))]);
    if let Some(expiration) = schedule.and_then(|s| s.get("expiration")) {
        info.insert("expiration".to_owned(), expiration.clone());
    }
    let (own, target, target_name) = kind(eligible);
    let status = match (request_type.eq_ignore_ascii_case("AdminRemove"), later) {
        (true, _) => "Revoked",
        (false, true) => "Granted",
        (false, false) => "Provisioned",
    };
    let mut properties = Map::new();
    let mut put = |name: &str, value: Value| {
        properties.insert(name.to_owned(), value);
    };
    put(target_name, resource(&call.scope, target, &name).into());
    put("scope", call.scope.0.clone().into());
    put(
        "roleDefinitionId",
        definitions::id(&call.scope, &role.name).into(),
    );
    put("principalId", principal.to_string().into());
    put("principalType", principal_type.into());
    put("requestType", request_type.into());
    put("status", status.into());
    put("scheduleInfo", info.into());
    put(
        "ticketInfo",
        given
            .get("ticketInfo")
            .cloned()
            .unwrap_or_else(|| json!({})),
    );
    if let Some(justification) = given.get("justification") {
        put("justification", justification.clone());
    }
    put("requestorId", call.caller.clone().into());
    put("createdOn", moment(call.now).into());
    put(
        "expandedProperties",
        expanded(call, &role, principal, principal_type),
    );
    let shown = json!({
        "properties": properties,
        "name": name,
        "id": resource(&call.scope, own, &name),
        "type": format!("Microsoft.Authorization/{own}"),
    });
    call.store.requests.push(ScheduleRequest {
        name,
        eligible,
        scope: call.scope.clone(),
        role: role.name,
        principal,
        canceled: false,
        shown: shown.clone(),
    });
    Ok((201, shown))
}

fn exists() -> ArmError {
    ArmError::new(
        400,
        "RoleAssignmentExists",
        "The Role assignment already exists.",
    )
}

fn assign(
    call: &mut Call<'_>,
    name: &str,
    role: &str,
    principal: Uuid,
    principal_type: &'static str,
    (eligible, later): (bool, bool),
) -> Result<(), ArmError> {
    let there = call.store.requests.iter().any(|r| {
        r.eligible == eligible
            && !r.canceled
            && r.role == role
            && r.principal == principal
            && r.scope.is(&call.scope)
    });
    let active = call
        .store
        .assignments
        .iter()
        .any(|a| a.role == role && a.principal == principal && a.scope.is(&call.scope));
    if there || active && !eligible {
        return Err(exists());
    }
    if !eligible && !later {
        call.store.assignments.push(Assignment {
            name: name.to_owned(),
            scope: call.scope.clone(),
            role: role.to_owned(),
            principal,
            principal_type,
            extras: [Value::Null, Value::Null, Value::Null, Value::Null],
            created: moment(call.now),
            author: call.caller.clone(),
        });
    }
    Ok(())
}

fn remove(
    call: &mut Call<'_>,
    role: &str,
    principal: Uuid,
    eligible: bool,
) -> Result<(), ArmError> {
    let here = call.scope.clone();
    let store = &mut *call.store;
    let mut found = false;
    for request in &mut store.requests {
        let same = request.eligible == eligible
            && !request.canceled
            && request.role == role
            && request.principal == principal
            && request.scope.is(&here);
        found |= same;
        request.canceled |= same;
    }
    if !eligible {
        let before = store.assignments.len();
        store
            .assignments
            .retain(|a| !(a.role == role && a.principal == principal && a.scope.is(&here)));
        found |= store.assignments.len() < before;
    }
    if found {
        Ok(())
    } else {
        Err(ArmError::new(
            400,
            "RoleAssignmentDoesNotExist",
            "The Role assignment does not exist.",
        ))
    }
}

fn expanded(call: &Call<'_>, role: &Definition, principal: Uuid, principal_type: &str) -> Value {
    let dir = call.graph.read();
    let slot = dir.live(principal);
    let text = |name: &str| {
        slot.and_then(|slot| dir.text(slot, name))
            .map(str::to_owned)
    };
    let mut who = json!({
        "id": principal.to_string(),
        "displayName": text("displayName"),
        "type": principal_type,
    });
    if let Some(email) = text("mail").or_else(|| text("userPrincipalName")) {
        who["email"] = email.into();
    }
    let (kind, last) = call.scope.kind();
    let scope_name = match kind {
        "subscription" | "tenant" => dir.tenant.name.clone(),
        _ => last.to_owned(),
    };
    json!({
        "principal": who,
        "roleDefinition": {
            "id": definitions::id(&call.scope, &role.name),
            "displayName": role.role_name,
            "type": if role.built_in { "BuiltInRole" } else { "CustomRole" },
        },
        "scope": {"id": call.scope.0, "displayName": scope_name, "type": kind},
    })
}
