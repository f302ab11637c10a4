//! Directory role assignments, from both ends: `roles` of a user or group, `members` of a role.
//!
//! An edge is one assignment: the same role may be held in several scopes, and who may take it
//! (eligible) may have it too. Those for good are written as assignments, which needs no licence;
//! those for a time and those that may be activated by requests (`role_schedules`).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    edge::{Edge, EdgeKey, EdgeKind, End, Held, Pending, Side, text},
    plan::{GraphCall, Inverse, Purpose, Tolerates, Verb},
    references::{element_attributes, elements},
    relation::{Calls, Candidates, Change, Relation, Subject, element_object_id},
    role_schedules::{self as schedules, Action, Schedules},
};
pub use schedules::{ending, unlike};

use crate::{
    odata::{
        expr::Expr,
        request::{Request, segment},
    },
    scim::{
        error::Error,
        schema::{Attribute, Mutability, Returned, Type},
    },
};

const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";

const DEFINITIONS: &str = "/roleManagement/directory/roleDefinitions";

/// What is held, what is held for a time, what may be activated.
fn everywhere() -> [Request; 3] {
    [
        Request::get(ASSIGNMENTS),
        schedules::active(),
        schedules::eligible(),
    ]
}

/// How a role may be held.
const HOW: [&str; 3] = ["permanent", "active", "eligible"];

/// Whether a request is about schedules, for which a tenant needs a licence.
pub fn is_scheduled(request: &Request) -> bool {
    schedules::is_scheduled(request)
}

/// Whether the holder of a schedule is gone: its row stays for some days.
fn is_orphan(schedule: &Value) -> bool {
    schedule.get("principal").is_some_and(Value::is_null)
}

