//! References to resources, as clients write them in `$ref`.

use percent_encoding::percent_decode_str;

/// The id of the resource that a reference leads to, when it is one of `endpoints` (`/Users`):
/// an absolute or relative URL whose last but one segment is the endpoint, in any case, with any
/// base path before it. The host is not looked at: a server has many names, and an id has one
/// meaning.
///
/// `None` for everything else, and for a URL with a query or a fragment, which leads to
/// something other than a resource.
pub fn id_of<'a>(reference: &str, endpoints: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if reference.contains(['?', '#', '\\']) {
        return None;
    }
    let path = path_of(reference.trim())?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let (before, id) = path.rsplit_once('/')?;
    let endpoint = before.rsplit('/').next()?;
    let is_known = endpoints
        .into_iter()
        .any(|known| known.trim_start_matches('/').eq_ignore_ascii_case(endpoint));
    if !is_known {
        return None;
    }
    let id = percent_decode_str(id).decode_utf8().ok()?;
    let is_name = !matches!(&*id, "" | "." | "..")
        && !id
            .chars()
            .any(|c| c == '/' || c.is_control() || c.is_whitespace());
    is_name.then(|| id.into_owned())
}

/// What follows the host of an absolute URL; a relative one as a whole.
fn path_of(reference: &str) -> Option<&str> {
    let after_scheme = match reference.split_once("://") {
        Some((scheme, rest)) => {
            let is_web = ["http", "https"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme));
            is_web.then_some(rest)?
        }
        None => match reference.strip_prefix("//") {
            Some(rest) => rest,
            None => return Some(reference),
        },
    };
    after_scheme.find('/').map(|at| &after_scheme[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_references() {
        let rows = [
            ("https://h.example/scim/v2/Users/a-1", Some("a-1")),
            ("HTTPS://h.example:8443/Users/a", Some("a")),
            ("http://h/tenants/t/scim/v2/groups/g", Some("g")),
            ("//h/scim/v2/USERS/a", Some("a")),
            ("/scim/v2/Users/a", Some("a")),
            ("/Users/a", Some("a")),
            ("Users/a", Some("a")),
            ("../Users/a", Some("a")),
            ("/Users/a/", Some("a")),
            (" /Users/a ", Some("a")),
            ("/Users/%61%2Db", Some("a-b")),
            ("/Users/ž", Some("ž")),
            ("/Users/a?x=1", None),
            ("/Users/a#x", None),
            ("/Users/", None),
            ("/Users", None),
            ("a", None),
            ("", None),
            ("https://Users/a", None),
            ("https://h/a", None),
            ("https://h", None),
            ("ftp://h/Users/a", None),
            ("urn:x:Users/a", None),
            ("/Roles/a", None),
            ("/Users/a/photo", None),
            ("/Users/%2F", None),
            ("/Users/%FF", None),
            ("/Users/%20", None),
            ("/Users/..", None),
            ("/Users\\a", None),
        ];
        for (reference, expected) in rows {
            let found = id_of(reference, ["/Users", "Groups"]);
            assert_eq!(found.as_deref(), expected, "{reference}");
        }
    }
}
