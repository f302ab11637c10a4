//! What Resource Manager keeps: definitions, assignments, requests.

use serde_json::Value;
use uuid::Uuid;

use super::scope::Scope;

/// What Resource Manager keeps.
#[derive(Debug, Default)]
pub struct Store {
    /// The tenant's own role definitions.
    pub definitions: Vec<Definition>,
    /// Role assignments.
    pub assignments: Vec<Assignment>,
    /// Requests of Privileged Identity Management.
    pub requests: Vec<ScheduleRequest>,
}

/// A role definition.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name, a GUID.
    pub name: String,
    /// `roleName`
    pub role_name: String,
    /// `description`
    pub description: String,
    /// Whether it came with Azure.
    pub built_in: bool,
    /// `assignableScopes`
    pub scopes: Vec<String>,
    /// `permissions`, each with its four lists.
    pub permissions: Vec<Value>,
    /// `createdOn`
    pub created: String,
    /// `updatedOn`
    pub updated: String,
    /// Who made it.
    pub author: Option<String>,
}

/// A role assignment.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Its name, a GUID.
    pub name: String,
    /// Where.
    pub scope: Scope,
    /// The name of the definition.
    pub role: String,
    /// Who.
    pub principal: Uuid,
    /// `User`, `Group`, `ServicePrincipal`
    pub principal_type: &'static str,
    /// `condition`, `conditionVersion`, `description`, `delegatedManagedIdentityResourceId`
    pub extras: [Value; 4],
    /// `createdOn` and `updatedOn`
    pub created: String,
    /// Who made it.
    pub author: String,
}

/// A request, as it was answered.
#[derive(Clone, Debug)]
pub struct ScheduleRequest {
    /// Its name, a GUID.
    pub name: String,
    /// Whether it asks for an eligibility, not for an assignment.
    pub eligible: bool,
    /// Where.
    pub scope: Scope,
    /// The name of the definition.
    pub role: String,
    /// Who.
    pub principal: Uuid,
    /// Whether it is withdrawn.
    pub canceled: bool,
    /// As it was answered.
    pub shown: Value,
}
