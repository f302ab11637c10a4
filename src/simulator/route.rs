//! A path to what it addresses: entity set, key, and the segments behind.

use percent_encoding::percent_decode_str;

use super::errors::SimError;
use super::model::{EntitySet, Sets};

/// A path, resolved as far as the table of entity sets goes.
#[derive(Debug)]
pub struct Route {
    /// The entity set.
    pub set: &'static EntitySet,
    /// Everything behind it, decoded; `name('key')` is two segments.
    pub rest: Vec<String>,
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
