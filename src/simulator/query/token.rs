//! `$skiptoken`: where a page ended, opaque to the caller.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::simulator::directory::Slot;
use crate::simulator::errors::SimError;

/// The bytes that real tokens start with; encoded, `RFNwd…`.
const MARK: &str = "DSpt";

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The last object.
    #[serde(rename = "s")]
    pub slot: Slot,
    /// Its sort keys, in a sorted list.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// When the page was given, in seconds since 1970.
    #[serde(rename = "t")]
    pub issued: i64,
}

impl Token {
    /// As text.
    pub fn encode(&self) -> String {
        // A number, texts and a number always serialise.
        let json = serde_json::to_string(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{MARK}{json}"))
    }

    /// From text, unless it is too old.
    pub fn decode(text: &str, now: OffsetDateTime, life: Duration) -> Result<Self, SimError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let token: Self = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|t| t.strip_prefix(MARK))
            .and_then(|json| serde_json::from_str(json).ok())
            .ok_or_else(|| SimError::bad("The specified page token value is invalid."))?;
        if now.unix_timestamp() - token.issued > life.whole_seconds() {
            return Err(SimError::new(
                400,
                "Directory_ExpiredPageToken",
                "The specified page token value has expired and can no longer be included in your request.",
            ));
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_until_it_expires() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let token = Token {
            slot: 7,
            keys: vec!["ä".into()],
            issued: 0,
        };
        let text = token.encode();
        assert!(text.starts_with("RFNwd"));
        let hour = Duration::hours(1);
        assert_eq!(Token::decode(&text, now + hour, hour).unwrap(), token);
        let late = Token::decode(&text, now + hour + Duration::SECOND, hour).unwrap_err();
        assert_eq!(late.code(), "Directory_ExpiredPageToken");
        assert_eq!(Token::decode("xyz", now, hour).unwrap_err().status(), 400);
    }
}
