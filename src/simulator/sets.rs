//! The table of entity sets. A new collection is a row here.

use super::directory::Kind;
use super::model::{EntitySet, Filtering, Holds, Paging, Part, Sets, What};
use super::operations::{
    applications, deleted, devices, documents, extensions, federated, grants, groups, invitations,
    licences, mailbox, objects, photo, pim, refs, roles, scoped, settings, subscriptions,
    templates, units, users,
};
use super::parts::{
    self, ACTIVATED_USING, APP_ROLES, CANCEL, CHECK_GROUPS, CHECK_OBJECTS, EMPTY, GET_GROUPS,
    GET_OBJECTS, MEMBER_OF, OWNED, OWNERS, PRINCIPAL, ROLE_DEFINITION, SCHEDULED,
    TRANSITIVE_MEMBER_OF, action, members_by,
};

/// Every entity set.
pub static SETS: Sets = Sets(&[
    EntitySet {
        path: &["users"],
        holds: Holds::One(Kind::User),
        context: "users",
        create: Some(users::create),
        update: Some(users::update),
        delete: Some(deleted::delete_user),
        parts: &[
            parts::MANAGER,
            parts::DIRECT_REPORTS,
            MEMBER_OF,
            TRANSITIVE_MEMBER_OF,
            OWNED,
            parts::CREATED,
            parts::OWNED_DEVICES,
            parts::REGISTERED_DEVICES,
            parts::GRANTS_OF_USER,
            parts::SPONSORS,
            Part {
                name: "scopedRoleMemberOf",
                what: What::Documents(scoped::of_member),
            },
            Part {
                name: "licenseDetails",
                what: What::Documents(documents::license_details),
            },
            action("assignLicense", licences::assign_to_user),
            action("reprocessLicenseAssignment", licences::reprocess),
            action("revokeSignInSessions", users::revoke_sessions),
            Part {
                name: "photo",
                what: What::Special {
                    read: photo::read,
                    change: photo::change,
                },
            },
            Part {
                name: "mailboxSettings",
                what: What::Special {
                    read: mailbox::read,
                    change: mailbox::change,
                },
            },
            APP_ROLES,
            CHECK_GROUPS,
            CHECK_OBJECTS,
            GET_GROUPS,
            GET_OBJECTS,
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["groups"],
        holds: Holds::One(Kind::Group),
        context: "groups",
        keys: &["uniqueName"],
        create: Some(groups::create),
        update: Some(groups::update),
        delete: Some(deleted::delete_group),
        parts: &[
            members_by(Paging::Pages, refs::add_member, refs::remove_member),
            OWNERS,
            parts::TRANSITIVE_MEMBERS,
            parts::LICENCE_ERRORS,
            Part {
                name: "settings",
                what: What::Documents(settings::of_group),
            },
            MEMBER_OF,
            TRANSITIVE_MEMBER_OF,
            action("assignLicense", licences::assign_to_group),
            APP_ROLES,
            CHECK_GROUPS,
            CHECK_OBJECTS,
            GET_GROUPS,
            GET_OBJECTS,
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["applications"],
        holds: Holds::One(Kind::Application),
        context: "applications",
        keys: &["appId", "uniqueName"],
        create: Some(applications::create_application),
        update: Some(applications::update_application),
        delete: Some(deleted::delete_application),
        parts: &[
            OWNERS,
            Part {
                name: "federatedIdentityCredentials",
                what: What::Special {
                    read: federated::read,
                    change: federated::change,
                },
            },
            Part {
                name: "extensionProperties",
                what: What::Special {
                    read: extensions::read,
                    change: extensions::change,
                },
            },
            action("addPassword", applications::add_password),
            action("removePassword", applications::remove_password),
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["servicePrincipals"],
        holds: Holds::One(Kind::ServicePrincipal),
        context: "servicePrincipals",
        keys: &["appId"],
        create: Some(applications::create_service_principal),
        update: Some(applications::update_service_principal),
        delete: Some(deleted::delete_service_principal),
        parts: &[
            OWNERS,
            OWNED,
            parts::CREATED,
            parts::GRANTS_OF_CLIENT,
            Part {
                name: "appRoleAssignedTo",
                what: What::Special {
                    read: grants::read_assigned_to,
                    change: grants::change_assigned_to,
                },
            },
            MEMBER_OF,
            TRANSITIVE_MEMBER_OF,
            action("addPassword", applications::add_password),
            action("removePassword", applications::remove_password),
            APP_ROLES,
            CHECK_GROUPS,
            CHECK_OBJECTS,
            GET_GROUPS,
            GET_OBJECTS,
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["directoryObjects"],
        holds: Holds::Any,
        context: "directoryObjects",
        paging: Paging::Never,
        delete: Some(deleted::delete_any),
        actions: &[
            ("getByIds", objects::get_by_ids),
            ("getAvailableExtensionProperties", extensions::get_available),
        ],
        parts: &[CHECK_GROUPS, CHECK_OBJECTS, GET_GROUPS, GET_OBJECTS],
        ..EMPTY
    },
    EntitySet {
        path: &["devices"],
        holds: Holds::One(Kind::Device),
        context: "devices",
        keys: &["deviceId"],
        update: Some(devices::update),
        delete: Some(devices::delete),
        parts: &[
            parts::REGISTERED_OWNERS,
            parts::REGISTERED_USERS,
            MEMBER_OF,
            TRANSITIVE_MEMBER_OF,
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["contacts"],
        holds: Holds::One(Kind::OrgContact),
        context: "contacts",
        parts: &[
            parts::CONTACT_MANAGER,
            parts::DIRECT_REPORTS,
            MEMBER_OF,
            TRANSITIVE_MEMBER_OF,
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["groupSettings"],
        holds: Holds::Documents(settings::all),
        context: "groupSettings",
        paging: Paging::Whole,
        ..EMPTY
    },
    EntitySet {
        path: &["groupSettingTemplates"],
        holds: Holds::Documents(settings::templates),
        context: "groupSettingTemplates",
        paging: Paging::Whole,
        ..EMPTY
    },
    EntitySet {
        path: &["directoryRoles"],
        holds: Holds::One(Kind::DirectoryRole),
        context: "directoryRoles",
        paging: Paging::Whole,
        keys: &["roleTemplateId"],
        create: Some(roles::activate),
        parts: &[
            members_by(Paging::Whole, roles::add_member, roles::remove_member),
            Part {
                name: "scopedMembers",
                what: What::Documents(scoped::of_role),
            },
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["directory", "administrativeUnits"],
        holds: Holds::One(Kind::AdministrativeUnit),
        context: "directory/administrativeUnits",
        create: Some(units::create),
        update: Some(units::update),
        delete: Some(deleted::delete_unit),
        parts: &[
            members_by(Paging::Pages, units::add_member, units::remove_member),
            Part {
                name: "scopedRoleMembers",
                what: What::Special {
                    read: scoped::read,
                    change: scoped::change,
                },
            },
        ],
        ..EMPTY
    },
    EntitySet {
        path: &["roleManagement", "directory", "roleDefinitions"],
        holds: Holds::One(Kind::RoleDefinition),
        context: "roleManagement/directory/roleDefinitions",
        filter: Filtering::Only(&["id", "displayName", "isBuiltIn", "isEnabled", "templateId"]),
        create: Some(roles::create_definition),
        update: Some(roles::update_definition),
        delete: Some(roles::delete_definition),
        ..EMPTY
    },
    EntitySet {
        path: &["roleManagement", "directory", "roleAssignments"],
        holds: Holds::One(Kind::RoleAssignment),
        context: "roleManagement/directory/roleAssignments",
        filter: Filtering::Only(&[
            "principalId",
            "roleDefinitionId",
            "appScopeId",
            "directoryScopeId",
        ]),
        create: Some(roles::assign),
        delete: Some(roles::unassign),
        parts: &[PRINCIPAL, ROLE_DEFINITION],
        ..EMPTY
    },
    EntitySet {
        path: &["roleManagement", "directory", "roleAssignmentSchedules"],
        holds: Holds::One(Kind::AssignmentSchedule),
        context: "roleManagement/directory/roleAssignmentSchedules",
        parts: &[PRINCIPAL, ROLE_DEFINITION, ACTIVATED_USING],
        ..SCHEDULED
    },
    EntitySet {
        path: &[
            "roleManagement",
            "directory",
            "roleAssignmentScheduleInstances",
        ],
        holds: Holds::One(Kind::AssignmentInstance),
        context: "roleManagement/directory/roleAssignmentScheduleInstances",
        ..SCHEDULED
    },
    EntitySet {
        path: &[
            "roleManagement",
            "directory",
            "roleAssignmentScheduleRequests",
        ],
        holds: Holds::One(Kind::AssignmentRequest),
        context: "roleManagement/directory/roleAssignmentScheduleRequests",
        create: Some(pim::request_assignment),
        parts: &[PRINCIPAL, ROLE_DEFINITION, CANCEL],
        ..SCHEDULED
    },
    EntitySet {
        path: &["roleManagement", "directory", "roleEligibilitySchedules"],
        holds: Holds::One(Kind::EligibilitySchedule),
        context: "roleManagement/directory/roleEligibilitySchedules",
        ..SCHEDULED
    },
    EntitySet {
        path: &[
            "roleManagement",
            "directory",
            "roleEligibilityScheduleInstances",
        ],
        holds: Holds::One(Kind::EligibilityInstance),
        context: "roleManagement/directory/roleEligibilityScheduleInstances",
        ..SCHEDULED
    },
    EntitySet {
        path: &[
            "roleManagement",
            "directory",
            "roleEligibilityScheduleRequests",
        ],
        holds: Holds::One(Kind::EligibilityRequest),
        context: "roleManagement/directory/roleEligibilityScheduleRequests",
        create: Some(pim::request_eligibility),
        parts: &[PRINCIPAL, ROLE_DEFINITION, CANCEL],
        ..SCHEDULED
    },
    EntitySet {
        path: &["directory", "deletedItems"],
        holds: Holds::Any,
        context: "directoryObjects",
        paging: Paging::Never,
        delete: Some(deleted::purge),
        parts: &[action("restore", deleted::restore)],
        ..EMPTY
    },
    EntitySet {
        path: &["subscriptions"],
        holds: Holds::One(Kind::Subscription),
        context: "subscriptions",
        filter: Filtering::Only(&[]),
        create: Some(subscriptions::create),
        update: Some(subscriptions::update),
        delete: Some(subscriptions::delete),
        parts: &[action("reauthorize", subscriptions::reauthorize)],
        ..EMPTY
    },
    EntitySet {
        path: &["subscribedSkus"],
        holds: Holds::Documents(documents::subscribed_skus),
        context: "subscribedSkus",
        paging: Paging::Whole,
        filter: Filtering::None,
        ..EMPTY
    },
    EntitySet {
        path: &["organization"],
        holds: Holds::Documents(documents::organization),
        context: "organization",
        paging: Paging::Whole,
        ..EMPTY
    },
    EntitySet {
        path: &["domains"],
        holds: Holds::Documents(documents::domains),
        context: "domains",
        paging: Paging::Whole,
        ..EMPTY
    },
    EntitySet {
        path: &["directoryRoleTemplates"],
        holds: Holds::Documents(documents::role_templates),
        context: "directoryRoleTemplates",
        paging: Paging::Whole,
        ..EMPTY
    },
    EntitySet {
        path: &["oauth2PermissionGrants"],
        holds: Holds::One(Kind::OAuth2PermissionGrant),
        context: "oauth2PermissionGrants",
        filter: Filtering::Only(&["clientId", "consentType", "principalId", "resourceId"]),
        create: Some(grants::create_grant),
        update: Some(grants::update_grant),
        delete: Some(grants::delete_grant),
        ..EMPTY
    },
    EntitySet {
        path: &["applicationTemplates"],
        holds: Holds::Documents(templates::all),
        context: "applicationTemplates",
        paging: Paging::Whole,
        actions: &[("instantiate", templates::instantiate)],
        ..EMPTY
    },
    EntitySet {
        path: &["invitations"],
        context: "invitations",
        paging: Paging::Never,
        create: Some(invitations::create),
        ..EMPTY
    },
]);
