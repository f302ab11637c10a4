//! Request bodies: bounded, JSON, or a SCIM error.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::scim::error::{Error, Kind};

/// Reads a JSON object body of at most `limit` bytes.
///
/// # Errors
/// 415 for another media type, 413 for a larger body, `invalidSyntax` for what is no JSON object.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Value, Error> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let media = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !matches!(
        media.as_str(),
        "application/scim+json" | "application/json" | ""
    ) {
        return Err(Error::new(
            Kind::UnsupportedMediaType,
            format!("'{media}' is not taken: send application/scim+json"),
        ));
    }
    let too_large = || {
        Error::new(
            Kind::TooLarge,
            format!("the request body is larger than {limit} bytes"),
        )
    };
    let bytes = match collect(body, limit).await {
        Ok(bytes) => bytes,
        Err(Broken::TooLarge) => return Err(too_large()),
        Err(Broken::Cut) => {
            return Err(Error::invalid_syntax(
                "the request body did not arrive whole",
            ));
        }
    };
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|e| Error::invalid_syntax(format!("the request body is not JSON: {e}")))?;
    if !value.is_object() {
        return Err(Error::invalid_syntax(
            "the request body is not a JSON object",
        ));
    }
    Ok(value)
}

/// Why a body was not read.
enum Broken {
    TooLarge,
    Cut,
}

/// How much of a body that is too large is read and thrown away, and for how long: a client that
/// is still sending when the connection closes never sees the answer.
const DRAINED: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, Broken> {
    let mut frames = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Broken::Cut)?;
        if bytes.len() + frame.len() > limit {
            let drain = async {
                let mut dropped = 0;
                while let Some(Ok(frame)) = frames.next().await {
                    dropped += frame.len();
                    if dropped > DRAINED {
                        break;
                    }
                }
            };
            if tokio::time::timeout(DRAIN_TIME, drain).await.is_err() {
                tracing::info!("a body that is too large was not drained in time");
            }
            return Err(Broken::TooLarge);
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies() {
        for (media, body, expected) in [
            ("application/scim+json; charset=utf-8", "{}", None),
            ("application/json", r#"{"a":1}"#, None),
            ("", "{}", None),
            ("text/xml", "{}", Some(Kind::UnsupportedMediaType)),
            ("application/json", "{\"a\":", Some(Kind::InvalidSyntax)),
            ("application/json", "[]", Some(Kind::InvalidSyntax)),
            ("application/json", "", Some(Kind::InvalidSyntax)),
            (
                "application/json",
                r#"{"a":"0123456789012345678901234567890123456789"}"#,
                Some(Kind::TooLarge),
            ),
        ] {
            let mut headers = HeaderMap::new();
            if !media.is_empty() {
                headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
            }
            let result = read(&headers, Body::from(body), 32).await;
            assert_eq!(result.err().map(|e| e.kind), expected, "{media} {body}");
        }
    }

    #[tokio::test]
    async fn deep_json_is_an_error_not_a_crash() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let error = read(&HeaderMap::new(), Body::from(deep), 1 << 20)
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::InvalidSyntax);
    }
}
