//! `keyCredentials`: certificates of applications and service principals, written by PATCH.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::simulator::directory::{Directory, Slot, ticks, time_text};
use crate::simulator::errors::SimError;

const NAME: &str = "keyCredentials";

/// Completes the key credentials of a body: thumbprint, subject and times out of the certificate.
/// A key that is left out stays as it was.
pub fn complete(
    dir: &Directory,
    slot: Option<Slot>,
    properties: &mut Map<String, Value>,
) -> Result<(), SimError> {
    let before = slot.map_or(Value::Null, |slot| dir.json(slot, NAME));
    let Some(Value::Array(keys)) = properties.get_mut(NAME) else {
        return Ok(());
    };
    for key in keys {
        let old = before
            .as_array()
            .into_iter()
            .flatten()
            .find(|old| old["keyId"] == key["keyId"] && !key["keyId"].is_null());
        if key["key"].is_null()
            && let Some(old) = old
        {
            *key = old.clone();
            continue;
        }
        certificate(dir, key)?;
    }
    Ok(())
}

fn certificate(dir: &Directory, key: &mut Value) -> Result<(), SimError> {
    let invalid = || SimError::invalid_property(NAME);
    for required in ["type", "usage"] {
        if key[required].as_str().is_none_or(str::is_empty) {
            return Err(invalid());
        }
    }
    // Lines may be broken, as they may for .NET's decoder; what is kept has none.
    let text: String = key["key"]
        .as_str()
        .ok_or_else(invalid)?
        .split_ascii_whitespace()
        .collect();
    let bytes = STANDARD.decode(&text).map_err(|_| invalid())?;
    key["key"] = text.into();
    let mut default = |name: &str, value: Value| {
        if key[name].is_null() {
            key[name] = value;
        }
    };
    default("keyId", Uuid::new_v4().to_string().into());
    if let Ok((_, certificate)) = X509Certificate::from_der(&bytes) {
        let thumbprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes);
        let thumbprint = thumbprint.as_ref().iter().map(|b| format!("{b:02X}"));
        default("customKeyIdentifier", thumbprint.collect::<String>().into());
        default("displayName", subject(&certificate).into());
        let validity = certificate.validity();
        let moment = |at: time::OffsetDateTime| Value::String(time_text(ticks(at)));
        default("startDateTime", moment(validity.not_before.to_datetime()));
        default("endDateTime", moment(validity.not_after.to_datetime()));
    } else if key["type"] == "AsymmetricX509Cert" {
        return Err(invalid());
    }
    let start = dir.now_text();
    if key["startDateTime"].is_null() {
        key["startDateTime"] = start;
    }
    Ok(())
}

/// The subject as .NET spells it: most special first, `S` for a state.
fn subject(certificate: &X509Certificate<'_>) -> String {
    let parts: Vec<String> = certificate
        .subject()
        .iter_rdn()
        .flat_map(x509_parser::x509::RelativeDistinguishedName::iter)
        .filter_map(|attribute| {
            let name = match attribute.attr_type().to_id_string().as_str() {
                "2.5.4.3" => "CN",
                "2.5.4.6" => "C",
                "2.5.4.7" => "L",
                "2.5.4.8" => "S",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                "1.2.840.113549.1.9.1" => "E",
                "0.9.2342.19200300.100.1.25" => "DC",
                _ => return None,
            };
            Some(format!("{name}={}", attribute.as_str().ok()?))
        })
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(", ")
}
