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
