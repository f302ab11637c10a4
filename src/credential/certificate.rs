//! Certificates: PEM and PFX, and the signed assertion that stands for the private key.
//!
//! The library's own certificate credential needs OpenSSL and knows only PKCS#12 with RSA keys; so
//! we sign the assertion ourselves and hand it over.
//! Source: <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use aws_lc_rs::{
    rsa::KeyPair as RsaKeyPair,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::{
    certificate::X509Certificate, pem::Pem, prelude::FromDer, public_key::PublicKey,
};

use super::{CertificateSource, Error};

const NAME: &str = "certificate";
/// How long an assertion is good for; it is used at once.
const ASSERTION_LIFE: time::Duration = time::Duration::minutes(10);

/// What is in a certificate, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The subject's distinguished name.
    pub subject: String,
    /// SHA-256 of the certificate, upper-case hexadecimal.
    pub thumbprint: String,
    /// The first moment of validity.
    pub not_before: OffsetDateTime,
    /// The last moment of validity.
    pub not_after: OffsetDateTime,
}

/// A certificate with its chain and the private key that belongs to it.
pub(super) struct Loaded {
    pub(super) info: CertificateInfo,
    /// Leaf first, DER.
    chain: Vec<Vec<u8>>,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// A private key in the forms that PEM and PFX hold it.
enum KeyDer {
    Pkcs1(Vec<u8>),
    /// PKCS#8, or SEC 1 for elliptic curves.
    Other(Vec<u8>),
}

fn bad(message: impl Into<String>) -> Error {
    Error::misconfigured(NAME, message)
}

impl Loaded {
    /// Reads and checks all but the dates.
    pub(super) fn read(
        source: &CertificateSource,
        password: Option<&SecretString>,
    ) -> Result<Self, Error> {
        let (place, bytes) = match source {
            CertificateSource::Path(path) => {
                let place = format!("certificate file {}", path.display());
                let bytes = std::fs::read(path).map_err(|e| bad(format!("{place}: {e}")))?;
                (place, bytes)
            }
            CertificateSource::Inline(text) => {
                let text = text.expose_secret();
                let bytes = if text.contains("-----BEGIN") {
                    text.as_bytes().to_vec()
                } else {
                    let packed: String = text.split_whitespace().collect();
                    STANDARD.decode(packed).map_err(|_| {
                        bad("the inline certificate is neither PEM nor a PFX in base64")
                    })?
                };
                ("inline certificate".to_owned(), bytes)
            }
        };
        let is_pem = bytes.windows(10).any(|w| w == b"-----BEGIN");
        let (key, chain) = if is_pem {
            from_pem(&bytes)
        } else {
            from_pfx(&bytes, password)
        }
        .map_err(|what| bad(format!("{place}: {what}")))?;
        Self::assemble(key, chain).map_err(|what| bad(format!("{place}: {what}")))
    }

    fn assemble(key: KeyDer, mut chain: Vec<Vec<u8>>) -> Result<Self, String> {
        let mut leaf = None;
        for (i, der) in chain.iter().enumerate() {
            let certificate = parse(der)?;
            if let Some((algorithm, encoding)) = matching_key(&key, &certificate)? {
                leaf = Some((i, info(&certificate, der)?, algorithm, encoding));
                break;
            }
        }
        let Some((i, info, algorithm, key)) = leaf else {
            return Err(if chain.is_empty() {
                "it holds a private key but no certificate".to_owned()
            } else {
                "the private key does not belong to any certificate in it".to_owned()
            });
        };
        let der = chain.remove(i);
        chain.insert(0, der);
        Ok(Self {
            info,
            chain,
            algorithm,
            key,
        })
    }

    /// Refuses a certificate that is not valid at `now`.
    pub(super) fn check_dates(&self, now: OffsetDateTime) -> Result<(), Error> {
        if now > self.info.not_after {
            return Err(bad(format!(
                "certificate expired on {} (subject {}): replace it and register the new one with \
                 the application",
                date(self.info.not_after),
                self.info.subject
            )));
        }
        // Some slack, as Entra has: clocks differ.
        if now + time::Duration::minutes(5) < self.info.not_before {
            return Err(bad(format!(
                "certificate is not valid before {} (subject {})",
                date(self.info.not_before),
                self.info.subject
            )));
        }
        Ok(())
    }

    /// The signed assertion for `audience` (the token endpoint).
    pub(super) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        now: OffsetDateTime,
    ) -> Result<SecretString, Error> {
        #[derive(Serialize)]
        struct Claims<'a> {
            aud: &'a str,
            iss: &'a str,
            sub: &'a str,
            jti: String,
            iat: i64,
            nbf: i64,
            exp: i64,
        }
        let header = Header {
            x5t_s256: Some(URL_SAFE_NO_PAD.encode(Sha256::digest(&self.chain[0]))),
            x5c: Some(self.chain.iter().map(|der| STANDARD.encode(der)).collect()),
            ..Header::new(self.algorithm)
        };
        let claims = Claims {
            aud: audience,
            iss: client_id,
            sub: client_id,
            jti: uuid::Uuid::new_v4().to_string(),
            iat: now.unix_timestamp(),
            nbf: now.unix_timestamp(),
            exp: (now + ASSERTION_LIFE).unix_timestamp(),
        };
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map(SecretString::from)
            .map_err(|e| bad(format!("the private key does not sign: {e}")))
    }
}

