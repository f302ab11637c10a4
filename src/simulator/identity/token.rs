//! Access tokens: issued by the token endpoints, verified on the Graph side.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The `wids` entry that every app-only token of Entra carries.
const APP_ONLY_WID: &str = "0997a1d0-0d1d-4acb-b408-d5ca73121e90";

/// Claims of an app-only access token, version 1.0 as Graph wants it.
///
/// Source: [access token claims](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The resource, such as `https://graph.microsoft.com`.
    pub aud: String,
    /// `https://sts.windows.net/{tid}/`
    pub iss: String,
    /// Issued at, seconds.
    pub iat: i64,
    /// Not before, seconds.
    pub nbf: i64,
    /// Expires, seconds.
    pub exp: i64,
    /// Name of the application.
    pub app_displayname: String,
    /// The application's client id.
    pub appid: String,
    /// `1` for a secret, `2` for a certificate or a federated assertion.
    pub appidacr: String,
    /// Always `app`: only app-only tokens are issued.
    pub idtyp: String,
    /// The service principal's object id.
    pub oid: String,
    /// Granted application permissions.
    #[serde(default)]
    pub roles: Vec<String>,
    /// As `oid`.
    pub sub: String,
    /// The tenant.
    pub tid: String,
    /// Unique token identifier.
    pub uti: String,
    /// Always `1.0`.
    pub ver: String,
    /// Directory role template ids; the simulator looks roles up instead.
    pub wids: Vec<String>,
    /// The simulator's own: tokens of an older generation are revoked.
    pub sim_generation: u64,
}

/// Who calls Graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Client id of the application.
    pub app_id: String,
    /// Object id of its service principal.
    pub service_principal: String,
    /// Application permissions in the token.
    pub roles: Vec<String>,
}

/// Why Graph refuses a bearer token: 401 `InvalidAuthenticationToken` with this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// No `Authorization: Bearer`.
    Empty,
    /// Not a JWT of this tenant, or its signature is wrong.
    Malformed,
    /// For another resource, such as Azure Resource Manager.
    Audience,
    /// Before `nbf`.
    NotYet,
    /// At or past `exp`.
    Expired,
    /// Issued before a revocation.
    Revoked,
}

impl TokenFault {
    /// The text of Graph's error.
    pub fn message(self) -> &'static str {
        match self {
            Self::Empty => "Access token is empty.",
            Self::Malformed => "CompactToken parsing failed with error code: 80049217",
            Self::Audience => "Access token validation failure. Invalid audience.",
            Self::NotYet | Self::Revoked => "Access token has expired or is not yet valid.",
            Self::Expired => "Lifetime validation failed, the token is expired.",
        }
    }
}

/// What a new token says.
#[derive(Clone, Debug)]
pub(super) struct Grant<'a> {
    pub audience: &'a str,
    pub tenant: &'a str,
    pub app_id: &'a str,
    pub app_name: &'a str,
    pub service_principal: &'a str,
    pub roles: &'a [String],
    pub by_secret: bool,
    pub lifetime: time::Duration,
    pub generation: u64,
}

/// Signs and verifies tokens with a key that lives as long as the process.
pub(super) struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Signer {
    /// A signer with a fresh random key.
    pub(super) fn random() -> Self {
        let key: [u8; 32] = rand::random();
        Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
        }
    }

    /// A signed token and its expiry in seconds.
    pub(super) fn issue(
        &self,
        grant: &Grant<'_>,
        now: OffsetDateTime,
    ) -> Result<(String, i64), jsonwebtoken::errors::Error> {
        let at = now.unix_timestamp();
        let exp = (now + grant.lifetime).unix_timestamp();
        let claims = Claims {
            aud: grant.audience.to_owned(),
            iss: format!("https://sts.windows.net/{}/", grant.tenant),
            iat: at,
            // Entra dates tokens five minutes back, for clocks that differ.
            nbf: at - 300,
            exp,
            app_displayname: grant.app_name.to_owned(),
            appid: grant.app_id.to_owned(),
            appidacr: if grant.by_secret { "1" } else { "2" }.to_owned(),
            idtyp: "app".to_owned(),
            oid: grant.service_principal.to_owned(),
            roles: grant.roles.to_vec(),
            sub: grant.service_principal.to_owned(),
            tid: grant.tenant.to_owned(),
            uti: uuid::Uuid::new_v4().simple().to_string(),
            ver: "1.0".to_owned(),
            wids: vec![APP_ONLY_WID.to_owned()],
            sim_generation: grant.generation,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?;
        Ok((token, exp))
    }

    /// The claims of `token`, when the signature is ours and `now` is inside its lifetime.
    pub(super) fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Claims, TokenFault> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .map_err(|_| TokenFault::Malformed)?
            .claims;
        let at = now.unix_timestamp();
        if at < claims.nbf {
            Err(TokenFault::NotYet)
        } else if at >= claims.exp {
            Err(TokenFault::Expired)
        } else {
            Ok(claims)
        }
    }
}
