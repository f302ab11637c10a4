//! Directory role assignments, from both ends: `roles` of a user or group, `members` of a role.
//!
//! An edge is one assignment: the same role may be held in several scopes.

use serde_json::{Map, Value, json};

use super::{
    edge::{Edge, text},
    plan::{GraphCall, Tolerates},
    references::{element_attributes, elements},
    relation::{Candidates, Change, Relation, Target, element_object_id, element_value},
};
use crate::{
    odata::{
        expr::Expr,
        request::{Request, segment},
    },
    scim::{
        error::Error,
        schema::{Attribute, Mutability, Type},
    },
};

const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";

/// The end of an assignment that a relation is seen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A user or group, whose `roles` these are.
    Principal,
    /// A role definition, whose `members` these are.
    Definition,
}

/// Role assignments as a relation.
pub struct RoleAssignments {
    /// Which end has the relation.
    pub side: Side,
}

impl RoleAssignments {
    fn near(&self) -> &'static str {
        match self.side {
            Side::Principal => "principalId",
            Side::Definition => "roleDefinitionId",
        }
    }

    fn far(&self) -> &'static str {
        match self.side {
            Side::Principal => "roleDefinitionId",
            Side::Definition => "principalId",
        }
    }

    fn expanded(&self) -> &'static str {
        match self.side {
            Side::Principal => "roleDefinition",
            Side::Definition => "principal",
        }
    }

    fn scope_of(element: &Value) -> &str {
        element
            .get("scope")
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
            .unwrap_or("/")
    }

    fn edge(&self, assignment: &Value) -> Option<Edge> {
        let other = assignment.get(self.expanded()).unwrap_or(&Value::Null);
        let (kind, endpoint) = match self.side {
            Side::Principal => (Some("permanent".to_owned()), Some("/Roles")),
            Side::Definition => {
                let edge = Edge::from_directory_object(other);
                let kind = edge.as_ref().and_then(|e| e.kind.clone());
                (kind, edge.and_then(|e| e.endpoint))
            }
        };
        let mut extra = Map::new();
        let scope = text(assignment, "directoryScopeId").or_else(|| text(assignment, "appScopeId"));
        extra.insert("scope".into(), scope.unwrap_or_else(|| "/".into()).into());
        if let Some(id) = text(assignment, "id") {
            extra.insert("assignmentId".into(), id.into());
        }
        if self.side == Side::Definition {
            extra.insert("assignment".into(), "permanent".into());
        }
        Some(Edge {
            value: text(assignment, self.far())?,
            display: text(other, "displayName"),
            kind,
            endpoint,
            extra,
        })
    }
}

impl Relation for RoleAssignments {
    fn name(&self) -> &'static str {
        match self.side {
            Side::Principal => "roles",
            Side::Definition => "members",
        }
    }

    fn attribute(&self) -> Attribute {
        let mut scope = Attribute::new(
            "scope",
            Type::String,
            "Where the role holds: / for the tenant, or /administrativeUnits/{id}.",
        );
        scope.mutability = Mutability::Immutable;
        scope.case_exact = true;
        let mut assignment = Attribute::new("assignmentId", Type::String, "Id of the assignment.");
        assignment.mutability = Mutability::ReadOnly;
        assignment.case_exact = true;
        let (mut subs, text) = match self.side {
            Side::Principal => (
                element_attributes(&["permanent"], &["Role"]),
                "Directory roles held.",
            ),
            Side::Definition => {
                let mut subs =
                    element_attributes(&["User", "Group", "ServicePrincipal"], &["User", "Group"]);
                let mut how = Attribute::new("assignment", Type::String, "How the role is held.");
                how.mutability = Mutability::ReadOnly;
                how.canonical_values = vec!["permanent".into()];
                subs.push(how);
                (subs, "Who holds the role, and where.")
            }
        };
        subs.extend([scope, assignment]);
        elements(self.name(), text, subs)
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        vec![
            Request::get(ASSIGNMENTS)
                .filter(&Expr::eq(self.near(), id))
                .option("$expand", self.expanded()),
        ]
    }

    fn shared_lists(&self) -> Option<Vec<Request>> {
        Some(vec![
            Request::get(ASSIGNMENTS).option("$expand", self.expanded()),
        ])
    }

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        lists
            .iter()
            .flatten()
            .filter(|a| text(a, self.near()).is_some_and(|near| near.eq_ignore_ascii_case(id)))
            .filter_map(|a| self.edge(a))
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let request = Request::get(ASSIGNMENTS).filter(&Expr::eq(self.far(), value));
        Some(Candidates::Ids(request, self.near()))
    }

    fn needs_current(&self) -> bool {
        true
    }

    fn same(&self, edge: &Edge, element: &Value) -> bool {
        element
            .get("value")
            .and_then(Value::as_str)
            .is_some_and(|v| v.eq_ignore_ascii_case(&edge.value))
            && edge
                .extra
                .get("scope")
                .and_then(Value::as_str)
                .unwrap_or("/")
                == Self::scope_of(element)
    }

    fn plan(&self, target: &Target<'_>, change: &Change) -> Result<Vec<GraphCall>, Error> {
        let mut calls = Vec::new();
        for element in &change.add {
            let other = match self.side {
                Side::Principal => element_value(element, "roles")?,
                Side::Definition => element_object_id(element, "members")?,
            };
            let (principal, definition) = match self.side {
                Side::Principal => (target.id, other),
                Side::Definition => (other, target.id),
            };
            if !super::is_object_id(definition) {
                return Err(Error::invalid_value(format!(
                    "'{definition}' is not the id of a role definition"
                )));
            }
            let scope = Self::scope_of(element);
            if !scope.starts_with('/') {
                return Err(Error::invalid_value(format!(
                    "'{scope}' is not a directory scope: it starts with '/'"
                )));
            }
            let body = json!({
                "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
                "principalId": principal,
                "roleDefinitionId": definition,
                "directoryScopeId": scope,
            });
            calls.push(
                GraphCall::new(
                    Request::post(ASSIGNMENTS, body),
                    principal,
                    format!("role {definition}: assign to {principal}"),
                )
                .tolerating(Tolerates::AlreadyThere),
            );
        }
        for edge in &change.remove {
            let id = edge
                .extra
                .get("assignmentId")
                .and_then(Value::as_str)
                .ok_or_else(|| {
                    Error::no_target(format!("no assignment of '{}' was found", edge.value))
                })?;
            calls.push(
                GraphCall::new(
                    Request::delete(format!("{ASSIGNMENTS}/{}", segment(id))),
                    match self.side {
                        Side::Principal => target.id,
                        Side::Definition => &edge.value,
                    },
                    format!("role assignment {id}: remove"),
                )
                .tolerating(Tolerates::NotThere),
            );
        }
        Ok(calls)
    }
}
