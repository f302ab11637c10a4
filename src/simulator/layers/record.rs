//! Exchanges as JSON lines, in the form of the recordings of the real service.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

/// What `source` says in every line.
const SOURCE: &str = "entra-scim:simulate";

/// Appends exchanges to a file.
#[derive(Debug)]
pub struct Recorder(Mutex<(File, u64)>);

/// One exchange.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// The caller's headers; `Authorization` is left out of the record.
    pub request_headers: &'a HeaderMap,
    /// The caller's body.
    pub request_body: &'a [u8],
    /// The status.
    pub status: u16,
    /// The answer's headers.
    pub response_headers: &'a HeaderMap,
    /// The answer's body.
    pub response_body: &'a [u8],
}

impl Recorder {
    /// Appends to `path`, which is created when missing.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new((file, 0))))
    }

    /// Appends one exchange; one line is one write, so that a killed process leaves whole lines.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, exchange: &Exchange<'_>) -> io::Result<()> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, seq) = &mut *guard;
        *seq += 1;
        let mut line = json!({
            "source": SOURCE,
            "seq": *seq,
            "request": {
                "method": exchange.method,
                "url": exchange.url,
                "headers": headers(exchange.request_headers),
                "body": body(exchange.request_body),
            },
            "response": {
                "status": exchange.status,
                "headers": headers(exchange.response_headers),
                "body": body(exchange.response_body),
            },
        })
        .to_string();
        line.push('\n');
        file.write_all(line.as_bytes())
    }
}

fn headers(headers: &HeaderMap) -> Value {
    let map: Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "authorization" | "host" | "date"))
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), Value::String(text))
        })
        .collect();
    Value::Object(map)
}

/// JSON as JSON, other text as a string, nothing as null; bytes as base64.
fn body(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_lines_without_tokens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("exchanges.jsonl");
        let mut request_headers = HeaderMap::new();
        request_headers.insert("authorization", "Bearer secret".parse().unwrap());
        request_headers.insert("consistencylevel", "eventual".parse().unwrap());
        let response_headers = HeaderMap::new();
        for (bytes, _) in [(&b"{\"a\":1}"[..], 1), (&b""[..], 2)] {
            let recorder = Recorder::open(&path).unwrap();
            recorder
                .append(&Exchange {
                    method: "GET",
                    url: "http://x/v1.0/users",
                    request_headers: &request_headers,
                    request_body: b"",
                    status: 200,
                    response_headers: &response_headers,
                    response_body: bytes,
                })
                .unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret"));
        let lines: Vec<Value> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines[0]["request"]["headers"],
            json!({"consistencylevel": "eventual"})
        );
        assert_eq!(lines[0]["response"]["body"], json!({"a": 1}));
        assert_eq!(lines[1]["response"]["body"], Value::Null);
    }
}
