//! What a tenant is made of: objects, their kinds and states, the relations between them.

use time::OffsetDateTime;
use uuid::Uuid;

use super::record::Record;

/// The number of an object, in order of creation; never used again.
pub type Slot = u32;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Graph's own names")]
pub enum Kind {
    User,
    Group,
    Application,
    ServicePrincipal,
    DirectoryRole,
    AdministrativeUnit,
    RoleDefinition,
    RoleAssignment,
    OAuth2PermissionGrant,
    AppRoleAssignment,
    AssignmentSchedule,
    AssignmentInstance,
    AssignmentRequest,
    EligibilitySchedule,
    EligibilityInstance,
    EligibilityRequest,
    Subscription,
    Device,
    OrgContact,
    ExtensionProperty,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 20] = [
        Self::User,
        Self::Group,
        Self::Application,
        Self::ServicePrincipal,
        Self::DirectoryRole,
        Self::AdministrativeUnit,
        Self::RoleDefinition,
        Self::RoleAssignment,
        Self::OAuth2PermissionGrant,
        Self::AppRoleAssignment,
        Self::AssignmentSchedule,
        Self::AssignmentInstance,
        Self::AssignmentRequest,
        Self::EligibilitySchedule,
        Self::EligibilityInstance,
        Self::EligibilityRequest,
        Self::Subscription,
        Self::Device,
        Self::OrgContact,
        Self::ExtensionProperty,
    ];

    /// The entity type in Graph's schema.
    pub fn entity(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Application => "application",
            Self::ServicePrincipal => "servicePrincipal",
            Self::DirectoryRole => "directoryRole",
            Self::AdministrativeUnit => "administrativeUnit",
            Self::RoleDefinition => "unifiedRoleDefinition",
            Self::RoleAssignment => "unifiedRoleAssignment",
            Self::OAuth2PermissionGrant => "oAuth2PermissionGrant",
            Self::AppRoleAssignment => "appRoleAssignment",
            Self::AssignmentSchedule => "unifiedRoleAssignmentSchedule",
            Self::AssignmentInstance => "unifiedRoleAssignmentScheduleInstance",
            Self::AssignmentRequest => "unifiedRoleAssignmentScheduleRequest",
            Self::EligibilitySchedule => "unifiedRoleEligibilitySchedule",
            Self::EligibilityInstance => "unifiedRoleEligibilityScheduleInstance",
            Self::EligibilityRequest => "unifiedRoleEligibilityScheduleRequest",
            Self::Subscription => "subscription",
            Self::Device => "device",
            Self::OrgContact => "orgContact",
            Self::ExtensionProperty => "extensionProperty",
        }
    }

    /// Whether it derives from `directoryObject`.
    pub fn is_directory_object(self) -> bool {
        matches!(
            self,
            Self::User
                | Self::Group
                | Self::Application
                | Self::ServicePrincipal
                | Self::DirectoryRole
                | Self::AdministrativeUnit
                | Self::Device
                | Self::OrgContact
        )
    }

    /// Whether objects are found by a text of their own: their ids are no GUIDs, or those of other
    /// kinds too.
    pub fn has_text_id(self) -> bool {
        matches!(
            self,
            Self::RoleAssignment
                | Self::OAuth2PermissionGrant
                | Self::AssignmentSchedule
                | Self::AssignmentInstance
                | Self::AssignmentRequest
                | Self::EligibilitySchedule
                | Self::EligibilityInstance
                | Self::EligibilityRequest
        )
    }

    /// The type's name as messages spell it: `User`, `ServicePrincipal`.
    pub fn label(self) -> String {
        let name = self.entity();
        let mut chars = name.chars();
        chars
            .next()
            .map(|c| c.to_ascii_uppercase().to_string() + chars.as_str())
            .unwrap_or_default()
    }
}

/// Whether an object is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    Live,
    /// In the recycle bin.
    Deleted,
    /// Gone for good; the slot stays empty.
    Purged,
}

/// One object.
#[derive(Debug)]
pub struct Object {
    /// The object id.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// Whether it is there.
    pub(super) state: State,
    pub(super) record: Record,
}

/// A kind of edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// group, directory role or administrative unit → member
    Member,
    /// group, application or service principal → owner
    Owner,
    /// user → manager
    Manager,
    /// user → sponsor
    Sponsor,
    /// device → user
    RegisteredUser,
}

impl Relation {
    /// All relations.
    pub const ALL: [Self; RELATIONS] = [
        Self::Member,
        Self::Owner,
        Self::Manager,
        Self::Sponsor,
        Self::RegisteredUser,
    ];

    /// Its name in Graph, from the object that it starts at.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "members",
            Self::Owner => "owners",
            Self::Manager => "manager",
            Self::Sponsor => "sponsors",
            Self::RegisteredUser => "registeredUsers",
        }
    }
}

pub(super) const RELATIONS: usize = 5;

/// A domain of the tenant.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Whether it is the default one.
    pub is_default: bool,
    /// Whether it is the initial `onmicrosoft.com` one.
    pub is_initial: bool,
}

/// The tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// The organisation's name.
    pub name: String,
    /// When it was created.
    pub created: OffsetDateTime,
    /// Verified domains.
    pub domains: Vec<Domain>,
}
