//! Entity tags of resources, RFC 7644 §3.14.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Document;

/// The version that a finished document says, if it does.
pub fn version(doc: &Document) -> Option<String> {
    let version = doc.get("meta")?.get("version")?.as_str()?;
    Some(version.to_owned())
}

/// The weak tag of a document: a digest of all but `meta`. Neither the order of members nor
/// `meta.lastModified` counts; the order of array elements does. Links must still be relative
/// ([`super::links`]): the name by which a client reaches the server is no part of a resource.
pub fn of(doc: &Document) -> String {
    let mut hasher = Sha256::new();
    hash_object(&mut hasher, doc, true);
    let digest = hasher.finalize();
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..16]))
}

/// Feeds an object in the order of its names. Every part is preceded by its kind and length, so
/// that no two documents feed the same bytes.
fn hash_object(hasher: &mut Sha256, object: &Document, top: bool) {
    let mut members: Vec<_> = object
        .iter()
        .filter(|(name, _)| !(top && *name == "meta"))
        .collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    feed(hasher, b'o', &members.len().to_le_bytes());
    for (name, value) in members {
        feed(hasher, b'k', name.as_bytes());
        hash_value(hasher, value);
    }
}

fn hash_value(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => feed(hasher, b'n', &[]),
        Value::Bool(value) => feed(hasher, b'b', &[u8::from(*value)]),
        Value::Number(value) => feed(hasher, b'd', value.to_string().as_bytes()),
        Value::String(value) => feed(hasher, b's', value.as_bytes()),
        Value::Array(elements) => {
            feed(hasher, b'a', &elements.len().to_le_bytes());
            for element in elements {
                hash_value(hasher, element);
            }
        }
        Value::Object(object) => hash_object(hasher, object, false),
    }
}

fn feed(hasher: &mut Sha256, kind: u8, bytes: &[u8]) {
    hasher.update([kind]);
    hasher.update(bytes.len().to_le_bytes());
    hasher.update(bytes);
}

/// Whether an `If-Match` header lets a request through to a resource whose tag is `current`.
///
/// Deviation: RFC 9110 §13.1.1 wants the strong comparison, by which SCIM's weak tags would never
/// match; as RFC 7644 §3.14 uses them, they are compared weakly.
pub fn if_match(header: &str, current: &str) -> bool {
    let current = opaque(current);
    tags(header).any(|tag| tag == "*" || opaque(tag) == current)
}

/// Whether an `If-None-Match` header matches the tag `current` (then a GET is 304, and a write
/// 412).
pub fn if_none_match(header: &str, current: &str) -> bool {
    if_match(header, current)
}

/// The tag without `W/` and quotes. A tag without quotes, as some clients send, is itself.
fn opaque(tag: &str) -> &str {
    let tag = tag
        .strip_prefix("W/")
        .or_else(|| tag.strip_prefix("w/"))
        .unwrap_or(tag);
    tag.strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(tag)
}

/// The members of a list of tags; a comma inside quotes does not split.
fn tags(header: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    header
        .split(move |c: char| {
            if c == '"' {
                quoted = !quoted;
            }
            c == ',' && !quoted
        })
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doc(value: Value) -> Document {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_tag_is_of_the_content() {
        let base = doc(json!({"id": "1", "name": {"a": "x", "b": "y"}, "meta": {"version": "1"}}));
        let tag = of(&base);
        assert!(
            tag.starts_with("W/\"") && tag.ends_with('"') && tag.len() == 26,
            "{tag}"
        );
        // (document, same tag?)
        let rows = [
            (json!({"name": {"b": "y", "a": "x"}, "id": "1"}), true),
            (json!({"id": "1", "name": {"a": "x", "b": "z"}}), false),
            (
                json!({"id": "1", "name": {"a": "x", "b": "y", "meta": "z"}}),
                false,
            ),
            (json!({"id": "1", "name": {"a": "x"}, "b": "y"}), false),
            (json!({"id": 1, "name": {"a": "x", "b": "y"}}), false),
        ];
        for (other, same) in rows {
            assert_eq!(of(&doc(other.clone())) == tag, same, "{other}");
        }
        assert_ne!(
            of(&doc(json!({"a": ["x", "y"]}))),
            of(&doc(json!({"a": ["xy"]})))
        );
    }

    #[test]
    fn headers_match_weakly() {
        let rows = [
            ("V03", r#"W/"a""#, true),
            ("strong form", r#""a""#, true),
            ("V04", r#"W/"b""#, false),
            ("V05", "*", true),
            ("list", r#""b", W/"a""#, true),
            ("list without", r#""b","c""#, false),
            ("no quotes", "a", true),
            ("comma in a tag", r#""x,a""#, false),
            ("empty", "", false),
        ];
        for (id, header, expected) in rows {
            assert_eq!(if_match(header, r#"W/"a""#), expected, "{id}");
            assert_eq!(if_none_match(header, r#"W/"a""#), expected, "{id}");
        }
    }
}
