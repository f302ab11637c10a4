//! What a request is, before it is sent: its name without ids, its price, whether it may be
//! repeated.

use crate::odata::{
    facts,
    request::{Method, Request},
};

/// Collections whose members are named by the next segment.
const COLLECTIONS: [&str; 27] = [
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "directoryObjects",
    "directoryRoles",
    "directoryRoleTemplates",
    "deletedItems",
    "devices",
    "domains",
    "administrativeUnits",
    "members",
    "owners",
    "transitiveMembers",
    "memberOf",
    "transitiveMemberOf",
    "registeredOwners",
    "subscribedSkus",
    "subscriptions",
    "roleDefinitions",
    "roleAssignments",
    "appRoleAssignments",
    "appRoleAssignedTo",
    "oauth2PermissionGrants",
    "organization",
    "methods",
    "teams",
];

/// Segments below a collection that are no ids.
const STATIC: [&str; 12] = [
    "delta",
    "getByIds",
    "validateProperties",
    "getAvailableExtensionProperties",
    "getUserOwnedObjects",
    "add",
    "remove",
    "microsoft.graph.user",
    "microsoft.graph.group",
    "microsoft.graph.device",
    "microsoft.graph.servicePrincipal",
    "microsoft.graph.directoryRole",
];

/// Method and path without ids: `GET /users/{id}/manager`. For logs and errors, which must not
/// name people.
pub(super) fn name(method: &str, path: &str) -> String {
    let mut out = format!("{method} ");
    let mut below_collection = false;
    let path = path.split('?').next().unwrap_or_default();
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        out.push('/');
        let (head, key) = match segment.split_once('(') {
            Some((head, key)) => (head, Some(key)),
            None => (segment, None),
        };
        let plain = !head.is_empty()
            && head
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || matches!(b, b'$' | b'.'))
            || head.eq_ignore_ascii_case("oauth2PermissionGrants");
        let is_static = STATIC.contains(&head) || head.starts_with('$');
        if plain && (is_static || !below_collection) {
            out.push_str(head);
            if key.is_some() {
                out.push_str("({key})");
            }
            below_collection = COLLECTIONS.contains(&head) && key.is_none();
        } else {
            out.push_str("{id}");
            below_collection = false;
        }
    }
    if out.ends_with(' ') {
        out.push('/');
    }
    out
}

/// The name of `request`.
pub(super) fn of(request: &Request) -> String {
    name(request.method.as_str(), &request.path)
}

/// Whether the request may be sent again when it is not known what became of it.
///
/// GET, PUT, PATCH and DELETE name the state that they want. Of the POSTs these do too: adding a
/// reference that is there is refused without harm, and the reading actions change nothing.
pub(super) fn is_repeatable(request: &Request) -> bool {
    const SAFE_POSTS: [&str; 9] = [
        "/$ref",
        // a second one is refused as a conflict
        "/roleAssignments",
        "/assignLicense",
        "/isMemberOf",
        "/validateProperties",
        "/getObjectsById",
        "/revokeSignInSessions",
        "/reprocessLicenseAssignment",
        "/reauthorize",
    ];
    request.method != Method::Post
        || !request.is_write()
        || SAFE_POSTS.iter().any(|end| request.path.ends_with(end))
}

/// What a request takes out of the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) units: u32,
    pub(super) writes: u32,
}

impl Cost {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_add(other.units),
            writes: self.writes.saturating_add(other.writes),
        }
    }
}

/// The published price of `request`; an estimate that `x-ms-resource-unit` corrects afterwards.
///
/// Source: <https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>
pub(super) fn cost(request: &Request) -> Cost {
    let published = facts::cost(request.method, &request.path, &request.query);
    Cost {
        units: published.resource_units,
        writes: published.writes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_hold_no_ids() {
        let id = "a3f6c606-38ec-42d7-8c0e-d4ecaf0d9d61";
        for (path, expected) in [
            ("/users".to_owned(), "GET /users"),
            (format!("/users/{id}"), "GET /users/{id}"),
            (
                "/users/anna%40contoso.com/manager/$ref".into(),
                "GET /users/{id}/manager/$ref",
            ),
            ("/users/anna".into(), "GET /users/{id}"),
            (
                "/users('$x@y.com')/photo/$value".into(),
                "GET /users({key})/photo/$value",
            ),
            ("/users/delta?$deltatoken=secret".into(), "GET /users/delta"),
            (
                format!("/groups/{id}/members/{id}/$ref"),
                "GET /groups/{id}/members/{id}/$ref",
            ),
            (
                format!("/groups/{id}/members/microsoft.graph.user"),
                "GET /groups/{id}/members/microsoft.graph.user",
            ),
            ("/users/$count".into(), "GET /users/$count"),
            (
                format!("/roleManagement/directory/roleAssignments/{id}"),
                "GET /roleManagement/directory/roleAssignments/{id}",
            ),
            (
                format!("/directory/deletedItems/{id}/restore"),
                "GET /directory/deletedItems/{id}/restore",
            ),
            ("/".into(), "GET /"),
        ] {
            assert_eq!(name("GET", &path), expected);
        }
    }

    #[test]
    fn only_naming_requests_are_repeatable() {
        let post = |path: &str| Request::post(path, json!({}));
        for (request, expected) in [
            (Request::get("/users"), true),
            (Request::patch("/users/1", json!({})), true),
            (Request::put("/users/1/manager/$ref", json!({})), true),
            (Request::delete("/users/1"), true),
            (post("/users"), false),
            (post("/groups"), false),
            (post("/groups/1/members/$ref"), true),
            (post("/users/1/assignLicense"), true),
            (post("/directoryObjects/getByIds"), true),
            (post("/users/1/getMemberGroups"), true),
            (post("/servicePrincipals/1/appRoleAssignedTo"), false),
            (post("/invitations"), false),
            (post("/applications/1/addPassword"), false),
        ] {
            assert_eq!(is_repeatable(&request), expected, "{request:?}");
        }
    }

    #[test]
    fn prices_follow_the_published_table() {
        for (request, units, writes) in [
            (Request::get("/users"), 2, 0),
            (Request::get("/users").select(["id"]), 1, 0),
            (Request::get("/users").top(10), 1, 0),
            (Request::get("/users").top(999), 2, 0),
            (Request::get("/users/1"), 1, 0),
            (Request::get("/groups"), 1, 0),
            (Request::get("/groups").option("$expand", "members"), 2, 0),
            (Request::get("/groups/1/members"), 3, 0),
            (Request::get("/groups/1/members").select(["id"]), 2, 0),
            (Request::get("/groups/1/transitiveMembers"), 5, 0),
            (Request::get("/users/1/memberOf"), 2, 0),
            (Request::get("/subscribedSkus"), 3, 0),
            (
                Request::post("/directoryObjects/getByIds", json!({"ids":[]})),
                5,
                0,
            ),
            (
                Request::post("/directoryObjects/getByIds", json!({})).select(["id"]),
                2,
                0,
            ),
            (Request::post("/users/1/checkMemberGroups", json!({})), 4, 0),
            (Request::post("/users/1/getMemberGroups", json!({})), 2, 0),
            (Request::post("/users", json!({})), 1, 1),
            (Request::delete("/users/1"), 1, 1),
        ] {
            assert_eq!(cost(&request), Cost { units, writes }, "{request:?}");
        }
    }
}
