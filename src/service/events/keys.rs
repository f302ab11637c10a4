//! The key that security event tokens are signed with, and how receivers get to know it.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::super::{App, Tenant};
use crate::store;

/// Its name in the store.
const NAME: &str = "events";

/// A tenant's signing key; it is read once.
#[derive(Default)]
pub struct Keys(OnceCell<Key>);

struct Key {
    id: String,
    signs: EncodingKey,
    /// The point on the curve.
    public: Vec<u8>,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The key could not be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The key is none.
    #[error("the key for security events is not usable")]
    Key,
    /// It did not sign.
    #[error("a security event could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

impl Keys {
    async fn key<'a>(app: &App, tenant: &'a Tenant) -> Result<&'a Key, Fault> {
        let make = || async {
            let new = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &SystemRandom::new(),
            )
            .map_err(|_| Fault::Key)?;
            let now = app.clock.now();
            let held = app.store.key(&tenant.name, NAME, new.as_ref(), now).await?;
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &held)
                .map_err(|_| Fault::Key)?;
            let public = pair.public_key().as_ref().to_vec();
            let digest = Sha256::digest(&public);
            Ok::<Key, Fault>(Key {
                id: URL_SAFE_NO_PAD.encode(&digest[..12]),
                signs: EncodingKey::from_ec_der(&held),
                public,
            })
        };
        tenant.event_keys.0.get_or_try_init(make).await
    }

    /// A security event token, RFC 8417: its type keeps it from being taken for another kind.
    pub(super) async fn sign(app: &App, tenant: &Tenant, claims: &Value) -> Result<String, Fault> {
        let key = Self::key(app, tenant).await?;
        let header = Header {
            typ: Some("secevent+jwt".to_owned()),
            kid: Some(key.id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, claims, &key.signs).map_err(Fault::Sign)
    }

    /// The JSON Web Key Set, RFC 7517.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn published(app: &App, tenant: &Tenant) -> Result<Value, Fault> {
        let key = Self::key(app, tenant).await?;
        // 4, then the two coordinates of 32 bytes each.
        let (Some(x), Some(y)) = (key.public.get(1..33), key.public.get(33..65)) else {
            return Err(Fault::Key);
        };
        Ok(json!({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key.id,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]}))
    }
}
