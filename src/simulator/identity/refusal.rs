//! Entra's token-endpoint errors.
//!
//! Source: [OAuth 2.0 client credentials error response](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response)
//! and the AADSTS code list.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

/// A refused token request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 400 or 401.
    pub status: u16,
    /// OAuth error name, such as `invalid_client`.
    pub error: &'static str,
    /// The number after `AADSTS`.
    pub code: u32,
    /// The sentence after `AADSTS{code}: `.
    pub message: String,
}

impl Refusal {
    fn new(status: u16, error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            code,
            message: message.into(),
        }
    }

    /// AADSTS900144: a form parameter is missing.
    pub fn missing_parameter(name: &str) -> Self {
        Self::new(
            400,
            "invalid_request",
            900_144,
            format!("The request body must contain the following parameter: '{name}'."),
        )
    }

    /// AADSTS70003: only `client_credentials` is simulated.
    pub fn unsupported_grant(grant: &str) -> Self {
        Self::new(
            400,
            "unsupported_grant_type",
            70_003,
            format!("The app requested an unsupported grant type '{grant}'."),
        )
    }

    /// AADSTS90002: the tenant in the path is not the simulated one.
    pub fn unknown_tenant(tenant: &str) -> Self {
        Self::new(
            400,
            "invalid_request",
            90_002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
            ),
        )
    }

    /// AADSTS700016: no such application in the tenant.
    pub fn unknown_application(client_id: &str, tenant: &str) -> Self {
        Self::new(
            400,
            "unauthorized_client",
            700_016,
            format!(
                "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            ),
        )
    }

    /// AADSTS7000216: neither secret nor assertion.
    pub fn no_credential() -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_216,
            "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
        )
    }

    /// AADSTS7000215: wrong secret.
    pub fn wrong_secret(client_id: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client_id}'."
            ),
        )
    }

    /// AADSTS7000222: the secret was right once.
    pub fn expired_secret(client_id: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            7_000_222,
            format!(
                "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
            ),
        )
    }

    /// AADSTS7000112: the service principal is switched off.
    pub fn disabled_application(client_id: &str) -> Self {
        Self::new(
            400,
            "unauthorized_client",
            7_000_112,
            format!("Application '{client_id}' is disabled."),
        )
    }

    /// AADSTS50027: the assertion is no JWT that Entra reads.
    pub fn malformed_assertion(why: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            50_027,
            format!("JWT token is invalid or malformed. {why}"),
        )
    }

    /// AADSTS700027: key unknown, expired, or signature wrong.
    pub fn assertion_signature(reason: &str, thumbprint: &str, client_id: &str) -> Self {
        Self::new(
            401,
            "invalid_client",
            700_027,
            format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{client_id}'.]"
            ),
        )
    }

    /// AADSTS700021: `iss` or `sub` is not the client id.
    pub fn assertion_subject() -> Self {
        Self::new(
            401,
            "invalid_client",
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        )
    }

    /// AADSTS700023: `aud` is not this token endpoint.
    pub fn assertion_audience() -> Self {
        Self::new(
            401,
            "invalid_client",
            700_023,
            "Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.",
        )
    }

    /// AADSTS700024: outside `nbf`..`exp`.
    pub fn assertion_time(now: OffsetDateTime) -> Self {
        Self::new(
            401,
            "invalid_client",
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {}.",
                stamp(now)
            ),
        )
    }

    /// AADSTS70021: no federated credential trusts this issuer, subject and audience.
    pub fn no_federated_match(issuer: &str, subject: &str, audience: &str) -> Self {
        Self::new(
            400,
            "invalid_request",
            70_021,
            format!(
                "No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'. https://docs.microsoft.com/azure/active-directory/develop/workload-identity-federation"
            ),
        )
    }

    /// AADSTS5002730: a federated assertion whose signature the trusted issuer's key does not explain.
    pub fn federated_signature() -> Self {
        Self::new(
            401,
            "invalid_client",
            5_002_730,
            "Invalid JWT token. Unable to verify the signature of the federated assertion.",
        )
    }

    /// AADSTS70011: the scope cannot be read.
    pub fn bad_scope(scope: &str) -> Self {
        Self::new(
            400,
            "invalid_scope",
            70_011,
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
            ),
        )
    }

    /// AADSTS1002012: a scope without `/.default`.
    pub fn not_default_scope(scope: &str) -> Self {
        Self::new(
            400,
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            ),
        )
    }

    /// AADSTS500011: a resource that the tenant does not know.
    pub fn unknown_resource(resource: &str, tenant: &str) -> Self {
        Self::new(
            400,
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
            ),
        )
    }

    /// The JSON body as Entra prints it.
    pub fn body(&self, now: OffsetDateTime, trace: Uuid, correlation: Uuid) -> Value {
        let timestamp = stamp(now);
        json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
                self.code, self.message
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace.to_string(),
            "correlation_id": correlation.to_string(),
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        })
    }
}

/// `2024-09-06 09:31:10Z`
fn stamp(now: OffsetDateTime) -> String {
    now.format(format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second]Z"
    ))
    .unwrap_or_else(|_| now.unix_timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn prints_entras_body() {
        let body = Refusal::wrong_secret("app").body(
            datetime!(2024-09-06 9:31:10 UTC),
            Uuid::nil(),
            Uuid::max(),
        );
        assert_eq!(body["error"], "invalid_client");
        assert_eq!(body["error_codes"], json!([7_000_215]));
        assert_eq!(body["timestamp"], "2024-09-06 09:31:10Z");
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with("AADSTS7000215: Invalid client secret provided."));
        assert!(text.ends_with("Timestamp: 2024-09-06 09:31:10Z"));
    }
}
