//! What leads on from an object, for the table of entity sets: relations, actions, and resources with
//! ways of their own.

use super::directory::{Items, Kind, Reader, Relation, Slot};
use super::model::{
    EntitySet, Filtering, Follow, Holds, Links, OnObject, OnPair, Paging, Part, What,
};
use super::operations::{grants, licences, membership, pim, refs, roles};

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

items!(registered_users, targets, RegisteredUser);
items!(registered_devices, sources, RegisteredUser);

/// Devices are owned too, but listed apart.
fn owned_objects(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    Box::new(owned(dir, slot, after).filter(move |s| dir.object(*s).kind != Kind::Device))
}

fn owned_devices(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    Box::new(owned(dir, slot, after).filter(move |s| dir.object(*s).kind == Kind::Device))
}

/// Who made an object is not kept; whoever owns an application is taken for its maker.
fn created_objects(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    let made = |kind| matches!(kind, Kind::Application | Kind::ServicePrincipal);
    Box::new(owned(dir, slot, after).filter(move |s| made(dir.object(*s).kind)))
}

fn transitive_members(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    dir.closure_after(slot, true, after)
}

fn transitive_member_of(dir: Reader<'_>, slot: Slot, after: Option<Slot>) -> Items<'_> {
    dir.closure_after(slot, false, after)
}

pub const fn list(name: &'static str, items: Follow) -> Part {
    Part {
        name,
        what: What::Links(links(items)),
    }
}

pub const fn links(items: Follow) -> Links {
    Links {
        items,
        holds: None,
        single: false,
        transitive: false,
        paging: Paging::Pages,
        add: None,
        remove: None,
    }
}

const fn grants_of(items: Follow) -> Part {
    Part {
        name: "oauth2PermissionGrants",
        what: What::Links(Links {
            holds: Some(Kind::OAuth2PermissionGrant),
            ..links(items)
        }),
    }
}

/// Members that are added and removed in a way of their own.
pub const fn members_by(paging: Paging, add: OnPair, remove: OnPair) -> Part {
    Part {
        name: "members",
        what: What::Links(Links {
            paging,
            add: Some(add),
            remove: Some(remove),
            ..links(members)
        }),
    }
}

pub const fn transitive(name: &'static str, items: Follow) -> Part {
    Part {
        name,
        what: What::Links(Links {
            transitive: true,
            ..links(items)
        }),
    }
}

pub const fn action(name: &'static str, run: OnObject) -> Part {
    Part {
        name,
        what: What::Action(run),
    }
}

pub const MEMBER_OF: Part = list("memberOf", member_of);
pub const TRANSITIVE_MEMBER_OF: Part = transitive("transitiveMemberOf", transitive_member_of);
pub const OWNED: Part = list("ownedObjects", owned_objects);
pub const CREATED: Part = list("createdObjects", created_objects);
pub const OWNED_DEVICES: Part = list("ownedDevices", owned_devices);
pub const REGISTERED_DEVICES: Part = list("registeredDevices", registered_devices);
pub const REGISTERED_OWNERS: Part = list("registeredOwners", owners);
pub const REGISTERED_USERS: Part = list("registeredUsers", registered_users);
pub const DIRECT_REPORTS: Part = list("directReports", reports);
pub const TRANSITIVE_MEMBERS: Part = transitive("transitiveMembers", transitive_members);
pub const LICENCE_ERRORS: Part = list("membersWithLicenseErrors", licences::failing_members);
pub const GRANTS_OF_USER: Part = grants_of(grants::of_person);
pub const GRANTS_OF_CLIENT: Part = grants_of(grants::of_client);
pub const CHECK_GROUPS: Part = action("checkMemberGroups", membership::check_groups);
pub const CHECK_OBJECTS: Part = action("checkMemberObjects", membership::check_objects);
pub const GET_GROUPS: Part = action("getMemberGroups", membership::get_groups);
pub const GET_OBJECTS: Part = action("getMemberObjects", membership::get_objects);
pub const CANCEL: Part = action("cancel", pim::cancel);
pub const OWNERS: Part = Part {
    name: "owners",
    what: What::Links(Links {
        add: Some(refs::add_owner),
        remove: Some(refs::remove_owner),
        ..links(owners)
    }),
};

pub const MANAGER: Part = Part {
    name: "manager",
    what: What::Links(Links {
        single: true,
        add: Some(refs::set_manager),
        remove: Some(refs::remove_manager),
        ..links(manager)
    }),
};
pub const CONTACT_MANAGER: Part = Part {
    name: "manager",
    what: What::Links(Links {
        single: true,
        ..links(manager)
    }),
};
pub const SPONSORS: Part = Part {
    name: "sponsors",
    what: What::Links(Links {
        add: Some(refs::add_sponsor),
        remove: Some(refs::remove_sponsor),
        ..links(sponsors)
    }),
};

pub const APP_ROLES: Part = Part {
    name: "appRoleAssignments",
    what: What::Special {
        read: grants::read_assignments,
        change: grants::change_assignments,
    },
};

pub const EMPTY: EntitySet = EntitySet {
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

pub const PRINCIPAL: Part = Part {
    name: "principal",
    what: What::Links(Links {
        single: true,
        ..links(roles::principal)
    }),
};
pub const ROLE_DEFINITION: Part = Part {
    name: "roleDefinition",
    what: What::Links(Links {
        single: true,
        ..links(roles::definition)
    }),
};

/// Of a schedule that is an activation.
pub const ACTIVATED_USING: Part = Part {
    name: "activatedUsing",
    what: What::Links(Links {
        single: true,
        ..links(roles::activated_using)
    }),
};

/// A collection of scheduled roles.
pub const SCHEDULED: EntitySet = EntitySet {
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
