//! What a request costs of the identity quotas (throttling page, "Identity and access").

use super::super::request::Method;

/// What one request takes from the two quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Resource units.
    pub resource_units: u32,
    /// Write requests.
    pub writes: u32,
}

/// The cost of a request; `path` is below `/v1.0`, `query` decoded.
///
/// `getByIds` is 5 by the page of 2026; recordings up to 2024 show 3.
pub fn cost(method: Method, path: &str, query: &[(String, String)]) -> Cost {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
    let last = lower.last().map_or("", String::as_str);
    let option = |name: &str| {
        query
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    let select = option("$select").is_some();
    let (mut units, writes) = match method {
        Method::Get => (get(&lower), 0),
        Method::Post => match last {
            "getbyids" | "getobjectsbyid" => {
                let units = if select { 2 } else { 5 };
                return Cost {
                    resource_units: units,
                    writes: 0,
                };
            }
            "checkmembergroups" | "checkmemberobjects" | "ismemberof" => (4, 0),
            "getmembergroups" | "getmemberobjects" => (2, 0),
            _ => (1, 1),
        },
        Method::Patch | Method::Put | Method::Delete => (1, 1),
    };
    if select {
        units -= 1;
    }
    if option("$expand").is_some() {
        units += 1;
    }
    if option("$top").is_some_and(|top| top.parse::<u32>().is_ok_and(|top| top < 20)) {
        units -= 1;
    }
    Cost {
        resource_units: u32::try_from(units.max(1)).unwrap_or(1),
        writes,
    }
}

/// The base cost of a GET: the row of the collection, whatever follows it (`/$count`, a cast).
fn get(segments: &[String]) -> i32 {
    let mut path: Vec<&str> = segments
        .iter()
        .map(String::as_str)
        .filter(|s| *s != "$count" && *s != "$ref" && !s.starts_with("microsoft.graph."))
        .collect();
    if path.first() == Some(&"me") {
        path.splice(0..1, ["users", "me"]);
    }
    match path.as_slice() {
        ["subscribedskus" | "contracts"] | ["groups", _, "members"] => 3,
        ["groups", _, "transitivemembers"] => 5,
        ["domains", _, "domainnamereferences"] => 4,
        ["users" | "applications" | "oauth2permissiongrants"]
        | ["oauth2permissiongrants", _]
        | ["serviceprincipals", _, "approleassignments"]
        | ["applications", _, "extensionproperties"]
        | [
            _,
            _,
            "memberof" | "transitivememberof" | "ownedobjects" | "licensedetails",
        ] => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_of_the_page() {
        for (method, url, units, writes) in [
            (Method::Get, "/users", 2, 0),
            (Method::Get, "/users?$filter=x", 2, 0),
            (Method::Get, "/users?$select=id", 1, 0),
            (Method::Get, "/users?$top=999", 2, 0),
            (Method::Get, "/users?$top=5", 1, 0),
            (Method::Get, "/users?$select=id&$top=5", 1, 0),
            (Method::Get, "/users?$expand=manager", 3, 0),
            (Method::Get, "/users/x", 1, 0),
            (Method::Get, "/users/$count", 2, 0),
            (Method::Get, "/groups", 1, 0),
            (Method::Get, "/groups/x/members", 3, 0),
            (Method::Get, "/groups/x/members/microsoft.graph.user", 3, 0),
            (Method::Get, "/groups/x/members?$select=id", 2, 0),
            (Method::Get, "/groups/x/transitiveMembers", 5, 0),
            (Method::Get, "/groups/x/owners", 1, 0),
            (Method::Get, "/users/x/memberOf", 2, 0),
            (Method::Get, "/me/memberOf", 2, 0),
            (
                Method::Get,
                "/servicePrincipals/x/transitiveMemberOf/microsoft.graph.directoryRole",
                2,
                0,
            ),
            (Method::Get, "/servicePrincipals/x/appRoleAssignments", 2, 0),
            (Method::Get, "/subscribedSkus", 3, 0),
            (Method::Get, "/applications", 2, 0),
            (Method::Get, "/servicePrincipals", 1, 0),
            (Method::Post, "/directoryObjects/getByIds", 5, 0),
            (Method::Post, "/directoryObjects/getByIds?$select=id", 2, 0),
            (Method::Post, "/directoryObjects/x/checkMemberGroups", 4, 0),
            (Method::Post, "/users/x/getMemberGroups", 2, 0),
            (Method::Post, "/users", 1, 1),
            (Method::Patch, "/users/x", 1, 1),
            (Method::Post, "/groups/x/members/$ref", 1, 1),
            (Method::Delete, "/groups/x/members/y/$ref", 1, 1),
        ] {
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let query: Vec<(String, String)> = query
                .split('&')
                .filter_map(|p| p.split_once('='))
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect();
            let expected = Cost {
                resource_units: units,
                writes,
            };
            assert_eq!(cost(method, path, &query), expected, "{method:?} {url}");
        }
    }
}
