//! What sign-in publishes about itself: its configuration, its keys, its clouds.
//!
//! Source: [OpenID Connect metadata](https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc).

use serde_json::{Value, json};

use super::{Identity, Refusal};

/// Names under which the tenant of whoever signs in is meant.
const ANY: [&str; 3] = ["common", "organizations", "consumers"];

impl Identity {
    /// `GET /{tenant}/.well-known/openid-configuration`, of version 1 or 2.
    ///
    /// # Errors
    /// A [`Refusal`] of another tenant.
    pub fn configuration(&self, tenant: &str, origin: &str, v2: bool) -> Result<Value, Refusal> {
        if !self.is_tenant(tenant) && !ANY.contains(&tenant) {
            return Err(Refusal::unknown_tenant(tenant));
        }
        let (version, path) = if v2 { ("/v2.0", "/v2.0") } else { ("", "") };
        let id = self.tenant_id();
        let issuer = if v2 {
            format!("https://login.microsoftonline.com/{id}/v2.0")
        } else {
            format!("https://sts.windows.net/{id}/")
        };
        Ok(json!({
            "token_endpoint": format!("{origin}/{tenant}/oauth2{version}/token"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{origin}/{tenant}/discovery{path}/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{origin}/{tenant}/oauth2{version}/authorize"),
            "device_authorization_endpoint": format!("{origin}/{tenant}/oauth2{version}/devicecode"),
            "end_session_endpoint": format!("{origin}/{tenant}/oauth2{version}/logout"),
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }))
    }

    /// `GET /{tenant}/discovery/v2.0/keys`: the keys that verify the tokens issued here.
    ///
    /// # Errors
    /// When the cryptography library fails.
    pub fn published_keys(&self) -> Result<Value, String> {
        let all = self.signer.published().map_err(|e| e.to_string())?;
        let keys: Vec<Value> = all
            .into_iter()
            .map(|[id, modulus, exponent]| {
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "x5t": id,
                    "n": modulus, "e": exponent,
                    "issuer": format!("https://login.microsoftonline.com/{}/v2.0", self.tenant_id()),
                })
            })
            .collect();
        Ok(json!({ "keys": keys }))
    }

    /// `GET /common/discovery/instance`: every host that means this sign-in.
    pub fn instances(&self, origin: &str) -> Value {
        let host = origin.split("://").nth(1).unwrap_or(origin);
        json!({
            "tenant_discovery_endpoint":
                format!("{origin}/{}/v2.0/.well-known/openid-configuration", self.tenant_id()),
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": "login.microsoftonline.com",
                    "preferred_cache": "login.windows.net",
                    "aliases": [
                        "login.microsoftonline.com", "login.windows.net", "login.microsoft.com",
                        "sts.windows.net",
                    ],
                },
                {"preferred_network": host, "preferred_cache": host, "aliases": [host]},
            ],
        })
    }
}
