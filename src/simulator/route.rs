//! A path to what it addresses: entity set, key, and the segments behind.

use percent_encoding::percent_decode_str;

use super::directory::{Kind, Tenant};
use super::errors::SimError;
use super::model::{EntitySet, Sets};
use crate::odata::facts;

/// What names of types and operations may be qualified by: the namespace, and its alias.
const NAMESPACES: [&str; 2] = ["microsoft.graph.", "graph."];

/// A path, resolved as far as the table of entity sets goes.
#[derive(Debug)]
pub struct Route {
    /// The entity set.
    pub set: &'static EntitySet,
    /// Everything behind it, decoded; `name('key')` is two segments.
    pub rest: Vec<String>,
}

/// A path below the version as everything behind reads it: without the tenant in front
/// (`/{tenant}/users`), operations under their plain names (`microsoft.graph.addPassword`), type
/// casts under their full ones (`graph.user`). `None`: it is written so already.
pub fn plain(path: &str, tenant: &Tenant) -> Option<String> {
    let mut segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let fronted = segments.len() > 1 && is_tenant(segments[0], tenant);
    if fronted {
        segments.remove(0);
    }
    let named: Vec<Option<String>> = segments.iter().map(|s| unqualified(s)).collect();
    if !fronted && named.iter().all(Option::is_none) {
        return None;
    }
    let plain = segments
        .iter()
        .zip(&named)
        .fold(String::new(), |path, (segment, named)| {
            path + "/" + named.as_deref().unwrap_or(segment)
        });
    (plain != path).then_some(plain)
}

fn is_tenant(segment: &str, tenant: &Tenant) -> bool {
    segment.eq_ignore_ascii_case("myorganization")
        || segment.eq_ignore_ascii_case(&tenant.id.to_string())
        || tenant
            .domains
            .iter()
            .any(|domain| segment.eq_ignore_ascii_case(&domain.name))
}

/// The plain name of a qualified operation, or the full name of a type; `None` for anything else.
fn unqualified(segment: &str) -> Option<String> {
    let name = without_namespace(segment)?;
    let (name, call) = match name.find('(') {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    if let Some(operation) = facts::operation(name) {
        return Some(format!("{operation}{call}"));
    }
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.entity().eq_ignore_ascii_case(name))?;
    Some(format!("{}{}{call}", NAMESPACES[0], kind.entity()))
}

fn without_namespace(segment: &str) -> Option<&str> {
    NAMESPACES.iter().find_map(|namespace| {
        let (head, tail) = segment.split_at_checked(namespace.len())?;
        head.eq_ignore_ascii_case(namespace).then_some(tail)
    })
}

/// The kind that a cast segment names: `microsoft.graph.user`, `graph.user`.
pub fn cast(segment: &str) -> Option<Kind> {
    let name = without_namespace(segment)?;
    Kind::ALL
        .into_iter()
        .find(|kind| kind.is_directory_object() && kind.entity().eq_ignore_ascii_case(name))
}

/// Resolves a path below the version. Segments are read without case.
pub fn parse(sets: Sets, path: &str) -> Result<Route, SimError> {
    let mut segments = split(path);
    if segments
        .first()
        .is_some_and(|s| s.eq_ignore_ascii_case("administrativeUnits"))
    {
        // The old spelling, which the permissions reference still has.
        segments.insert(0, "directory".to_owned());
    }
    let best = sets
        .0
        .iter()
        .filter(|set| {
            set.path.len() <= segments.len()
                && set
                    .path
                    .iter()
                    .zip(&segments)
                    .all(|(name, s)| s.eq_ignore_ascii_case(name))
        })
        .max_by_key(|set| set.path.len());
    match best {
        Some(set) => Ok(Route {
            set,
            rest: segments[set.path.len()..].to_vec(),
        }),
        None if segments
            .first()
            .is_some_and(|s| s.eq_ignore_ascii_case("me")) =>
        {
            Err(SimError::gateway(
                "/me request is only valid with delegated authentication flow.",
            ))
        }
        None => Err(SimError::segment(
            segments.first().map_or("", String::as_str),
        )),
    }
}

/// `/users('a%40b')/manager` is `users`, `a@b`, `manager`.
pub fn split(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    for raw in path.split('/').filter(|s| !s.is_empty()) {
        let text = percent_decode_str(raw).decode_utf8_lossy().into_owned();
        let call = text.strip_suffix(')').and_then(|t| t.split_once('('));
        match call {
            Some((name, key)) if !name.is_empty() => {
                segments.push(name.to_owned());
                if !key.is_empty() {
                    segments.push(key_text(key));
                }
            }
            _ => segments.push(text),
        }
    }
    segments
}

/// `'x''y'` is `x'y`; `appId='x'` is `appId=x`.
fn key_text(key: &str) -> String {
    let unquote = |text: &str| {
        text.strip_prefix('\'')
            .and_then(|t| t.strip_suffix('\''))
            .map_or_else(|| text.to_owned(), |t| t.replace("''", "'"))
    };
    match key.split_once('=') {
        Some((name, value)) if !name.starts_with('\'') => format!("{name}={}", unquote(value)),
        _ => unquote(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::sets::SETS;

    #[test]
    fn qualified_names_become_plain() {
        let tenant = Tenant {
            id: uuid::Uuid::from_u128(7),
            name: "T".to_owned(),
            created: time::OffsetDateTime::UNIX_EPOCH,
            domains: vec![crate::simulator::directory::Domain {
                name: "t.test".to_owned(),
                is_default: true,
                is_initial: true,
            }],
        };
        let id = tenant.id.to_string();
        for (path, expected) in [
            (
                "/applications/x/microsoft.graph.addPassword",
                Some("/applications/x/addPassword"),
            ),
            (
                "/applications/x/GRAPH.addpassword",
                Some("/applications/x/addPassword"),
            ),
            ("/users/microsoft.graph.delta()", Some("/users/delta()")),
            (
                "/groups/x/members/graph.USER/$count",
                Some("/groups/x/members/microsoft.graph.user/$count"),
            ),
            ("/groups/x/members/microsoft.graph.user", None),
            ("/users/x", None),
            ("/users/graph.user@t.test", None),
            (&format!("/{id}/users/x"), Some("/users/x")),
            ("/T.test/users", Some("/users")),
            ("/myorganization/users", Some("/users")),
            ("/t.test", None),
        ] {
            assert_eq!(plain(path, &tenant).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn paths_are_split() {
        for (path, segments) in [
            ("/users", vec!["users"]),
            ("/users/a%40b.com", vec!["users", "a@b.com"]),
            (
                "/users('$a%23b@c')/manager",
                vec!["users", "$a#b@c", "manager"],
            ),
            ("/users('O''Brien@c')", vec!["users", "O'Brien@c"]),
            ("/applications(appId='x')", vec!["applications", "appId=x"]),
            ("/users/delta()", vec!["users", "delta"]),
        ] {
            assert_eq!(split(path), segments, "{path}");
        }
        assert_eq!(parse(SETS, "/USERS/x").unwrap().set.context, "users");
        assert_eq!(
            parse(SETS, "/roleManagement/directory/roleAssignments")
                .unwrap()
                .set
                .context,
            "roleManagement/directory/roleAssignments"
        );
        assert_eq!(parse(SETS, "/nope").unwrap_err().status(), 400);
        assert_eq!(parse(SETS, "/me").unwrap_err().status(), 400);
    }
}
