//! A tenant to start from, as plain data: what a generator makes and [`super::directory::Directory`]
//! loads.
//!
//! A tenant of a million users need not exist as one value: [`SeedUser`]s and [`SeedGroup`]s can
//! also be given one at a time to `Directory::load_user` and `Directory::load_group`. All numbers
//! that stand for an object are its place in the order of loading: user 0, user 1, …; group 0, ….

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::directory::{Kind, Relation};

/// A whole tenant.
#[derive(Clone, Debug)]
pub struct SeedTenant {
    /// The tenant's id.
    pub tenant_id: Uuid,
    /// The initial domain (`contoso.onmicrosoft.com`): verified, and the default one.
    pub domain: String,
    /// Further verified domains.
    pub other_domains: Vec<String>,
    /// The organisation's display name.
    pub organization_name: String,
    /// When the tenant was created.
    pub created: OffsetDateTime,
    /// Users, in order.
    pub users: Vec<SeedUser>,
    /// Groups, in order.
    pub groups: Vec<SeedGroup>,
    /// Subscriptions.
    pub skus: Vec<SeedSku>,
    /// `unifiedRoleDefinition` objects as Graph shows them, `id` included.
    pub role_definitions: Vec<Value>,
    /// Role assignments.
    pub role_assignments: Vec<SeedAssignment>,
    /// Administrative units.
    pub administrative_units: Vec<SeedUnit>,
    /// The application that calls: its registration and service principal.
    pub app: SeedApp,
    /// Objects of other kinds.
    pub objects: Vec<SeedObject>,
    /// Relations of those.
    pub links: Vec<SeedLink>,
}

/// An object of any kind, as Graph shows it.
#[derive(Clone, Debug)]
pub struct SeedObject {
    /// What it is.
    pub kind: Kind,
    /// The object id.
    pub id: Uuid,
    /// Properties; null ones are left out.
    pub properties: Vec<(&'static str, Value)>,
}

/// A relation of a [`SeedObject`].
#[derive(Clone, Copy, Debug)]
pub struct SeedLink {
    /// Which.
    pub relation: Relation,
    /// The object.
    pub from: Uuid,
    /// The other end.
    pub to: SeedEnd,
}

/// The other end of a relation.
#[derive(Clone, Copy, Debug)]
pub enum SeedEnd {
    /// A user, by number.
    User(usize),
}

/// A user. Properties carry Graph's names and Graph's JSON; `id`, relations and licences are not
/// among them. A property that is missing is null, or an empty collection.
#[derive(Clone, Debug, Default)]
pub struct SeedUser {
    /// The object id.
    pub id: Uuid,
    /// Properties, `userPrincipalName` and `displayName` at least.
    pub properties: Vec<(&'static str, Value)>,
    /// The manager: the number of a user, earlier or later.
    pub manager: Option<usize>,
    /// Licences assigned to the user directly.
    pub licenses: Vec<SeedLicense>,
    /// Whether the user sits in the recycle bin.
    pub deleted: bool,
}

/// A group. The kind is told by its properties (`groupTypes`, `mailEnabled`, `securityEnabled`,
/// `isAssignableToRole`), as in Graph.
#[derive(Clone, Debug, Default)]
pub struct SeedGroup {
    /// The object id.
    pub id: Uuid,
    /// Properties, `displayName`, `mailEnabled`, `securityEnabled` and `mailNickname` at least.
    pub properties: Vec<(&'static str, Value)>,
    /// Members that are users, by number.
    pub members: Vec<usize>,
    /// Members that are groups, by number, earlier or later.
    pub member_groups: Vec<usize>,
    /// Owners, by number of user.
    pub owners: Vec<usize>,
    /// Licences assigned to the group; its user members inherit them.
    pub licenses: Vec<SeedLicense>,
}

/// A licence on a user or group.
#[derive(Clone, Debug, Default)]
pub struct SeedLicense {
    /// The number of the SKU in [`SeedTenant::skus`].
    pub sku: usize,
    /// Service plans switched off, by id.
    pub disabled_plans: Vec<Uuid>,
}

/// A subscription.
#[derive(Clone, Debug, Default)]
pub struct SeedSku {
    /// `skuId`
    pub sku_id: Uuid,
    /// `skuPartNumber`
    pub part_number: String,
    /// Seats bought and enabled.
    pub enabled: u32,
    /// Seats that are suspended.
    pub suspended: u32,
    /// Seats in the warning period.
    pub warning: u32,
    /// Service plans. At most 128.
    pub plans: Vec<SeedPlan>,
}

/// A service plan of a subscription.
#[derive(Clone, Debug, Default)]
pub struct SeedPlan {
    /// `servicePlanId`
    pub id: Uuid,
    /// `servicePlanName`
    pub name: String,
    /// Whether it applies to users, as opposed to the company.
    pub for_users: bool,
}

/// Who gets a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedPrincipal {
    /// A user, by number.
    User(usize),
    /// A role-assignable group, by number.
    Group(usize),
    /// The calling application's service principal.
    App,
}

/// A role assignment.
#[derive(Clone, Debug)]
pub struct SeedAssignment {
    /// The number of the definition in [`SeedTenant::role_definitions`].
    pub role: usize,
    /// The principal.
    pub principal: SeedPrincipal,
    /// An administrative unit as scope, by number; `None` is the tenant (`/`).
    pub unit: Option<usize>,
    /// How it is held.
    pub how: SeedHeld,
}

/// How a role is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedHeld {
    /// For good.
    #[default]
    Permanent,
    /// For so many days from the start.
    Days(u16),
    /// May be activated; for so many days, or for good.
    Eligible(Option<u16>),
}

/// An administrative unit.
#[derive(Clone, Debug, Default)]
pub struct SeedUnit {
    /// The object id.
    pub id: Uuid,
    /// `displayName`
    pub display_name: String,
    /// `description`
    pub description: Option<String>,
    /// Members that are users, by number.
    pub members: Vec<usize>,
    /// Members that are groups, by number.
    pub member_groups: Vec<usize>,
}

/// The calling application.
#[derive(Clone, Debug, Default)]
pub struct SeedApp {
    /// The client id.
    pub app_id: Uuid,
    /// The registration's object id.
    pub object_id: Uuid,
    /// The service principal's object id.
    pub service_principal_id: Uuid,
    /// Its name.
    pub display_name: String,
    /// Application permissions granted to it (`User.Read.All`, …).
    pub permissions: Vec<String>,
}
