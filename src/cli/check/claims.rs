//! What an access token says about its bearer. Not verified: it was just received from Entra
//! over TLS, and is only looked at to advise the operator.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The claims that matter here.
///
/// Source: <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Claims {
    /// The granted application permissions.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// Delegated permissions, when a person is signed in (Azure CLI).
    #[serde(default)]
    pub(super) scp: Option<String>,
    /// The object id of the service principal.
    #[serde(default)]
    pub(super) oid: Option<String>,
    /// The tenant.
    #[serde(default)]
    pub(super) tid: Option<String>,
}

impl Claims {
    /// Reads the claims of a JSON web token; `None` when it is none.
    pub(super) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_without_a_key() {
        let payload = r#"{"tid":"t","oid":"o","roles":["User.Read.All"],"exp":1}"#;
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
        let claims = Claims::read(&token).unwrap();
        assert_eq!(claims.roles, ["User.Read.All"]);
        assert_eq!(claims.oid.as_deref(), Some("o"));
        assert_eq!(claims.tid.as_deref(), Some("t"));
        assert_eq!(claims.scp, None);
        for broken in ["", "opaque", "a.b", "a.!.c", "a.bm8.c"] {
            assert_eq!(Claims::read(broken), None, "{broken}");
        }
    }
}
