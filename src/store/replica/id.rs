//! Ids as bytes: a UUID is its 16, anything else its text behind a byte that tells it apart.

use uuid::Uuid;

/// The bytes of an id. A UUID is one in any case, and is given back in small letters.
pub fn to_bytes(id: &str) -> Vec<u8> {
    match Uuid::try_parse(id) {
        Ok(uuid) if id.len() == 36 => uuid.as_bytes().to_vec(),
        _ => {
            let mut bytes = Vec::with_capacity(id.len() + 1);
            bytes.push(0xFF);
            bytes.extend_from_slice(id.as_bytes());
            if bytes.len() == 16 {
                bytes.push(0xFF);
            }
            bytes
        }
    }
}

/// The id of those bytes.
pub fn from_bytes(bytes: &[u8]) -> String {
    if let Ok(uuid) = Uuid::from_slice(bytes) {
        return uuid.hyphenated().to_string();
    }
    let text = bytes.strip_prefix(&[0xFF]).unwrap_or(bytes);
    let text = text.strip_suffix(&[0xFF]).unwrap_or(text);
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back() {
        for id in [
            "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0",
            "x",
            "",
            "123456789012345",
            "1234567890123456",
            "lAPpYvVpN0KRkAEhdxReEJC2sEqbR_9Hr48lds9SGHI-1",
        ] {
            assert_eq!(from_bytes(&to_bytes(id)), id);
        }
        let upper = "6EA91A8D-E32E-41A1-B7BD-D2D185EED0E0";
        assert_eq!(to_bytes(upper).len(), 16);
        assert_eq!(from_bytes(&to_bytes(upper)), upper.to_lowercase());
    }
}
