//! Access tokens: issued by the token endpoints, verified on the Graph side.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
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
    /// Who vouches for the caller: the tenant itself.
    #[serde(default)]
    pub idp: String,
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

/// One key pair. Clients that check the tokens they get find the public half where Entra
/// publishes its own.
struct Pair {
    /// `kid` in tokens and in the published set.
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Modulus and exponent, big-endian.
    public: (Vec<u8>, Vec<u8>),
}

impl Pair {
    fn new() -> Result<Self, SignError> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let document: Pkcs8V1Der<'static> = pair.as_der()?;
        let text = STANDARD.encode(document.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        Ok(Self {
            id: uuid::Uuid::new_v4().simple().to_string(),
            encoding: EncodingKey::from_rsa_pem(pem.as_bytes())?,
            decoding: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
            public: (modulus, exponent),
        })
    }
}

/// Why a token was not signed: the cryptography library failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error("no key could be made")]
    Key(#[from] Unspecified),
    #[error("the token could not be signed: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// Signs and verifies tokens with keys that live as long as the process: the newest signs, older
/// ones still verify. The first is made when it is needed.
#[derive(Default)]
pub(super) struct Signer {
    pairs: RwLock<Vec<Arc<Pair>>>,
}

impl Signer {
    fn pairs(&self) -> RwLockReadGuard<'_, Vec<Arc<Pair>>> {
        self.pairs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self) -> Result<Arc<Pair>, SignError> {
        if let Some(pair) = self.pairs().last() {
            return Ok(Arc::clone(pair));
        }
        let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = pairs.last() {
            return Ok(Arc::clone(pair));
        }
        let pair = Arc::new(Pair::new()?);
        pairs.push(Arc::clone(&pair));
        Ok(pair)
    }

    /// Signs with a new key from now on.
    pub(super) fn rotate(&self) -> Result<(), SignError> {
        self.newest()?;
        let pair = Arc::new(Pair::new()?);
        let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
        pairs.push(pair);
        Ok(())
    }

    /// The public keys: id, modulus and exponent in base64url.
    pub(super) fn published(&self) -> Result<Vec<[String; 3]>, SignError> {
        self.newest()?;
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let pairs = self.pairs();
        let all = pairs.iter().map(|pair| {
            let (modulus, exponent) = &pair.public;
            [pair.id.clone(), text(modulus), text(exponent)]
        });
        Ok(all.collect())
    }

    /// A signed token and its expiry in seconds.
    pub(super) fn issue(
        &self,
        grant: &Grant<'_>,
        now: OffsetDateTime,
    ) -> Result<(String, i64), SignError> {
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
            idp: format!("https://sts.windows.net/{}/", grant.tenant),
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
        let pair = self.newest()?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(pair.id.clone());
        header.x5t = Some(pair.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &pair.encoding)?;
        Ok((token, exp))
    }

    /// The claims of `token`, when the signature is ours and `now` is inside its lifetime.
    pub(super) fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Claims, TokenFault> {
        let kid = jsonwebtoken::decode_header(token)
            .ok()
            .and_then(|header| header.kid);
        let pairs = self.pairs();
        let mut known = pairs.iter();
        let pair = known
            .find(|pair| kid.as_ref() == Some(&pair.id))
            .ok_or(TokenFault::Malformed)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &pair.decoding, &validation)
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
