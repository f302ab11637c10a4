//! Sign-in, from outside: the real gateway, the real library, the simulator's token endpoints.

mod hygiene;
mod kinds;
mod outages;
mod refusals;

use entra_scim::base::clock::{Clock as _, SystemClock};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

/// A certificate with its key.
struct Made {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

#[derive(Clone, Copy, Debug)]
enum KeyKind {
    Rsa,
    Elliptic,
}

impl Made {
    /// Valid from a year ago, for so many days from now on.
    fn new(kind: KeyKind, days: i64) -> Self {
        let key = KeyPair::generate_for(match kind {
            KeyKind::Rsa => &PKCS_RSA_SHA256,
            KeyKind::Elliptic => &PKCS_ECDSA_P256_SHA256,
        })
        .unwrap();
        let mut params = CertificateParams::new(vec!["scim.contoso.com".to_owned()]).unwrap();
        let now = SystemClock.now();
        params.not_before = now - time::Duration::days(365);
        params.not_after = now + time::Duration::days(days);
        let certificate = params.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    /// What is registered with the application.
    fn public(&self) -> String {
        self.certificate.pem()
    }

    /// Key and certificate.
    fn pem(&self) -> String {
        format!("{}{}", self.key.serialize_pem(), self.certificate.pem())
    }

    /// A line of the key, which no output may hold.
    fn key_line(&self) -> String {
        self.key.serialize_pem().lines().nth(1).unwrap().to_owned()
    }

    fn pfx(&self, password: &str) -> Vec<u8> {
        let key = PrivateKey::from_der(&self.key.serialize_der()).unwrap();
        let leaf = Certificate::from_der(self.certificate.der()).unwrap();
        let chain = PrivateKeyChain::new("id", key, [leaf]);
        let mut store = KeyStore::new();
        store.add_entry("scim", KeyStoreEntry::PrivateKeyChain(chain));
        store.writer(password).write().unwrap()
    }
}