fn date(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.format(&format).unwrap_or_else(|_| at.to_string())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|e| format!("a certificate in it cannot be read: {e}"))
}

fn info(certificate: &X509Certificate<'_>, der: &[u8]) -> Result<CertificateInfo, String> {
    let moment = |unix: i64| {
        OffsetDateTime::from_unix_timestamp(unix)
            .map_err(|_| "the certificate's dates are out of range".to_owned())
    };
    let thumbprint = Sha256::digest(der).iter().fold(String::new(), |mut t, b| {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(t, "{b:02X}");
        t
    });
    Ok(CertificateInfo {
        subject: certificate.subject().to_string(),
        thumbprint,
        not_before: moment(certificate.validity().not_before.timestamp())?,
        not_after: moment(certificate.validity().not_after.timestamp())?,
    })
}

/// The key as the signer wants it, if it belongs to `certificate`.
fn matching_key(
    key: &KeyDer,
    certificate: &X509Certificate<'_>,
) -> Result<Option<(Algorithm, EncodingKey)>, String> {
    let spki = certificate.public_key();
    let public = spki.subject_public_key.as_ref();
    match spki.parsed() {
        Ok(PublicKey::RSA(_)) => {
            let (KeyDer::Pkcs1(der) | KeyDer::Other(der)) = key;
            let pair = match key {
                KeyDer::Pkcs1(_) => RsaKeyPair::from_der(der),
                KeyDer::Other(_) => RsaKeyPair::from_pkcs8(der),
            };
            let Ok(pair) = pair else { return Ok(None) };
            if pair.public_key().as_ref() != public {
                return Ok(None);
            }
            let key = match key {
                KeyDer::Pkcs1(der) => EncodingKey::from_rsa_der(der),
                KeyDer::Other(der) => EncodingKey::from_rsa_pem(pkcs8_pem(der).as_bytes())
                    .map_err(|e| format!("the RSA key cannot be used: {e}"))?,
            };
            Ok(Some((Algorithm::PS256, key)))
        }
        Ok(PublicKey::EC(point)) => {
            let KeyDer::Other(der) = key else {
                return Ok(None);
            };
            if point.key_size() != 256 {
                return Err(
                    "its elliptic curve is not P-256, the only one that can sign ES256".to_owned(),
                );
            }
            let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
            let Ok(pair) = EcdsaKeyPair::from_private_key_der(algorithm, der)
                .or_else(|_| EcdsaKeyPair::from_pkcs8(algorithm, der))
            else {
                return Ok(None);
            };
            if pair.public_key().as_ref() != public {
                return Ok(None);
            }
            let pkcs8 = pair
                .to_pkcs8v1()
                .map_err(|_| "the elliptic curve key cannot be used".to_owned())?;
            Ok(Some((
                Algorithm::ES256,
                EncodingKey::from_ec_der(pkcs8.as_ref()),
            )))
        }
        Ok(_) => Err("its public key is neither RSA nor elliptic curve".to_owned()),
        Err(e) => Err(format!("its public key cannot be read: {e}")),
    }
}

fn pkcs8_pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|b| char::from(*b)));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

fn from_pem(bytes: &[u8]) -> Result<(KeyDer, Vec<Vec<u8>>), String> {
    let mut key = None;
    let mut chain = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|e| format!("the PEM text cannot be read: {e}"))?;
        let found = match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                chain.push(block.contents);
                continue;
            }
            "RSA PRIVATE KEY" => KeyDer::Pkcs1(block.contents),
            "PRIVATE KEY" | "EC PRIVATE KEY" => KeyDer::Other(block.contents),
            "ENCRYPTED PRIVATE KEY" => {
                return Err(
                    "its private key is encrypted: store it decrypted, or use a PFX with a \
                     password"
                        .to_owned(),
                );
            }
            _ => continue,
        };
        if key.replace(found).is_some() {
            return Err("it holds more than one private key".to_owned());
        }
    }
    let key = key.ok_or("it holds no private key")?;
    Ok((key, chain))
}

fn from_pfx(
    bytes: &[u8],
    password: Option<&SecretString>,
) -> Result<(KeyDer, Vec<Vec<u8>>), String> {
    let given = password.map_or("", |p| p.expose_secret());
    let store = KeyStore::from_pkcs12(bytes, given, Pkcs12ImportPolicy::Strict).map_err(|e| {
        format!(
            "it is neither PEM nor a PFX that {} opens: {e}",
            if password.is_some() {
                "the given password"
            } else {
                "an empty password"
            }
        )
    })?;
    let (_, chain) = store
        .private_key_chain()
        .ok_or("the PFX holds no private key with a certificate")?;
    Ok((
        KeyDer::Other(chain.key().as_der().to_vec()),
        chain.certs().iter().map(|c| c.as_der().to_vec()).collect(),
    ))
}
