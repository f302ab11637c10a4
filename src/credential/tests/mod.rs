//! Tests of the credentials against a scripted token endpoint.

mod cache;
mod certificate;
mod entra;
pub(crate) mod script;
