//! Floor 1: the SCIM protocol, pure (RFC 7643, RFC 7644). Inputs and outputs are values.

pub mod attr;
pub mod error;
pub mod filter;
pub mod schema;
pub mod urn;

/// A SCIM resource as ordered JSON: core attributes at the top, each extension in a container
/// under its URN. Attribute names are spelled as the schema spells them.
pub type Document = serde_json::Map<String, serde_json::Value>;
