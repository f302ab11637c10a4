//! Filling a directory from a seed.

use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::agenda::{Having, Holder, Span};
use super::licences::{Plan, Sku};
use super::loading::Loading;
use super::object::{Domain, Kind, Relation, Slot, State};
use super::record::{ticks, time_text};
use super::store::Directory;
use crate::simulator::seed_types::{
    SeedApp, SeedAssignment, SeedEnd, SeedGroup, SeedHeld, SeedLicense, SeedPrincipal, SeedSku,
    SeedTenant, SeedUnit, SeedUser,
};

impl Directory {
    /// Whether objects still come from a seed.
    pub(super) fn is_loading(&self) -> bool {
        !self.loading.users.is_empty()
    }

    /// Loads a whole tenant. Numbers that point nowhere are left out.
    pub fn load(&mut self, seed: SeedTenant) {
        self.tenant.id = seed.tenant_id;
        self.tenant.name = seed.organization_name;
        self.tenant.created = seed.created;
        self.tenant.domains = std::iter::once(&seed.domain)
            .chain(&seed.other_domains)
            .enumerate()
            .map(|(i, name)| Domain {
                name: name.clone(),
                is_default: i == 0,
                is_initial: i == 0,
            })
            .collect();
        for sku in seed.skus {
            self.load_sku(sku);
        }
        for user in seed.users {
            self.load_user(user);
        }
        for group in seed.groups {
            self.load_group(group);
        }
        self.finish_load();
        let app = self.load_app(&seed.app);
        for object in &seed.objects {
            let properties = object
                .properties
                .iter()
                .filter(|(_, value)| !value.is_null());
            let pairs = properties.map(|(name, value)| (*name, value));
            self.insert(object.kind, object.id, pairs);
        }
        for link in &seed.links {
            let SeedEnd::User(number) = link.to;
            if let (Some(from), Some(to)) = (self.find(link.from), self.loading.users.get(number)) {
                self.link(link.relation, from, *to);
            }
        }
        let roles: Vec<Slot> = seed
            .role_definitions
            .iter()
            .filter_map(|role| self.load_role(role))
            .collect();
        let units: Vec<Slot> = seed
            .administrative_units
            .iter()
            .map(|unit| self.load_unit(unit))
            .collect();
        for assignment in &seed.role_assignments {
            self.load_assignment(assignment, &roles, &units, app);
        }
        self.loading = Loading::default();
    }

    /// Loads a subscription.
    pub fn load_sku(&mut self, seed: SeedSku) {
        self.licences.skus.push(Sku {
            id: seed.sku_id,
            part_number: seed.part_number,
            enabled: seed.enabled,
            suspended: seed.suspended,
            warning: seed.warning,
            plans: seed
                .plans
                .into_iter()
                .map(|plan| Plan {
                    id: plan.id,
                    name: plan.name,
                    for_users: plan.for_users,
                })
                .collect(),
            consumed: 0,
        });
    }

