//! Role assignments, and the activated roles that mirror those of the whole tenant.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

use super::agenda::{Having, Holder, Span};
use super::object::{Kind, Relation, Slot};
use super::store::Directory;

impl Directory {
    /// The assignment of a role to a principal at a scope.
    pub fn find_assignment(&self, role: Slot, principal: Slot, scope: &str) -> Option<Slot> {
        let id = assignment_id(self.object(role).id, self.object(principal).id, scope);
        self.find_text(Kind::RoleAssignment, &id)
    }

    /// Assigns a role for good; `/` is the whole tenant. The assignment is new, and checks were
    /// made.
    pub fn assign_role(&mut self, role: Slot, principal: Slot, scope: &str) -> Slot {
        let slot = self.grant_role(role, principal, scope);
        let holder = Holder {
            role,
            principal,
            scope: scope.to_owned(),
        };
        let span = Span::of(self.now(), None);
        let id = Uuid::new_v4().to_string();
        self.add_schedule(Having::Active, &id, &holder, &span);
        slot
    }

    /// The assignment itself.
    pub(super) fn grant_role(&mut self, role: Slot, principal: Slot, scope: &str) -> Slot {
        let (role_id, principal_id) = (self.object(role).id, self.object(principal).id);
        let id = assignment_id(role_id, principal_id, scope);
        // Nobody sees this number; the index wants one that nothing else has.
        let number = self.derived_id("roleAssignment", &id);
        let id = json!(id);
        let values = [
            json!(role_id.to_string()),
            json!(principal_id.to_string()),
            json!(scope),
            json!(self.tenant.id.to_string()),
        ];
        let slot = self.insert(
            Kind::RoleAssignment,
            number,
            [
                ("id", &id),
                ("roleDefinitionId", &values[0]),
                ("principalId", &values[1]),
                ("directoryScopeId", &values[2]),
                ("principalOrganizationId", &values[3]),
            ],
        );
        if scope == "/" && self.flag(role, "isBuiltIn") {
            let activated = self.activate_role(role);
            self.link(Relation::Member, activated, principal);
        }
        slot
    }

    /// Takes an assignment away, and its schedule.
    pub fn unassign_role(&mut self, assignment: Slot) {
        match self.schedule_behind(assignment) {
            Some(schedule) => self.end_schedule(schedule),
            None => self.revoke_role(assignment),
        }
    }

    /// Takes the assignment itself away.
    pub(super) fn revoke_role(&mut self, assignment: Slot) {
        if self.text(assignment, "directoryScopeId") == Some("/") {
            let slot_of = |name: &str| {
                let id = Uuid::parse_str(self.text(assignment, name)?).ok()?;
                self.find(id)
            };
            let ends = slot_of("roleDefinitionId").zip(slot_of("principalId"));
            if let Some((role, principal)) = ends
                && let Some(activated) = self.activated_role(self.object(role).id)
            {
                self.unlink(Relation::Member, activated, principal);
            }
        }
        self.purge(assignment);
    }

    /// Takes away every assignment of a principal or role, before it goes for good.
    pub fn unassign_all(&mut self, slot: Slot) {
        let id = self.object(slot).id.to_string();
        let assignments: Vec<Slot> = self
            .all(Kind::RoleAssignment, None)
            .filter(|a| {
                ["principalId", "roleDefinitionId"]
                    .iter()
                    .any(|name| self.text(*a, name) == Some(&id))
            })
            .collect();
        for assignment in assignments {
            self.unassign_role(assignment);
        }
        self.end_schedules_of(slot);
    }

    /// The activated role of a template.
    pub fn activated_role(&self, template: Uuid) -> Option<Slot> {
        let template = template.to_string();
        self.all(Kind::DirectoryRole, None)
            .find(|slot| self.text(*slot, "roleTemplateId") == Some(&template))
    }

    /// Activates a built-in role, unless it is.
    pub fn activate_role(&mut self, definition: Slot) -> Slot {
        let template = self.object(definition).id;
        if let Some(slot) = self.activated_role(template) {
            return slot;
        }
        let (name, description) = (
            self.json(definition, "displayName"),
            self.json(definition, "description"),
        );
        let template = template.to_string();
        let id = self.derived_id("directoryRole", &template);
        let template = json!(template);
        self.insert(
            Kind::DirectoryRole,
            id,
            [
                ("displayName", &name),
                ("description", &description),
                ("roleTemplateId", &template),
            ],
        )
    }
}

/// `base64url(roleDefinitionId ‖ principalId)-1`, the GUIDs' bytes as .NET orders them. For other
/// scopes than `/` the real form is unknown: the scope's last part is appended to the bytes.
fn assignment_id(role: Uuid, principal: Uuid, scope: &str) -> String {
    let mut bytes = [role.to_bytes_le(), principal.to_bytes_le()].concat();
    if scope == "/" {
        return format!("{}-1", URL_SAFE_NO_PAD.encode(bytes));
    }
    let last = scope.rsplit('/').next().unwrap_or_default();
    match Uuid::parse_str(last) {
        Ok(id) => bytes.extend_from_slice(&id.to_bytes_le()),
        Err(_) => bytes.extend_from_slice(scope.as_bytes()),
    }
    format!("{}-2", URL_SAFE_NO_PAD.encode(bytes))
}
