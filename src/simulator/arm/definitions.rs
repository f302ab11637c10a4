//! `roleDefinitions`: built-in ones, and the tenant's own.

use serde_json::{Value, json};

use super::builtin;
use super::call::{Answer, Call, Term, list, moment, terms};
use super::errors::ArmError;
use super::scope::Scope;
use super::store::{Definition, Store};
use crate::odata::request::Method;

impl Definition {
    /// As the service shows it at a scope.
    pub fn show(&self, scope: &Scope) -> Value {
        json!({
            "properties": {
                "roleName": self.role_name,
                "type": if self.built_in { "BuiltInRole" } else { "CustomRole" },
                "description": self.description,
                "assignableScopes": self.scopes,
                "permissions": self.permissions,
                "createdOn": self.created,
                "updatedOn": self.updated,
                "createdBy": self.author,
                "updatedBy": self.author,
            },
            "id": id(scope, &self.name),
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": self.name,
        })
    }

    fn is_at(&self, scope: &Scope) -> bool {
        self.scopes
            .iter()
            .filter_map(|s| Scope::new(s).ok())
            .any(|s| s.covers(scope))
    }
}

/// The id of a definition as seen from a scope.
pub fn id(scope: &Scope, name: &str) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        scope.definitions()
    )
}

/// The definition that an id ends with.
pub fn find<'a>(store: &'a Store, id: &str) -> Option<&'a Definition> {
    let name = id.rsplit('/').next().unwrap_or(id);
    builtin::roles()
        .iter()
        .chain(&store.definitions)
        .find(|d| d.name.eq_ignore_ascii_case(name))
}

/// One request.
pub fn handle(call: &mut Call<'_>) -> Answer {
    match (call.method, call.rest.len()) {
        (Method::Get, 0) => search(call),
        (Method::Get, 1) => {
            let name = call.name()?;
            let found = find(call.store, &name).ok_or_else(|| ArmError::definition(404, &name))?;
            Ok((200, found.show(&call.scope)))
        }
        (Method::Put, 1) => put(call),
        (Method::Delete, 1) => delete(call),
        _ => Err(ArmError::method()),
    }
}

fn search(call: &Call<'_>) -> Answer {
    let mut found: Vec<&Definition> = builtin::roles()
        .iter()
        .chain(&call.store.definitions)
        .filter(|d| d.is_at(&call.scope))
        .collect();
    for term in terms(call.filter.as_deref()) {
        match term {
            Term::Equals(name, value) if name.eq_ignore_ascii_case("roleName") => {
                found.retain(|d| d.role_name.eq_ignore_ascii_case(&value));
            }
            Term::Equals(name, value) if name.eq_ignore_ascii_case("type") => {
                let built_in = value.eq_ignore_ascii_case("BuiltInRole");
                found.retain(|d| d.built_in == built_in);
            }
            // Definitions below the scope are not seen from it all the same.
            Term::Call(name, _) if name.eq_ignore_ascii_case("atScopeAndBelow") => {}
            Term::Equals(name, _) | Term::Call(name, _) | Term::Unknown(name) => {
                return Err(ArmError::filter(&name));
            }
        }
    }
    Ok(list(found.into_iter().map(|d| d.show(&call.scope))))
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    let items = value?.as_array()?;
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// Creates or replaces; both are 201.
fn put(call: &mut Call<'_>) -> Answer {
    let name = call.name()?;
    let properties = call.properties()?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    let role_name = text("roleName")
        .filter(|n| !n.is_empty())
        .ok_or_else(ArmError::content)?
        .to_owned();
    let scopes = texts(properties.get("assignableScopes"))
        .filter(|s| !s.is_empty() && s.iter().all(|s| Scope::new(s).is_ok()))
        .ok_or_else(ArmError::content)?;
    let permissions: Vec<Value> = properties
        .get("permissions")
        .and_then(Value::as_array)
        .filter(|p| p.iter().all(Value::is_object))
        .ok_or_else(ArmError::content)?
        .iter()
        .cloned()
        .map(builtin::whole)
        .collect();
    if builtin::roles().iter().any(|d| d.name == name) {
        return Err(ArmError::new(
            403,
            "RoleDefinitionUpdateNotPermitted",
            "Built-in role definitions cannot be changed.",
        ));
    }
    let taken = builtin::roles()
        .iter()
        .chain(&call.store.definitions)
        .any(|d| d.name != name && d.role_name.eq_ignore_ascii_case(&role_name));
    if taken {
        return Err(ArmError::new(
            409,
            "RoleDefinitionWithSameNameExists",
            "A custom role with the same name already exists in this directory. Use a different name.",
        ));
    }
    let now = moment(call.now);
    let definition = Definition {
        description: text("description").unwrap_or_default().to_owned(),
        role_name,
        built_in: false,
        scopes,
        permissions,
        created: now.clone(),
        updated: now,
        author: Some(call.caller.clone()),
        name: name.clone(),
    };
    // The answer does not say yet who made it.
    let mut shown = definition.show(&call.scope);
    shown["properties"]["createdBy"] = Value::Null;
    let definitions = &mut call.store.definitions;
    match definitions.iter_mut().find(|d| d.name == name) {
        Some(old) => {
            let created = std::mem::take(&mut old.created);
            *old = Definition {
                created,
                ..definition
            };
        }
        None => definitions.push(definition),
    }
    Ok((201, shown))
}

/// Deletes, and shows what was deleted; 204 when there was nothing.
fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.name()?;
    if builtin::roles().iter().any(|d| d.name == name) {
        return Err(ArmError::new(
            403,
            "RoleDefinitionUpdateNotPermitted",
            "Built-in role definitions cannot be deleted.",
        ));
    }
    if call.store.assignments.iter().any(|a| a.role == name) {
        return Err(ArmError::new(
            400,
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)",
        ));
    }
    let definitions = &mut call.store.definitions;
    let Some(at) = definitions.iter().position(|d| d.name == name) else {
        return Ok((204, Value::Null));
    };
    let mut gone = definitions.remove(at);
    gone.updated = moment(call.now);
    Ok((200, gone.show(&call.scope)))
}
