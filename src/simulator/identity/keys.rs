//! Public keys that may sign assertions: registered certificates and federated issuers' keys.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Why a PEM text cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No block of the wanted label.
    #[error("the PEM text holds no {0}")]
    Missing(&'static str),
    /// The PEM armour or the DER inside is damaged.
    #[error("the {0} cannot be read: {1}")]
    Damaged(&'static str, String),
    /// Neither RSA nor elliptic curve.
    #[error("only RSA and P-256 keys can sign client assertions")]
    Unsupported,
}

/// A key that verifies a signature.
#[derive(Clone)]
pub struct VerifyingKey {
    key: DecodingKey,
    elliptic: bool,
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("elliptic", &self.elliptic)
            .finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// A key from a `PUBLIC KEY` or `CERTIFICATE` PEM text.
    ///
    /// # Errors
    /// [`KeyError`] when the text holds neither, or a key of another kind.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        for block in Pem::iter_from_buffer(text.as_bytes()) {
            let block = block.map_err(|e| KeyError::Damaged("PEM text", e.to_string()))?;
            match block.label.as_str() {
                "PUBLIC KEY" => {
                    let (_, info) = SubjectPublicKeyInfo::from_der(&block.contents)
                        .map_err(|e| KeyError::Damaged("public key", e.to_string()))?;
                    return Self::from_info(&info);
                }
                "CERTIFICATE" => return Ok(Certificate::from_der(&block.contents)?.key),
                _ => {}
            }
        }
        Err(KeyError::Missing("public key"))
    }

    fn from_info(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, KeyError> {
        match info.parsed() {
            Ok(PublicKey::RSA(_)) => Ok(Self {
                key: DecodingKey::from_rsa_der(&info.subject_public_key.data),
                elliptic: false,
            }),
            // An uncompressed P-256 point has 65 bytes; ES256 is the only curve accepted.
            Ok(PublicKey::EC(point)) if point.data().len() == 65 => Ok(Self {
                key: DecodingKey::from_ec_der(point.data()),
                elliptic: true,
            }),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// Whether `token`'s signature is this key's, by RS256, PS256 or ES256 as its header says.
    /// Claims are not judged here: time is an argument, and the caller has it.
    pub fn verifies(&self, token: &str, algorithm: Algorithm) -> bool {
        let fits = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => !self.elliptic,
            Algorithm::ES256 => self.elliptic,
            _ => false,
        };
        if !fits {
            return false;
        }
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Map<String, Value>>(token, &self.key, &validation).is_ok()
    }
}

/// A certificate registered on an application.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its public key.
    pub key: VerifyingKey,
    /// SHA-1 of the DER, as in the JWT header `x5t`.
    pub sha1: Vec<u8>,
    /// SHA-256 of the DER, as in the JWT header `x5t#S256`.
    pub sha256: Vec<u8>,
    /// First moment of validity.
    pub not_before: OffsetDateTime,
    /// Last moment of validity.
    pub not_after: OffsetDateTime,
}

impl Certificate {
    /// The first certificate of a PEM text; private keys and further certificates are passed over.
    ///
    /// # Errors
    /// [`KeyError`] when there is none, or its key can sign no assertion.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        for block in Pem::iter_from_buffer(text.as_bytes()) {
            let block = block.map_err(|e| KeyError::Damaged("PEM text", e.to_string()))?;
            if block.label == "CERTIFICATE" {
                return Self::from_der(&block.contents);
            }
        }
        Err(KeyError::Missing("certificate"))
    }

    /// A certificate in DER.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|e| KeyError::Damaged("certificate", e.to_string()))?;
        Ok(Self {
            key: VerifyingKey::from_info(parsed.public_key())?,
            sha1: digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der)
                .as_ref()
                .to_vec(),
            sha256: digest::digest(&digest::SHA256, der).as_ref().to_vec(),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
        })
    }

    /// SHA-1 thumbprint in upper-case hex, as the portal shows it.
    pub fn thumbprint(&self) -> String {
        hex(&self.sha1)
    }

    /// Whether a JWT header's `x5t`, `x5t#S256` or leaf `x5c` names this certificate.
    /// The strongest one present decides.
    pub fn is_named_by(&self, header: &jsonwebtoken::Header) -> bool {
        if let Some(print) = &header.x5t_s256 {
            return print.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(&self.sha256);
        }
        if let Some(print) = &header.x5t {
            return print.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(&self.sha1);
        }
        match header.x5c_der() {
            Ok(Some(chain)) => chain.first().is_some_and(|leaf| {
                digest::digest(&digest::SHA256, leaf).as_ref() == self.sha256.as_slice()
            }),
            _ => false,
        }
    }
}

/// Upper-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}
