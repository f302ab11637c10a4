//! Resource Manager's errors: `{"error": {"code", "message"}}`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::simulator::identity::TokenFault;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmError {
    status: u16,
    code: &'static str,
    message: String,
}

impl ArmError {
    /// An error.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// As an answer.
    pub fn into_answer(self) -> (u16, Value) {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, body)
    }

    /// The token is missing or none of ours.
    pub fn token(fault: TokenFault) -> Self {
        match fault {
            TokenFault::Empty => Self::new(
                401,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ),
            TokenFault::Audience => Self::new(
                401,
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource.",
            ),
            TokenFault::Expired | TokenFault::Revoked | TokenFault::NotYet => Self::new(
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry is not valid at the current time.",
            ),
            TokenFault::Malformed => Self::new(
                401,
                "InvalidAuthenticationToken",
                "The access token is invalid.",
            ),
        }
    }

    /// Without `api-version`.
    pub fn version() -> Self {
        Self::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    }

    /// A path without a provider that is simulated.
    pub fn path(path: &str) -> Self {
        Self::new(
            404,
            "ResourceNotFound",
            format!("The resource '{path}' was not found: only the role API is simulated."),
        )
    }

    /// A type of Microsoft.Authorization that is not simulated.
    pub fn kind(kind: &str) -> Self {
        Self::new(
            404,
            "ResourceTypeNotSupported",
            format!("Unsupported resource type: 'Microsoft.Authorization/{kind}'."),
        )
    }

    /// A scope that is none.
    pub fn scope(scope: &str) -> Self {
        Self::new(
            400,
            "InvalidScope",
            format!("The scope '{scope}' is not valid."),
        )
    }

    /// The body is not what the operation takes.
    pub fn content() -> Self {
        Self::new(
            400,
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized.",
        )
    }

    /// A name that is not a GUID.
    pub fn name(name: &str) -> Self {
        Self::new(
            400,
            "InvalidRoleAssignmentOrDefinitionId",
            format!("The name '{name}' is not a GUID."),
        )
    }

    /// The method is none of the resource's.
    pub fn method() -> Self {
        Self::new(
            405,
            "HttpMethodNotAllowed",
            "The HTTP method is not supported at the resource.",
        )
    }

    /// A term of `$filter` that is not known.
    pub fn filter(term: &str) -> Self {
        Self::new(
            400,
            "UnsupportedQuery",
            format!("The filter '{term}' is not supported."),
        )
    }

    /// The same assignment is there under another name.
    pub fn exists() -> Self {
        Self::new(
            409,
            "RoleAssignmentExists",
            "The role assignment already exists.",
        )
    }

    /// The principal is unknown, or not yet known.
    pub fn principal(principal: Uuid, tenant: Uuid) -> Self {
        Self::new(
            400,
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {tenant}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
                principal.simple()
            ),
        )
    }

    /// The role definition is unknown.
    pub fn definition(status: u16, name: &str) -> Self {
        Self::new(
            status,
            "RoleDefinitionDoesNotExist",
            format!("The specified role definition with ID '{name}' does not exist."),
        )
    }

    /// The assignment is unknown.
    pub fn assignment(name: &str) -> Self {
        Self::new(
            404,
            "RoleAssignmentNotFound",
            format!("The role assignment '{name}' is not found."),
        )
    }
}
