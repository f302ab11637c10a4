//! Directory role assignments, from both ends: `roles` of a user or group, `members` of a role.
//!
//! An edge is one assignment: the same role may be held in several scopes.

use serde_json::{Value, json};

use super::{
    edge::{Edge, EdgeKind, End, Pending, Side, text},
    plan::{GraphCall, Inverse, Purpose, Tolerates, Verb},
    references::{element_attributes, elements},
    relation::{Calls, Candidates, Change, Relation, Subject, element_object_id},
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

const DEFINITIONS: &str = "/roleManagement/directory/roleDefinitions";

/// Role assignments as a relation: `roles` of a principal ([`Side::From`]), or `members` of a role
/// definition ([`Side::To`]).
pub struct RoleAssignments {
    /// Which end has the relation.
    pub side: Side,
}

impl RoleAssignments {
    fn near(&self) -> &'static str {
        match self.side {
            Side::From => "principalId",
            Side::To => "roleDefinitionId",
        }
    }

    fn far(&self) -> &'static str {
        match self.side {
            Side::From => "roleDefinitionId",
            Side::To => "principalId",
        }
    }

    /// Names of principals come along; those of definitions are remembered ([`Relation::names`]).
    fn list(&self) -> Request {
        let list = Request::get(ASSIGNMENTS);
        match self.side {
            Side::From => list,
            Side::To => list.option("$expand", "principal"),
        }
    }

    /// The call that makes an assignment.
    fn assigning(&self, edge: &Edge) -> GraphCall {
        let body = json!({
            "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
            "principalId": edge.from.id,
            "roleDefinitionId": edge.to.id,
            "directoryScopeId": edge.scope.as_deref().unwrap_or("/"),
        });
        let purpose = Purpose::edge(self.name(), Verb::Add, &edge.far(self.side).id);
        GraphCall::new(Request::post(ASSIGNMENTS, body), &edge.from.id, purpose)
            .tolerating(Tolerates::AlreadyThere)
    }

    fn assignment(&self, near: &str, assignment: &Value) -> Option<Edge> {
        let id = text(assignment, self.far())?;
        let far = match self.side {
            Side::From => End::of(id),
            Side::To => assignment
                .get("principal")
                .and_then(End::of_directory_object)
                .unwrap_or_else(|| End::of(id)),
        };
        let scope = text(assignment, "directoryScopeId").or_else(|| text(assignment, "appScopeId"));
        Some(Edge {
            scope: Some(scope.unwrap_or_else(|| "/".into())),
            id: text(assignment, "id"),
            ..Edge::seen(EdgeKind::Role, self.side, near, far)
        })
    }
}

impl Relation for RoleAssignments {
    fn name(&self) -> &'static str {
        match self.side {
            Side::From => "roles",
            Side::To => "members",
        }
    }

    fn edge(&self) -> (EdgeKind, Side) {
        (EdgeKind::Role, self.side)
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
            Side::From => (
                element_attributes(&["permanent"], &["Role"]),
                "Directory roles held.",
            ),
            Side::To => {
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
        vec![self.list().filter(&Expr::eq(self.near(), id))]
    }

    fn shared_lists(&self) -> Option<Vec<Request>> {
        Some(vec![self.list()])
    }

    fn names(&self) -> Option<Request> {
        (self.side == Side::From).then(|| Request::get(DEFINITIONS).select(["id", "displayName"]))
    }

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        lists
            .iter()
            .flatten()
            .filter(|a| text(a, self.near()).is_some_and(|near| near.eq_ignore_ascii_case(id)))
            .filter_map(|a| self.assignment(id, a))
            .collect()
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let request = Request::get(ASSIGNMENTS).filter(&Expr::eq(self.far(), value));
        Some(Candidates::Ids(request, self.near()))
    }

    fn needs_current(&self) -> bool {
        true
    }

    fn named(&self, near: &str, element: &Value) -> Result<Edge, Error> {
        let far = element_object_id(element, self.name())?;
        let scope = element
            .get("scope")
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
            .unwrap_or("/");
        if !scope.starts_with('/') {
            return Err(Error::invalid_value(format!(
                "'{scope}' is not a directory scope: it starts with '/'"
            )));
        }
        Ok(Edge {
            scope: Some(scope.to_owned()),
            ..Edge::seen(EdgeKind::Role, self.side, near, End::of(far))
        })
    }

    fn plan(&self, _subject: &Subject<'_>, change: &Change) -> Result<Calls, Error> {
        let mut calls = Calls::default();
        for edge in &change.add {
            calls
                .adds
                .push(self.assigning(edge).undone_by(Inverse::DeleteMade));
        }
        for edge in &change.remove {
            let far = &edge.far(self.side).id;
            let id = edge
                .id
                .as_deref()
                .ok_or_else(|| Error::no_target(format!("no assignment of '{far}' was found")))?;
            calls.removes.push(
                GraphCall::new(
                    Request::delete(format!("{ASSIGNMENTS}/{}", segment(id))),
                    &edge.from.id,
                    Purpose::edge(self.name(), Verb::Remove, far),
                )
                .tolerating(Tolerates::NotThere)
                .hasty(edge.pending == Some(Pending::Added))
                .undone_by(Inverse::Calls(vec![self.assigning(edge)])),
            );
        }
        Ok(calls)
    }
}
