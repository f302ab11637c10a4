//! From a URL path to what is meant. Segments match without case, because clients spell them
//! every way.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a path below the SCIM base names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/Schemas`, `/Schemas/{urn}`
    Schemas(Option<String>),
    /// `/ResourceTypes`, `/ResourceTypes/{name}`
    ResourceTypes(Option<String>),
    /// The base itself.
    Root,
    /// `/.search`
    RootSearch,
    /// `/Bulk`
    Bulk,
    /// `/Events`: polled, RFC 8936.
    Events,
    /// `/.well-known/jwks.json`
    Keys,
    /// `/Me`: known to the RFC, not offered.
    NotOffered(&'static str),
    /// `/Changes`
    Changes,
    /// `/Users`
    Collection(String),
    /// `/Users/.search`
    Search(String),
    /// `/Users/{id}`
    Resource(String, String),
    /// `/Users/{id}/photo`
    Photo(String, String),
}

/// A path taken apart: which tenant, its base as the client wrote it, and the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The tenant's name.
    pub tenant: String,
    /// Base path, no slash at the end: `/scim/v2`.
    pub base: String,
    /// What is asked for.
    pub endpoint: Endpoint,
}

/// Takes a path apart; `None` when it is nothing that is served here.
pub fn parse(path: &str) -> Option<Route> {
    let decoded: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|s| {
            percent_decode_str(s)
                .decode_utf8()
                .ok()
                .map(Cow::into_owned)
        })
        .collect::<Option<_>>()?;
    let mut segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    // Slashes too many, at the end or in the middle (a base URL that ends in one), make no
    // different path.
    segments.retain(|segment| !segment.is_empty());
    let is = |segment: &str, name: &str| segment.eq_ignore_ascii_case(name);
    let (tenant, base, rest) = match segments.as_slice() {
        [a, b, rest @ ..] if is(a, "scim") && is(b, "v2") => {
            ("default", "/scim/v2".to_owned(), rest)
        }
        [a, tenant, b, c, rest @ ..] if is(a, "tenants") && is(b, "scim") && is(c, "v2") => {
            let segment = crate::odata::request::segment(tenant);
            (*tenant, format!("/tenants/{segment}/scim/v2"), rest)
        }
        _ => return None,
    };
    let endpoint = match rest {
        [] => Endpoint::Root,
        [one] if is(one, "ServiceProviderConfig") => Endpoint::ServiceProviderConfig,
        [one] if is(one, "Schemas") => Endpoint::Schemas(None),
        [one, id] if is(one, "Schemas") => Endpoint::Schemas(Some((*id).to_owned())),
        [one] if is(one, "ResourceTypes") => Endpoint::ResourceTypes(None),
        [one, id] if is(one, "ResourceTypes") => Endpoint::ResourceTypes(Some((*id).to_owned())),
        [one] if is(one, ".search") => Endpoint::RootSearch,
        [one] if is(one, "Bulk") => Endpoint::Bulk,
        [one, ..] if is(one, "Me") => Endpoint::NotOffered("Me"),
        [one] if is(one, "Changes") => Endpoint::Changes,
        [one] if is(one, "Events") => Endpoint::Events,
        [one, two] if is(one, ".well-known") && is(two, "jwks.json") => Endpoint::Keys,
        [kind] => Endpoint::Collection((*kind).to_owned()),
        [kind, one] if is(one, ".search") => Endpoint::Search((*kind).to_owned()),
        [kind, id] => Endpoint::Resource((*kind).to_owned(), (*id).to_owned()),
        [kind, id, one] if is(one, "photo") => {
            Endpoint::Photo((*kind).to_owned(), (*id).to_owned())
        }
        _ => return None,
    };
    Some(Route {
        tenant: tenant.to_owned(),
        base,
        endpoint,
    })
}

/// The path for the log: bounded.
pub fn shown(path: &str) -> String {
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let of = |path: &str| parse(path).map(|r| (r.tenant, r.base, r.endpoint));
        let default = |target| Some(("default".to_owned(), "/scim/v2".to_owned(), target));
        for (path, expected) in [
            (
                "/scim/v2/Users",
                default(Endpoint::Collection("Users".into())),
            ),
            (
                "/SCIM/V2/users/",
                default(Endpoint::Collection("users".into())),
            ),
            (
                "/scim/v2/Users/a%2Fb",
                default(Endpoint::Resource("Users".into(), "a/b".into())),
            ),
            (
                "/scim/v2/Users/x/photo",
                default(Endpoint::Photo("Users".into(), "x".into())),
            ),
            (
                "/scim/v2/Groups/.search",
                default(Endpoint::Search("Groups".into())),
            ),
            ("/scim/v2/.search", default(Endpoint::RootSearch)),
            (
                "/scim/v2/schemas/urn:x",
                default(Endpoint::Schemas(Some("urn:x".into()))),
            ),
            ("/scim/v2/Me", default(Endpoint::NotOffered("Me"))),
            (
                "/tenants/acme/scim/v2/ResourceTypes",
                Some((
                    "acme".into(),
                    "/tenants/acme/scim/v2".into(),
                    Endpoint::ResourceTypes(None),
                )),
            ),
            ("/scim/v2", default(Endpoint::Root)),
            ("/scim/v2/", default(Endpoint::Root)),
            (
                "/scim/v2//Users",
                default(Endpoint::Collection("Users".into())),
            ),
            ("/", None),
            ("/scim/v2/Users/x/y/z", None),
            ("/scim/v2/Users/%ff", None),
            ("/elsewhere", None),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