    /// Loads the next user. Subscriptions come before users.
    pub fn load_user(&mut self, seed: SeedUser) {
        let mut properties = seed.properties;
        let created = Value::String(time_text(ticks(self.tenant.created)));
        let mut default = |name: &'static str, value: Value| {
            if !properties.iter().any(|(n, _)| *n == name) {
                properties.push((name, value));
            }
        };
        default("createdDateTime", created);
        default("accountEnabled", Value::Bool(true));
        default("userType", json!("Member"));
        let slot = self.insert(
            Kind::User,
            seed.id,
            properties.iter().map(|(name, value)| (*name, value)),
        );
        self.loading.users.push(slot);
        if let Some(manager) = seed.manager {
            self.loading.managers.push((slot, manager));
        }
        for license in &seed.licenses {
            if let Some((sku, disabled)) = self.license(license) {
                self.set_own_license(slot, sku, Some(disabled));
            }
        }
        if seed.deleted {
            self.set_state(slot, State::Deleted);
        }
    }

    /// Loads the next group. Its members may come later, up to [`Directory::finish_load`].
    pub fn load_group(&mut self, seed: SeedGroup) {
        let mut properties = seed.properties;
        let created = Value::String(time_text(ticks(self.tenant.created)));
        for name in ["createdDateTime", "renewedDateTime"] {
            if !properties.iter().any(|(n, _)| *n == name) {
                properties.push((name, created.clone()));
            }
        }
        let slot = self.insert(
            Kind::Group,
            seed.id,
            properties.iter().map(|(name, value)| (*name, value)),
        );
        self.loading.groups.push(slot);
        self.loading
            .members
            .extend(seed.members.into_iter().map(|user| (slot, user)));
        self.loading
            .nested
            .extend(seed.member_groups.into_iter().map(|group| (slot, group)));
        self.loading
            .owners
            .extend(seed.owners.into_iter().map(|user| (slot, user)));
        for license in &seed.licenses {
            if let Some((sku, disabled)) = self.license(license) {
                self.set_group_license(slot, sku, Some(disabled));
            }
        }
    }

    /// Draws the edges between what was loaded, and settles the groups' licences.
    pub fn finish_load(&mut self) {
        let loading = std::mem::take(&mut self.loading);
        for (slot, manager) in &loading.managers {
            if let Some(manager) = loading.users.get(*manager) {
                self.link(Relation::Manager, *slot, *manager);
            }
        }
        for (relation, edges, targets) in [
            (Relation::Member, &loading.members, &loading.users),
            (Relation::Member, &loading.nested, &loading.groups),
            (Relation::Owner, &loading.owners, &loading.users),
        ] {
            for (slot, target) in edges {
                if let Some(target) = targets.get(*target) {
                    self.link(relation, *slot, *target);
                }
            }
        }
        self.loading = Loading {
            users: loading.users,
            groups: loading.groups,
            ..Loading::default()
        };
        self.settle(self.now() + self.licences.group_delay);
    }

    fn license(&self, seed: &SeedLicense) -> Option<(u16, u128)> {
        let sku = self.licences.skus.get(seed.sku)?;
        let disabled = sku
            .plans
            .iter()
            .enumerate()
            .filter(|(_, plan)| seed.disabled_plans.contains(&plan.id))
            .fold(0, |mask, (i, _)| mask | 1 << i);
        Some((u16::try_from(seed.sku).ok()?, disabled))
    }

    fn load_app(&mut self, seed: &SeedApp) -> Slot {
        let (name, app_id) = (json!(seed.display_name), json!(seed.app_id.to_string()));
        let created = Value::String(time_text(ticks(self.tenant.created)));
        let audience = json!("AzureADMyOrg");
        self.insert(
            Kind::Application,
            seed.object_id,
            [
                ("displayName", &name),
                ("appId", &app_id),
                ("signInAudience", &audience),
                ("createdDateTime", &created),
            ],
        );
        let (enabled, kind) = (json!(true), json!("Application"));
        let (names, tenant) = (json!([app_id]), json!(self.tenant.id.to_string()));
        self.insert(
            Kind::ServicePrincipal,
            seed.service_principal_id,
            [
                ("displayName", &name),
                ("appDisplayName", &name),
                ("appId", &app_id),
                ("appOwnerOrganizationId", &tenant),
                ("accountEnabled", &enabled),
                ("servicePrincipalType", &kind),
                ("servicePrincipalNames", &names),
                ("signInAudience", &audience),
                ("createdDateTime", &created),
            ],
        )
    }

    fn load_role(&mut self, role: &Value) -> Option<Slot> {
        let properties = role.as_object()?;
        let id = Uuid::parse_str(properties.get("id")?.as_str()?).ok()?;
        let rest = properties.iter().filter(|(name, _)| *name != "id");
        Some(self.insert(
            Kind::RoleDefinition,
            id,
            rest.map(|(name, value)| (name.as_str(), value)),
        ))
    }

    fn load_unit(&mut self, seed: &SeedUnit) -> Slot {
        let (name, description) = (json!(seed.display_name), json!(seed.description));
        let slot = self.insert(
            Kind::AdministrativeUnit,
            seed.id,
            [("displayName", &name), ("description", &description)],
        );
        let users = seed
            .members
            .iter()
            .filter_map(|i| self.loading.users.get(*i));
        let groups = seed
            .member_groups
            .iter()
            .filter_map(|i| self.loading.groups.get(*i));
        let members: Vec<Slot> = users.chain(groups).copied().collect();
        for member in members {
            self.link(Relation::Member, slot, member);
        }
        slot
    }

    fn load_assignment(
        &mut self,
        seed: &SeedAssignment,
        roles: &[Slot],
        units: &[Slot],
        app: Slot,
    ) {
        let principal = match seed.principal {
            SeedPrincipal::User(i) => self.loading.users.get(i).copied(),
            SeedPrincipal::Group(i) => self.loading.groups.get(i).copied(),
            SeedPrincipal::App => Some(app),
        };
        let scope = match seed.unit {
            None => Some("/".to_owned()),
            Some(i) => units
                .get(i)
                .map(|unit| format!("/administrativeUnits/{}", self.object(*unit).id)),
        };
        if let (Some(role), Some(principal), Some(scope)) = (roles.get(seed.role), principal, scope)
        {
            match seed.how {
                SeedHeld::Permanent => drop(self.assign_role(*role, principal, &scope)),
                SeedHeld::Days(days) => {
                    self.load_schedule(Having::Active, (*role, principal, scope), Some(days));
                }
                SeedHeld::Eligible(days) => {
                    self.load_schedule(Having::Eligible, (*role, principal, scope), days);
                }
            }
        }
    }

    fn load_schedule(
        &mut self,
        having: Having,
        (role, principal, scope): (Slot, Slot, String),
        days: Option<u16>,
    ) {
        let holder = Holder {
            role,
            principal,
            scope,
        };
        let start = self.now();
        let id = self.derived_id(
            "roleSchedule",
            &format!("{}{}", self.object(role).id, self.object(principal).id),
        );
        let span = Span::of(
            start,
            days.map(|days| start + Duration::days(i64::from(days))),
        );
        self.add_schedule(having, &id.to_string(), &holder, &span);
    }
}
