//! Certificates: every container, every fault, and what is signed.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use time::{OffsetDateTime, macros::datetime};

use super::super::{CertificateSource, Kind, Settings, certificate::Loaded, describe};

pub(super) const NOW: OffsetDateTime = datetime!(2026-06-01 00:00:00 UTC);

pub(super) struct Made {
    pub(super) key: KeyPair,
    pub(super) certificate: rcgen::Certificate,
}

pub(super) fn make(rsa: bool, not_after: OffsetDateTime) -> Made {
    let key = KeyPair::generate_for(if rsa {
        &PKCS_RSA_SHA256
    } else {
        &PKCS_ECDSA_P256_SHA256
    })
    .unwrap();
    signed(key, not_after)
}

fn signed(key: KeyPair, not_after: OffsetDateTime) -> Made {
    let mut params = CertificateParams::new(vec!["scim.contoso.com".to_owned()]).unwrap();
    params.not_before = datetime!(2026-01-01 00:00:00 UTC);
    params.not_after = not_after;
    let certificate = params.self_signed(&key).unwrap();
    Made { key, certificate }
}

impl Made {
    pub(super) fn pem(&self) -> String {
        format!("{}{}", self.key.serialize_pem(), self.certificate.pem())
    }

    fn pfx(&self, password: &str) -> Vec<u8> {
        let key = PrivateKey::from_der(&self.key.serialize_der()).unwrap();
        let leaf = Certificate::from_der(self.certificate.der()).unwrap();
        let mut store = KeyStore::new();
        store.add_entry(
            "scim",
            KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("id", key, [leaf])),
        );
        store.writer(password).write().unwrap()
    }

    fn public_key(&self) -> Vec<u8> {
        use rcgen::PublicKeyData as _;
        self.key.der_bytes().to_vec()
    }
}

fn inline(text: impl Into<String>) -> CertificateSource {
    CertificateSource::Inline(SecretString::from(text.into()))
}

fn message(source: &CertificateSource, password: Option<&str>) -> String {
    let password = password.map(SecretString::from);
    match Loaded::read(source, password.as_ref()) {
        Ok(_) => "fine".to_owned(),
        Err(error) => {
            assert_eq!(error.kind, Kind::Misconfigured);
            error.message
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

const LATER: OffsetDateTime = datetime!(2027-01-01 00:00:00 UTC);

#[test]
fn signs_what_entra_expects_from_pem_and_pfx() {
    for rsa in [true, false] {
        let made = make(rsa, LATER);
        let other = make(false, LATER);
        for (source, password) in [
            (inline(made.pem()), None),
            // The certificate of an issuer first: the leaf is the one that has the key.
            (
                inline(format!("{}{}", other.certificate.pem(), made.pem())),
                None,
            ),
            (inline(base64(&made.pfx("geheim"))), Some("geheim")),
            (inline(base64(&made.pfx(""))), None),
        ] {
            let password = password.map(SecretString::from);
            let loaded = Loaded::read(&source, password.as_ref()).unwrap();
            loaded.check_dates(NOW).unwrap();
            let token = loaded.assertion("client", "https://login/t", NOW).unwrap();
            let token = token.expose_secret();
            let header = jsonwebtoken::decode_header(token).unwrap();
            let algorithm = if rsa {
                Algorithm::PS256
            } else {
                Algorithm::ES256
            };
            assert_eq!(header.alg, algorithm);
            assert_eq!(
                header.x5c.unwrap()[0],
                base64(made.certificate.der()),
                "leaf first"
            );
            assert!(header.x5t_s256.is_some_and(|t| t.len() == 43));
            let mut rules = Validation::new(algorithm);
            rules.set_audience(&["https://login/t"]);
            rules.set_issuer(&["client"]);
            rules.validate_exp = false;
            let public = made.public_key();
            let key = if rsa {
                DecodingKey::from_rsa_der(&public)
            } else {
                DecodingKey::from_ec_der(&public)
            };
            let claims = jsonwebtoken::decode::<Value>(token, &key, &rules)
                .unwrap()
                .claims;
            assert_eq!(claims["sub"], "client");
            assert_eq!(claims["nbf"], NOW.unix_timestamp());
            assert_eq!(claims["exp"], NOW.unix_timestamp() + 600);
            assert_eq!(claims["jti"].as_str().map(str::len), Some(36));
        }
    }
}

#[test]
fn faults_are_named() {
    let made = make(false, LATER);
    let other = make(false, LATER);
    let p384 = signed(
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        LATER,
    );
    let pfx = base64(&made.pfx("geheim"));
    let encrypted = made
        .key
        .serialize_pem()
        .replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (source, password, expected) in [
        (inline(made.certificate.pem()), None, "no private key"),
        (inline(made.key.serialize_pem()), None, "no certificate"),
        (
            inline(other.key.serialize_pem() + &made.certificate.pem()),
            None,
            "does not belong",
        ),
        (
            inline(other.key.serialize_pem() + &made.pem()),
            None,
            "more than one private key",
        ),
        (
            inline(encrypted + &made.certificate.pem()),
            None,
            "is encrypted",
        ),
        (inline(p384.pem()), None, "not P-256"),
        (inline(pfx.clone()), Some("falsch"), "the given password"),
        (inline(pfx), None, "an empty password"),
        (inline("???"), None, "neither PEM nor"),
        (
            CertificateSource::Path("/no/such/file.pem".into()),
            None,
            "/no/such/file.pem",
        ),
    ] {
        let found = message(&source, password);
        assert!(found.contains(expected), "{found:?} lacks {expected:?}");
        assert!(!found.contains("geheim") && !found.contains("falsch"));
    }
}

#[test]
fn dates_are_checked_here() {
    for (not_after, now, expected) in [
        (LATER, NOW, None),
        (
            datetime!(2026-05-31 12:00:00 UTC),
            NOW,
            Some("certificate expired on 2026-05-31 12:00 UTC"),
        ),
        (
            LATER,
            datetime!(2025-12-01 00:00:00 UTC),
            Some("certificate is not valid before 2026-01-01 00:00 UTC"),
        ),
    ] {
        let loaded = Loaded::read(&inline(make(false, not_after).pem()), None).unwrap();
        match (loaded.check_dates(now), expected) {
            (Ok(()), None) => {}
            (Err(error), Some(text)) => assert!(error.message.starts_with(text), "{error}"),
            (found, _) => panic!("{found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn describes_an_expired_certificate() {
    let not_after = datetime!(2026-02-01 00:00:00 UTC);
    let settings = Settings::Certificate {
        tenant_id: "tenant".into(),
        client_id: "client".into(),
        certificate: inline(make(true, not_after).pem()),
        password: None,
    };
    let found = describe(&settings).unwrap();
    assert_eq!(found.kind, "certificate");
    assert_eq!(found.client_id.as_deref(), Some("client"));
    let certificate = found.certificate.unwrap();
    assert_eq!(certificate.not_after, not_after);
    assert_eq!(certificate.thumbprint.len(), 64);
    assert!(!format!("{settings:?}").contains("BEGIN"));
}
