//! The tenant that a seed describes: believable people, groups, licences and roles.
//!
//! Every object is a function of the seed and its number alone, so that the same seed gives the
//! same tenant byte for byte, and a tenant of a million users can be made one object at a time.

mod extras;
mod first_party;
mod group;
mod names;
mod plan;
mod roles;
mod sku;
mod user;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::directory::Directory;
use super::seed_types::{SeedGroup, SeedSku, SeedTenant, SeedUser};
use crate::base::clock::SharedClock;
use plan::{CREATED, Stream, uuid};

pub use group::SIZES;
pub use plan::{DOMAIN, MAIL_DOMAIN, Plan};
pub use user::COLLECTOR;

/// A directory as the plan has it.
pub fn seeded(plan: &Plan, clock: SharedClock) -> Directory {
    let mut directory = Directory::new(plan.tenant_id(), DOMAIN, "Contoso", clock);
    plan.fill(&mut directory);
    directory
}

impl Plan {
    /// The subscriptions.
    pub fn skus(&self) -> Vec<SeedSku> {
        sku::all(self)
    }

    /// The user with this number.
    pub fn user(&self, number: usize) -> SeedUser {
        user::make(self, number)
    }

    /// The group with this number.
    pub fn group(&self, number: usize) -> SeedGroup {
        group::make(self, number)
    }

    /// The whole tenant as one value.
    pub fn tenant(&self) -> SeedTenant {
        SeedTenant {
            users: (0..self.users).map(|i| self.user(i)).collect(),
            groups: (0..self.groups).map(|i| self.group(i)).collect(),
            skus: self.skus(),
            ..self.frame()
        }
    }

    /// The tenant without users, groups and subscriptions.
    fn frame(&self) -> SeedTenant {
        let mut objects = first_party::service_principals(self);
        let (mut extras, links) = extras::all(self);
        objects.append(&mut extras);
        SeedTenant {
            objects,
            links,
            tenant_id: self.tenant_id(),
            domain: DOMAIN.to_owned(),
            other_domains: vec![MAIL_DOMAIN.to_owned(), "contoso.de".to_owned()],
            organization_name: "Contoso".to_owned(),
            created: CREATED,
            users: Vec::new(),
            groups: Vec::new(),
            skus: Vec::new(),
            role_definitions: roles::definitions(self),
            role_assignments: roles::assignments(self),
            administrative_units: roles::units(self),
            app: self.app(),
        }
    }

    /// Loads the tenant into an empty directory, one object at a time.
    pub fn fill(&self, directory: &mut Directory) {
        directory.tenant.id = self.tenant_id();
        directory.tenant.created = CREATED;
        for sku in self.skus() {
            directory.load_sku(sku);
        }
        for number in 0..self.users {
            directory.load_user(self.user(number));
        }
        for number in 0..self.groups {
            directory.load_group(self.group(number));
        }
        directory.load(self.frame());
        let photo = Bytes::from_static(user::PHOTO);
        for number in (0..self.users).filter(|n| self.has_photo(*n)) {
            let id = uuid(&mut self.random(Stream::User, number));
            if let Some(slot) = directory.find(id) {
                directory
                    .photos
                    .insert(slot, ("image/png".to_owned(), photo.clone()));
            }
        }
    }
}
