//! `$deltatoken` and the `$skiptoken` of delta rounds: opaque to the caller, bound to the query of
//! the first call.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::simulator::directory::Slot;

/// Where a round stands, and what was asked at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The set.
    #[serde(rename = "s")]
    pub set: String,
    /// The loading of the tenant.
    #[serde(rename = "g")]
    pub generation: i64,
    /// Changes after this number are asked for; `None` is everything.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// In a round: the last change that it covers.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<u64>,
    /// In a round: the object where it goes on, and how many of its links were shown.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<(Slot, usize)>,
    /// The change in front of `since` was shown before.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// `$select`
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Vec<String>>,
    /// Ids of `$filter`.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// When it was given, in seconds since 1970.
    #[serde(rename = "t")]
    pub issued: i64,
}

impl Token {
    /// As text.
    pub fn encode(&self) -> String {
        // Numbers and texts always serialise.
        let json = serde_json::to_string(self).unwrap_or_default();
        // Turned round, so that nobody reads it by accident.
        let bytes: Vec<u8> = json.bytes().rev().map(|b| b ^ 0x55).collect();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From text.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let json: Vec<u8> = bytes.into_iter().rev().map(|b| b ^ 0x55).collect();
        serde_json::from_slice(&json).ok()
    }
}
