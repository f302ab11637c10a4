//! Floor 1: the SCIM protocol, pure (RFC 7643, RFC 7644). Inputs and outputs are values.

pub mod attr;
pub mod bulk;
pub mod datetime;
pub mod error;
pub mod etag;
pub mod filter;
pub mod links;
pub mod list;
pub mod patch;
pub mod projection;
pub mod reference;
pub mod resource;
pub mod schema;
pub mod sort;
pub mod text;
pub mod urn;
pub mod vocabulary;

#[cfg(test)]
mod fixture;

/// A SCIM resource as ordered JSON: core attributes at the top, each extension in a container
/// under its URN. Attribute names are spelled as the schema spells them.
pub type Document = serde_json::Map<String, serde_json::Value>;

/// A member of a message by its name in any case.
fn member<'a>(object: &'a Document, name: &str) -> Option<&'a serde_json::Value> {
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// Whether a message says that it is what `urn` names, or says nothing: some clients leave `schemas`
/// out.
fn is_message(object: &Document, urn: &str) -> bool {
    let names = |urns: &serde_json::Value| {
        urns.is_null()
            || urns.as_array().is_some_and(|urns| {
                let mut texts = urns.iter().filter_map(serde_json::Value::as_str);
                texts.any(|one| one.eq_ignore_ascii_case(urn))
            })
    };
    member(object, "schemas").is_none_or(names)
}
