//! The files of recordings.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::aloud::beside;

/// One recorded exchange.
pub struct Exchange {
    /// The scenario.
    pub source: String,
    /// Its place in the scenario.
    pub seq: u64,
    /// The method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The request's body, null without one.
    pub body: Value,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers.
    pub headers: Map<String, Value>,
    /// The answer's body, null without one.
    pub answer: Value,
    /// When it was recorded.
    pub at: OffsetDateTime,
}

impl Exchange {
    /// A header of the answer; names without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_str())
    }

    /// Whether Graph was asked, as opposed to Azure Resource Manager.
    pub fn is_graph(&self) -> bool {
        self.url.starts_with("https://graph.microsoft.com")
    }
}

/// A recorded or documented error.
pub struct KnownError {
    /// The status, where it is known.
    pub status: Option<u16>,
    /// The code.
    pub code: String,
    /// The text.
    pub message: String,
}

/// The folder, where it is there.
#[track_caller]
pub fn folder() -> Option<PathBuf> {
    beside(
        "the recordings against the simulator",
        "graph/recordings/exchanges.jsonl",
    )
    .and_then(|file| file.parent().map(Path::to_owned))
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// All exchanges.
pub fn exchanges(folder: &Path) -> Vec<Exchange> {
    lines(&folder.join("exchanges.jsonl"))
        .into_iter()
        .map(|line| {
            let text = |pointer: &str| {
                let value = line.pointer(pointer).and_then(Value::as_str);
                value.unwrap_or_default().to_owned()
            };
            let response = &line["response"];
            let answer = match response["body_file"].as_str() {
                Some(file) => {
                    let name = Path::new(file).file_name().unwrap();
                    let bytes = std::fs::read(folder.join("bodies").join(name)).unwrap();
                    serde_json::from_slice(&bytes).unwrap()
                }
                None => response["body"].clone(),
            };
            Exchange {
                source: text("/source"),
                seq: line["seq"].as_u64().unwrap(),
                method: text("/request/method"),
                url: text("/request/url"),
                body: line["request"]["body"].clone(),
                status: response["status"]
                    .as_u64()
                    .and_then(|s| s.try_into().ok())
                    .unwrap(),
                headers: response["headers"].as_object().cloned().unwrap_or_default(),
                answer,
                at: OffsetDateTime::parse(&text("/recorded"), &Rfc2822).unwrap(),
            }
        })
        .collect()
}

/// All errors.
pub fn errors(folder: &Path) -> Vec<KnownError> {
    lines(&folder.join("errors.jsonl"))
        .into_iter()
        .filter_map(|line| {
            let body = line
                .get("body")
                .or_else(|| line.pointer("/response/body"))?;
            let status = line
                .get("status")
                .or_else(|| line.pointer("/response/status"));
            Some(KnownError {
                status: status
                    .and_then(Value::as_u64)
                    .and_then(|s| s.try_into().ok()),
                code: body.pointer("/error/code")?.as_str()?.to_owned(),
                message: body.pointer("/error/message")?.as_str()?.to_owned(),
            })
        })
        .collect()
}
