//! The table of entity sets. A new collection is a row here.

use std::collections::BTreeSet;

use super::directory::{Items, Kind, Reader, Relation, Slot};
use super::model::{
    EntitySet, Filtering, Follow, Holds, Links, OnObject, Paging, Part, Sets, What,
};
use super::operations::{
    applications, deleted, documents, federated, grants, groups, invitations, licences, mailbox,
    membership, objects, photo, pim, refs, roles, subscriptions, templates, units, users,
};

macro_rules! items {
    ($name:ident, $direction:ident, $relation:ident) => {
        fn $name(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
            dir.$direction(Relation::$relation, slot, after)
        }
    };
}

items!(members, targets, Member);
items!(member_of, sources, Member);
items!(owners, targets, Owner);
items!(owned, sources, Owner);
items!(manager, targets, Manager);
items!(reports, sources, Manager);
items!(sponsors, targets, Sponsor);

fn nothing(_: Reader<'_>, _: Slot, _: Option<Slot>) -> Items<'_> {
    Box::new(std::iter::empty())
}

fn transitive_members(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    beyond(dir.closure(slot, true), after)
}

fn transitive_member_of(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    beyond(dir.closure(slot, false), after)
}

fn beyond<'a>(set: BTreeSet<Slot>, after: Option<Slot>) -> Items<'a> {
    let items = set.into_iter();
    Box::new(items.filter(move |slot| after.is_none_or(|after| *slot > after)))
}

const fn list(name: &'static str, items: Follow) -> Part {
    Part {
        name,
        what: What::Links(links(items)),
    }
}

const fn links(items: Follow) -> Links {
    Links {
        items,
        single: false,
        transitive: false,
        paging: Paging::Pages,
        add: None,
        remove: None,
    }
}

const fn transitive(name: &'static str, items: Follow) -> Part {
    Part {
        name,
        what: What::Links(Links {
            transitive: true,
            ..links(items)
        }),
    }
}

const fn action(name: &'static str, run: OnObject) -> Part {
    Part {
        name,
        what: What::Action(run),
    }
}

const MEMBER_OF: Part = list("memberOf", member_of);
const TRANSITIVE_MEMBER_OF: Part = transitive("transitiveMemberOf", transitive_member_of);
const OWNED: Part = list("ownedObjects", owned);
const CHECK_GROUPS: Part = action("checkMemberGroups", membership::check_groups);
const CHECK_OBJECTS: Part = action("checkMemberObjects", membership::check_objects);
const GET_GROUPS: Part = action("getMemberGroups", membership::get_groups);
const GET_OBJECTS: Part = action("getMemberObjects", membership::get_objects);
const CANCEL: Part = action("cancel", pim::cancel);
const OWNERS: Part = Part {
    name: "owners",
    what: What::Links(Links {
        add: Some(refs::add_owner),
        remove: Some(refs::remove_owner),
        ..links(owners)
    }),
};

const APP_ROLES: Part = Part {
    name: "appRoleAssignments",
    what: What::Special {
        read: grants::read_assignments,
        change: grants::change_assignments,
    },
};

const EMPTY: EntitySet = EntitySet {
    path: &[],
    holds: Holds::Nothing,
    context: "",
    paging: Paging::Pages,
    filter: Filtering::Facts,
    keys: &[],
    create: None,
    update: None,
    delete: None,
    actions: &[],
    parts: &[],
};

const PRINCIPAL: Part = Part {
    name: "principal",
    what: What::Links(Links {
        single: true,
        ..links(roles::principal)
    }),
};
const ROLE_DEFINITION: Part = Part {
    name: "roleDefinition",
    what: What::Links(Links {
        single: true,
        ..links(roles::definition)
    }),
};

/// A collection of scheduled roles.
const SCHEDULED: EntitySet = EntitySet {
    filter: Filtering::Only(&[
        "id",
        "principalId",
        "roleDefinitionId",
        "directoryScopeId",
        "status",
        "action",
        "assignmentType",
        "memberType",
        "targetScheduleId",
        "roleAssignmentScheduleId",
        "roleEligibilityScheduleId",
    ]),
    parts: &[PRINCIPAL, ROLE_DEFINITION],
    ..EMPTY
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
            Part {
                name: "manager",
                what: What::Links(Links {
                    single: true,
                    add: Some(refs::set_manager),
                    remove: Some(refs::remove_manager),
                    ..links(manager)
                }),
            },
            list("directReports", reports),
            MEMBER_OF,
            TRANSITIVE_MEMBER_OF,
            OWNED,
            list("ownedDevices", nothing),
            list("registeredDevices", nothing),
            Part {
                name: "sponsors",
                what: What::Links(Links {
                    add: Some(refs::add_sponsor),
                    remove: Some(refs::remove_sponsor),
                    ..links(sponsors)
                }),
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
            Part {
                name: "members",
                what: What::Links(Links {
                    add: Some(refs::add_member),
                    remove: Some(refs::remove_member),
                    ..links(members)
                }),
            },
            OWNERS,
            transitive("transitiveMembers", transitive_members),
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
        actions: &[("getByIds", objects::get_by_ids)],
        parts: &[CHECK_GROUPS, CHECK_OBJECTS, GET_GROUPS, GET_OBJECTS],
        ..EMPTY
    },
    EntitySet {
        path: &["directoryRoles"],
        holds: Holds::One(Kind::DirectoryRole),
        context: "directoryRoles",
        paging: Paging::Whole,
        keys: &["roleTemplateId"],
        create: Some(roles::activate),
        parts: &[Part {
            name: "members",
            what: What::Links(Links {
                paging: Paging::Whole,
                add: Some(roles::add_member),
                remove: Some(roles::remove_member),
                ..links(members)
            }),
        }],
        ..EMPTY
    },
    EntitySet {
        path: &["directory", "administrativeUnits"],
        holds: Holds::One(Kind::AdministrativeUnit),
        context: "directory/administrativeUnits",
        create: Some(units::create),
        update: Some(units::update),
        delete: Some(deleted::delete_unit),
        parts: &[Part {
            name: "members",
            what: What::Links(Links {
                add: Some(units::add_member),
                remove: Some(units::remove_member),
                ..links(members)
            }),
        }],
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