/// The sub-attributes that say how and until when a role is held.
fn time_attributes() -> Vec<Attribute> {
    let new = |name: &str, kind: Type, mutability: Mutability, text: &str| {
        let mut attribute = Attribute::new(name, kind, text);
        attribute.mutability = mutability;
        attribute.case_exact = kind == Type::String && mutability == Mutability::ReadOnly;
        attribute
    };
    let mut how = new(
        "assignment",
        Type::String,
        Mutability::Immutable,
        "permanent; active: until its end; eligible: may be activated.",
    );
    how.canonical_values = HOW.map(str::to_owned).into();
    let mut why = new(
        "justification",
        Type::String,
        Mutability::WriteOnly,
        "Why; told to Privileged Identity Management.",
    );
    let mut ticket = new(
        "ticket",
        Type::String,
        Mutability::WriteOnly,
        "Number of the ticket that allows it, where a rule asks for one.",
    );
    for attribute in [&mut why, &mut ticket] {
        attribute.returned = Returned::Never;
    }
    vec![
        how,
        new(
            "start",
            Type::DateTime,
            Mutability::Immutable,
            "When it begins.",
        ),
        new(
            "end",
            Type::DateTime,
            Mutability::ReadWrite,
            "When it ends.",
        ),
        new(
            "assignmentId",
            Type::String,
            Mutability::ReadOnly,
            "Id of the assignment, or of its schedule.",
        ),
        new(
            "activatedFrom",
            Type::String,
            Mutability::ReadOnly,
            "Id of the eligibility that is active now.",
        ),
        why,
        ticket,
    ]
}

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

    /// The lists of all. Names of principals come
    /// along; those of definitions are remembered ([`Relation::names`]).
    fn all(&self) -> [Request; 3] {
        match self.side {
            Side::From => everywhere(),
            Side::To => everywhere().map(|list| list.option("$expand", "principal")),
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

    fn seen(&self, near: &str, assignment: &Value) -> Option<Edge> {
        let id = text(assignment, self.far())?;
        let far = match self.side {
            Side::From => End::of(id),
            Side::To => assignment
                .get("principal")
                .and_then(End::of_directory_object)
                .unwrap_or_else(|| End::of(id)),
        };
        Some(Edge {
            scope: Some(schedules::scope(assignment)),
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
        let (mut subs, text) = match self.side {
            Side::From => {
                let mut subs = element_attributes(&HOW, &["Role"]);
                // The same as `assignment`, which is the one to be set.
                for sub in subs.iter_mut().filter(|sub| sub.name == "type") {
                    sub.mutability = Mutability::ReadOnly;
                }
                (subs, "Directory roles held.")
            }
            Side::To => (
                element_attributes(&["User", "Group", "ServicePrincipal"], &["User", "Group"]),
                "Who holds the role, and where.",
            ),
        };
        subs.push(scope);
        subs.extend(time_attributes());
        elements(self.name(), text, subs)
    }

    fn lists(&self, id: &str) -> Vec<Request> {
        let of = |list: Request| list.filter(&Expr::eq(self.near(), id));
        self.all().map(of).into()
    }

    fn shared_lists(&self) -> Option<Vec<Request>> {
        Some(self.all().into())
    }

    fn names(&self) -> Option<Request> {
        (self.side == Side::From).then(|| Request::get(DEFINITIONS).select(["id", "displayName"]))
    }

    fn edges(&self, id: &str, _entity: &Value, lists: &[Vec<Value>]) -> Vec<Edge> {
        let [held, active, eligible] = [0, 1, 2].map(|at| lists.get(at).map_or(&[][..], |l| l));
        let ours = |item: &&Value| {
            text(item, self.near()).is_some_and(|near| near.eq_ignore_ascii_case(id))
        };
        // Lists that objects share are gone through for each of them: only what is theirs is kept.
        let mut active = Schedules::of(active.iter().filter(ours));
        let eligible = Schedules::of(eligible.iter().filter(ours));
        let mut edges: Vec<Edge> = Vec::new();
        for assignment in held.iter().filter(ours) {
            let Some(edge) = self.seen(id, assignment) else {
                continue;
            };
            edges.push(match active.take(assignment) {
                Some(schedule) => schedules::timed(edge, schedule, eligible.get(assignment)),
                None => edge,
            });
        }
        // What begins later is no assignment yet. Whose principal is gone is shown by nobody.
        let later = active
            .left()
            .into_iter()
            .map(|schedule| (schedule, Held::Active));
        let may = eligible
            .left()
            .into_iter()
            .map(|schedule| (schedule, Held::Eligible));
        for (schedule, held) in later.chain(may) {
            let held = match held {
                Held::Active if schedule["scheduleInfo"]["expiration"]["endDateTime"].is_null() => {
                    Held::Permanent
                }
                held => held,
            };
            if let Some(edge) = self.seen(id, schedule).filter(|_| !is_orphan(schedule)) {
                edges.push(schedules::scheduled(edge, schedule, held));
            }
        }
        edges
    }

    fn candidates(&self, value: &str) -> Option<Candidates> {
        let of = |list: Request| list.filter(&Expr::eq(self.far(), value));
        Some(Candidates::Ids(everywhere().map(of).into(), self.near()))
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
        let edge = Edge {
            scope: Some(scope.to_owned()),
            ..Edge::seen(EdgeKind::Role, self.side, near, End::of(far))
        };
        schedules::said(edge, element, self.name())
    }

    fn unchanged(&self, edge: &Edge, named: &Edge, _whole: bool) -> bool {
        schedules::is_unchanged(edge, named)
    }

    fn is_own(&self, edge: &Edge) -> bool {
        edge.held != Held::Inherited && edge.activated_from.is_none()
    }

    fn made_id(&self, edge: &Edge, request: &Request, answer: &Value) -> Option<String> {
        if request.path == ASSIGNMENTS {
            let plain = edge.held == Held::Permanent && schedules::is_about(edge, request);
            return plain.then(|| text(answer, "id")).flatten();
        }
        schedules::made(edge, request, answer)
    }

    fn plan(&self, subject: &Subject<'_>, change: &Change) -> Result<Calls, Error> {
        let mut calls = Calls::default();
        let replaced = change.replaced.iter().map(|old| (old.key(self.side), old));
        let replaced: HashMap<EdgeKey, &Edge> = replaced.collect();
        for edge in &change.add {
            let far = &edge.far(self.side).id;
            schedules::check_end(edge, subject.now, self.name())?;
            calls.adds.push(match replaced.get(&edge.key(self.side)).copied() {
                Some(old) if old.activated_from.is_some() && edge.held == Held::Active => {
                    return Err(Error::mutability(format!(
                        "the assignment of '{far}' is an activation, which ends by itself: it can be removed, or a permanent one be given"
                    )));
                }
                Some(old) if old.activated_from.is_none() && old.pending.is_none() => {
                    let edge = Edge {
                        start: edge.start.clone().or_else(|| old.start.clone()),
                        ..edge.clone()
                    };
                    schedules::undoable(&edge, Some(old), subject.now, self.name(), far)
                }
                _ if edge.held == Held::Permanent && edge.start.is_none() => {
                    self.assigning(edge).undone_by(Inverse::DeleteMade)
                }
                _ => schedules::undoable(edge, None, subject.now, self.name(), far),
            });
        }
        for edge in &change.remove {
            let far = &edge.far(self.side).id;
            if edge.held != Held::Permanent || edge.start.is_some() {
                let (now, name) = (subject.now, self.name());
                let back = schedules::request(edge, Action::Assign, now, name, far);
                let back = if edge.activated_from.is_some() {
                    Inverse::None
                } else {
                    Inverse::Calls(vec![back])
                };
                let remove = schedules::request(edge, Action::Remove, now, name, far);
                let hasty = edge.pending == Some(Pending::Added);
                calls.removes.push(remove.hasty(hasty).undone_by(back));
                continue;
            }
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
