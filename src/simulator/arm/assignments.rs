//! `roleAssignments`.

use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::call::{Answer, Call, Term, list, moment, terms};
use super::definitions;
use super::errors::ArmError;
use super::scope::Scope;
use super::store::Assignment;
use crate::odata::request::Method;
use crate::simulator::directory::{Directory, Kind, Slot};

const EXTRAS: [&str; 4] = [
    "condition",
    "conditionVersion",
    "delegatedManagedIdentityResourceId",
    "description",
];

/// Versions before 2020 know no conditions.
const CONDITIONS: &str = "2020";

/// What kind of principal an object is.
pub fn principal_type(dir: &Directory, slot: Slot) -> Option<&'static str> {
    match dir.object(slot).kind {
        Kind::User => Some("User"),
        Kind::Group => Some("Group"),
        Kind::ServicePrincipal => Some("ServicePrincipal"),
        _ => None,
    }
}

impl Assignment {
    fn show(&self, from: &Scope, version: &str) -> Value {
        let mut properties = serde_json::Map::new();
        let mut put = |name: &str, value: Value| {
            properties.insert(name.to_owned(), value);
        };
        put("roleDefinitionId", definitions::id(from, &self.role).into());
        put("principalId", self.principal.to_string().into());
        put("principalType", self.principal_type.into());
        put("scope", self.scope.0.clone().into());
        let conditions = version >= CONDITIONS;
        if conditions {
            put(EXTRAS[0], self.extras[0].clone());
            put(EXTRAS[1], self.extras[1].clone());
        }
        put("createdOn", self.created.clone().into());
        put("updatedOn", self.created.clone().into());
        put("createdBy", self.author.clone().into());
        put("updatedBy", self.author.clone().into());
        if conditions {
            put(EXTRAS[2], self.extras[2].clone());
            put(EXTRAS[3], self.extras[3].clone());
        }
        json!({
            "properties": properties,
            "id": self.scope.resource("roleAssignments", &self.name),
            "type": "Microsoft.Authorization/roleAssignments",
            "name": self.name,
        })
    }
}

/// One request.
pub fn handle(call: &mut Call<'_>) -> Answer {
    match (call.method, call.rest.len()) {
        (Method::Get, 0) => search(call),
        (Method::Get, 1) => {
            let name = call.name()?;
            let found = call
                .store
                .assignments
                .iter()
                .find(|a| a.name == name && a.scope.is(&call.scope))
                .ok_or_else(|| ArmError::assignment(&name))?;
            Ok((200, found.show(&call.scope, &call.version)))
        }
        (Method::Put, 1) => put(call),
        (Method::Delete, 1) => delete(call),
        _ => Err(ArmError::method()),
    }
}

/// Without a filter: all at, above and below the scope; `atScope()` leaves out those below.
fn search(call: &Call<'_>) -> Answer {
    let here = &call.scope;
    let mut found: Vec<&Assignment> = call
        .store
        .assignments
        .iter()
        .filter(|a| a.scope.covers(here) || here.covers(&a.scope))
        .collect();
    for term in terms(call.filter.as_deref()) {
        match term {
            Term::Call(name, _) if name.eq_ignore_ascii_case("atScope") => {
                found.retain(|a| a.scope.covers(here));
            }
            Term::Equals(name, id) if name.eq_ignore_ascii_case("principalId") => {
                let id = Uuid::parse_str(&id).map_err(|_| ArmError::filter(&id))?;
                found.retain(|a| a.principal == id);
            }
            Term::Call(name, id) if name.eq_ignore_ascii_case("assignedTo") => {
                let id = Uuid::parse_str(&id).map_err(|_| ArmError::filter(&id))?;
                let dir = call.graph.read();
                let mut ids = vec![id];
                if let Some(slot) = dir.live(id) {
                    ids.extend(
                        dir.closure(slot, false)
                            .into_iter()
                            .map(|s| dir.object(s).id),
                    );
                }
                found.retain(|a| ids.contains(&a.principal));
            }
            Term::Equals(name, _) | Term::Call(name, _) | Term::Unknown(name) => {
                return Err(ArmError::filter(&name));
            }
        }
    }
    let shown = found.into_iter().map(|a| a.show(here, &call.version));
    Ok(list(shown))
}

/// A principal of the tenant, and its kind; held against the kind that the caller names.
pub fn principal(
    call: &Call<'_>,
    properties: &serde_json::Map<String, Value>,
) -> Result<(Uuid, &'static str), ArmError> {
    let id = properties
        .get("principalId")
        .and_then(Value::as_str)
        .and_then(|text| Uuid::parse_str(text).ok())
        .ok_or_else(ArmError::content)?;
    let dir = call.graph.read();
    let kind = dir
        .live(id)
        .and_then(|slot| principal_type(&dir, slot))
        .ok_or_else(|| ArmError::principal(id, dir.tenant.id))?;
    match properties.get("principalType").and_then(Value::as_str) {
        Some(given) if !given.eq_ignore_ascii_case(kind) => Err(ArmError::new(
            400,
            "UnmatchedPrincipalType",
            format!(
                "The PrincipalId '{}' has type '{kind}' , which is different from specified PrinciaplType '{given}'.",
                id.simple()
            ),
        )),
        _ => Ok((id, kind)),
    }
}

fn put(call: &mut Call<'_>) -> Answer {
    let name = call.name()?;
    let properties = call.properties()?;
    let role_id = properties
        .get("roleDefinitionId")
        .and_then(Value::as_str)
        .ok_or_else(ArmError::content)?;
    let role = definitions::find(call.store, role_id)
        .ok_or_else(|| {
            let name = role_id.rsplit('/').next().unwrap_or_default();
            ArmError::definition(400, &name.replace('-', ""))
        })?
        .name
        .clone();
    let (principal, principal_type) = principal(call, properties)?;
    let extras = EXTRAS.map(|name| properties.get(name).cloned().unwrap_or_default());
    let assignment = Assignment {
        name: name.clone(),
        scope: call.scope.clone(),
        role,
        principal,
        principal_type,
        extras,
        created: moment(call.now + Duration::milliseconds(1200)),
        author: call.caller.clone(),
    };
    let same = |other: &Assignment| {
        other.scope.is(&assignment.scope)
            && other.role == assignment.role
            && other.principal == assignment.principal
    };
    let assignments = &mut call.store.assignments;
    let old = assignments.iter().position(|a| a.name == name);
    if let Some(old) = old
        && !same(&assignments[old])
    {
        return Err(ArmError::new(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        ));
    }
    if assignments.iter().any(|a| a.name != name && same(a)) {
        return Err(ArmError::exists());
    }
    // The first answer is written before the assignment is: no author yet, an earlier moment.
    let mut shown = assignment.show(&call.scope, &call.version);
    shown["properties"]["createdBy"] = Value::Null;
    shown["properties"]["createdOn"] = moment(call.now).into();
    match old {
        Some(old) => assignments[old] = assignment,
        None => assignments.push(assignment),
    }
    Ok((201, shown))
}

/// Deletes, and shows what was deleted; 204 when there was nothing.
fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.name()?;
    let found = call
        .store
        .assignments
        .iter()
        .position(|a| a.name == name && a.scope.is(&call.scope));
    let Some(at) = found else {
        return Ok((204, Value::Null));
    };
    let gone = call.store.assignments.remove(at);
    let mut shown = gone.show(&call.scope, &call.version);
    shown["properties"]["updatedOn"] = moment(call.now).into();
    Ok((200, shown))
}
