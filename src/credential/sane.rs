//! Token answers before the library sees them: bounded, and with a lifetime that a clock can bear.
//! The library adds `expires_in` to the time of day, and a number out of range is a panic there.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde_json::{Map, Value};

/// A token answer is a few kilobytes; no more of one is read than this.
const MAX_BYTES: usize = 1 << 20;
/// The longest life that is believed, in seconds: Entra gives at most a day.
const LONGEST: u32 = 86_400;
/// 2100-01-01, in seconds since 1970: the last moment that is believed.
const LAST: u32 = 4_102_444_800;

/// Sends through `0`.
#[derive(Debug)]
pub(super) struct Sane(pub(super) Arc<dyn HttpClient>);

#[async_trait]
impl HttpClient for Sane {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, mut body) = self.0.execute_request(request).await?.deconstruct();
        let mut bytes = BytesMut::new();
        while let Some(piece) = body.next().await {
            let piece = piece?;
            if bytes.len() + piece.len() > MAX_BYTES {
                let kind = azure_core::error::ErrorKind::Io;
                return Err(azure_core::Error::with_message(
                    kind,
                    "the token endpoint's answer is too long",
                ));
            }
            bytes.extend_from_slice(&piece);
        }
        let bytes = clamped(bytes.freeze());
        Ok(AsyncRawResponse::from_bytes(status, headers, bytes))
    }
}

/// The answer with lifetimes that are in range; anything else as it is.
fn clamped(bytes: Bytes) -> Bytes {
    let Ok(mut answer) = serde_json::from_slice::<Map<String, Value>>(&bytes) else {
        return bytes;
    };
    let mut changed = false;
    for (name, most) in [
        ("expires_in", LONGEST),
        ("ext_expires_in", LONGEST),
        ("expires_on", LAST),
    ] {
        if let Some(value) = answer.get_mut(name) {
            changed |= clamp(value, most);
        }
    }
    match serde_json::to_vec(&answer) {
        Ok(text) if changed => text.into(),
        _ => bytes,
    }
}

/// Brings a number, or a text that is one, into 0 to `most`; whether it was not there.
fn clamp(value: &mut Value, most: u32) -> bool {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    let top = f64::from(most);
    match number {
        Some(number) if number > top => replace(value, most),
        Some(number) if number < 0.0 => replace(value, 0),
        _ => return false,
    }
    true
}

/// In the form in which it came.
fn replace(value: &mut Value, number: u32) {
    *value = match value {
        Value::String(_) => number.to_string().into(),
        _ => number.into(),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lifetimes_are_in_range() {
        for (given, expected) in [
            (json!({"expires_in": 3599}), json!({"expires_in": 3599})),
            (json!({"expires_in": "3599"}), json!({"expires_in": "3599"})),
            (
                json!({"expires_in": u64::MAX}),
                json!({"expires_in": LONGEST}),
            ),
            (
                json!({"expires_in": i64::MAX}),
                json!({"expires_in": LONGEST}),
            ),
            (json!({"expires_in": 1e30}), json!({"expires_in": LONGEST})),
            (json!({"expires_in": -1}), json!({"expires_in": 0})),
            (json!({"expires_in": i64::MIN}), json!({"expires_in": 0})),
            (
                json!({"ext_expires_in": "1e300"}),
                json!({"ext_expires_in": "86400"}),
            ),
            (
                json!({"expires_on": "1767225600"}),
                json!({"expires_on": "1767225600"}),
            ),
            (
                json!({"expires_on": "99999999999999"}),
                json!({"expires_on": "4102444800"}),
            ),
            (json!({"expires_on": i64::MAX}), json!({"expires_on": LAST})),
            (json!({"expires_on": -5}), json!({"expires_on": 0})),
            (json!({"expires_in": "soon"}), json!({"expires_in": "soon"})),
            (
                json!({"expires_in": null, "x": 1}),
                json!({"expires_in": null, "x": 1}),
            ),
        ] {
            let got = clamped(Bytes::from(given.to_string()));
            let got: Value = serde_json::from_slice(&got).unwrap();
            assert_eq!(got, expected, "{given}");
        }
        assert_eq!(
            clamped(Bytes::from_static(b"<html>")),
            Bytes::from_static(b"<html>")
        );
    }
}
