//! Managed identity: the local endpoints that a machine in Azure offers.
//!
//! Source: [App Service](https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference),
//! [IMDS](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).

use serde_json::{Value, json};

use super::{Identity, Issued, Registration};

/// A refused managed-identity request: status and body.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedRefusal {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: Value,
}

/// What the caller asks for.
#[derive(Clone, Debug, Default)]
pub struct ManagedRequest<'a> {
    /// `api-version`
    pub api_version: Option<&'a str>,
    /// `resource`
    pub resource: Option<&'a str>,
    /// `client_id` of a user-assigned identity.
    pub client_id: Option<&'a str>,
    /// `object_id` or `principal_id` of a user-assigned identity.
    pub object_id: Option<&'a str>,
}

impl Identity {
    /// Answers App Service's `GET /msi/token`. `header` is what the caller sent as
    /// `X-IDENTITY-HEADER`, `expected` the value of the variable `IDENTITY_HEADER`.
    ///
    /// # Errors
    /// 401 for a wrong header, 400 for anything else.
    pub fn app_service(
        &self,
        request: &ManagedRequest<'_>,
        header: Option<&str>,
        expected: &str,
        origin: &str,
    ) -> Result<Value, ManagedRefusal> {
        let refuse = |status: u16, message: String| ManagedRefusal {
            status,
            body: json!({"statusCode": status, "message": message}),
        };
        let given = header.unwrap_or_default();
        if !bool::from(subtle::ConstantTimeEq::ct_eq(
            given.as_bytes(),
            expected.as_bytes(),
        )) {
            return Err(refuse(401, "Invalid X-IDENTITY-HEADER.".to_owned()));
        }
        match request.api_version {
            Some("2019-08-01") => {}
            Some(other) => {
                return Err(refuse(
                    400,
                    format!("The api-version '{other}' is not supported."),
                ));
            }
            None => return Err(refuse(400, "The api-version is missing.".to_owned())),
        }
        let resource = request
            .resource
            .filter(|resource| !resource.is_empty())
            .ok_or_else(|| refuse(400, "The resource is missing.".to_owned()))?;
        let identity = self
            .managed_identity(request)
            .ok_or_else(|| refuse(400, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.".to_owned()))?;
        let issued = self
            .managed_token(&identity, resource, origin)
            .map_err(|message| refuse(400, message))?;
        Ok(json!({
            "access_token": issued.token,
            "expires_on": issued.expires_on.to_string(),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": issued.client_id,
        }))
    }

    /// Answers IMDS's `GET /metadata/identity/oauth2/token`. `metadata` is the `Metadata` header.
    ///
    /// # Errors
    /// 400 in each case, with IMDS's error names.
    pub fn imds(
        &self,
        request: &ManagedRequest<'_>,
        metadata: Option<&str>,
        origin: &str,
    ) -> Result<Value, ManagedRefusal> {
        let refuse = |error: &str, description: &str| ManagedRefusal {
            status: 400,
            body: json!({"error": error, "error_description": description}),
        };
        if !metadata.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(refuse(
                "bad_request_102",
                "Required metadata header not specified",
            ));
        }
        match request.api_version {
            None => {
                return Err(refuse(
                    "invalid_request",
                    "Required query variable 'api-version' is missing",
                ));
            }
            Some(version) if version < "2018-02-01" => {
                return Err(refuse(
                    "invalid_request",
                    "The api-version is not supported",
                ));
            }
            Some(_) => {}
        }
        let resource = request
            .resource
            .filter(|resource| !resource.is_empty())
            .ok_or_else(|| {
                refuse(
                    "invalid_request",
                    "Required query variable 'resource' is missing",
                )
            })?;
        let identity = self
            .managed_identity(request)
            .ok_or_else(|| refuse("invalid_request", "Identity not found"))?;
        let issued = self
            .managed_token(&identity, resource, origin)
            .map_err(|message| refuse("invalid_resource", &message))?;
        Ok(json!({
            "access_token": issued.token,
            "client_id": issued.client_id,
            "expires_in": issued.expires_in.to_string(),
            "expires_on": issued.expires_on.to_string(),
            "ext_expires_in": issued.expires_in.to_string(),
            "not_before": issued.not_before.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }))
    }

    /// The identity asked for, or the machine's own when none is named.
    fn managed_identity(&self, request: &ManagedRequest<'_>) -> Option<Registration> {
        let state = self.state();
        state
            .registrations
            .iter()
            .filter(|known| known.managed && !known.disabled)
            .find(|known| {
                request
                    .client_id
                    .is_none_or(|id| known.app_id.eq_ignore_ascii_case(id))
                    && request
                        .object_id
                        .is_none_or(|id| known.service_principal.eq_ignore_ascii_case(id))
            })
            .cloned()
    }

    fn managed_token(
        &self,
        identity: &Registration,
        resource: &str,
        origin: &str,
    ) -> Result<Issued, String> {
        let audience = Self::audience_of(resource, origin)
            .ok_or_else(|| super::Refusal::unknown_resource(resource, self.tenant_id()).message)?;
        self.issue(identity, &audience, false)
            .map_err(|refusal| refusal.message)
    }
}
