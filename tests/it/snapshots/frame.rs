//! An exchange as a snapshot shows it: what differs from run to run is checked for its form, and
//! replaced by its name.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use insta::dynamic_redaction;
use insta::internals::{Content, ContentPath, Redaction};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::support::app::{Answer, App};

/// Headers that say nothing about the answer.
const LEFT_OUT: [&str; 3] = ["date", "content-length", "connection"];

/// A request.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            path,
            body: None,
            headers: &[],
        }
    }

    pub fn body(self, body: &'a Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    pub fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }
}

/// A running pair, and the names of what was made in it.
pub struct Camera {
    pub app: App,
    names: Vec<(String, String)>,
}

impl Camera {
    pub fn new(app: App) -> Self {
        let host = app.gateway_url().to_owned();
        Self {
            app,
            names: vec![(host, "http://[host]".to_owned())],
        }
    }

    /// From here on snapshots show the name in place of the text.
    pub fn name(&mut self, text: &str, name: &str) {
        self.names.push((text.to_owned(), format!("[{name}]")));
    }

    /// Makes something; gives its id, which snapshots show by `name`.
    pub async fn make(&mut self, path: &str, body: &Value, name: &str) -> String {
        let made = self.app.post(path, body).await.expect_status(201);
        let id = made.body["id"].as_str().unwrap().to_owned();
        self.name(&id, name);
        id
    }

    fn named(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn all_named(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.named(text).into(),
            Value::Array(items) => items.iter().map(|item| self.all_named(item)).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(name, value)| (name.clone(), self.all_named(value)))
                .collect(),
            other => other.clone(),
        }
    }

    /// Sends the request; gives the answer, and the exchange for the snapshot. What a create
    /// made is shown as `[made]` here, and by the name that [`Camera::name`] gives it later.
    pub async fn exchange(&self, request: &Request<'_>) -> (Answer, Value) {
        let Request {
            method,
            path,
            body,
            headers,
        } = request;
        let answer = self.app.request(method, path, *body, headers).await;
        let mut shown = Map::new();
        shown.insert(
            "request".into(),
            self.named(&format!("{method} {path}")).into(),
        );
        for (name, value) in *headers {
            shown.insert((*name).to_owned(), self.named(value).into());
        }
        if let Some(body) = body {
            shown.insert("sent".into(), self.all_named(body));
        }
        shown.insert("status".into(), answer.status.into());
        let mut names: Vec<&str> = answer
            .headers
            .keys()
            .map(reqwest::header::HeaderName::as_str)
            .collect();
        names.retain(|name| !LEFT_OUT.contains(name));
        names.sort_unstable();
        let headers: Map<String, Value> = names
            .into_iter()
            .map(|name| {
                let value = answer.header(name).unwrap_or_default();
                (name.to_owned(), self.named(value).into())
            })
            .collect();
        shown.insert("headers".into(), headers.into());
        let body = if answer.body.is_null() {
            json!(answer.text)
        } else {
            self.all_named(&answer.body)
        };
        shown.insert("body".into(), body);
        let mut shown = Value::Object(shown);
        if answer.status == 201
            && let Some(id) = answer.body["id"].as_str()
        {
            shown = replaced(&shown, id, "[made]");
        }
        (answer, shown)
    }
}

fn replaced(value: &Value, from: &str, to: &str) -> Value {
    let camera = |text: &str| text.replace(from, to);
    match value {
        Value::String(text) => camera(text).into(),
        Value::Array(items) => items.iter().map(|item| replaced(item, from, to)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), replaced(value, from, to)))
            .collect(),
        other => other.clone(),
    }
}

/// What differs from run to run: where it stands, and what it becomes.
pub fn redactions() -> Vec<(&'static str, Redaction)> {
    vec![
        (".headers[\"x-request-id\"]", dynamic_redaction(id)),
        (".headers[\"x-graph-request-id\"]", dynamic_redaction(id)),
        (".headers.etag", dynamic_redaction(version)),
        (".body.**.meta.version", dynamic_redaction(version)),
        (".body.Operations[].version", dynamic_redaction(version)),
        (".body.nextCursor", dynamic_redaction(cursor)),
        (".body.keys[].kid", dynamic_redaction(bits)),
        (".body.keys[].x", dynamic_redaction(bits)),
        (".body.keys[].y", dynamic_redaction(bits)),
        (".body.**.meta.created", dynamic_redaction(moment)),
        (
            ".body.**.lastPasswordChangeDateTime",
            dynamic_redaction(moment),
        ),
        (".body.**.renewedDateTime", dynamic_redaction(moment)),
        (".body.**.start", dynamic_redaction(moment)),
        (".body.**.end", dynamic_redaction(moment)),
        ("[\"if-match\"]", dynamic_redaction(version)),
        ("[\"if-none-match\"]", dynamic_redaction(version)),
    ]
}

fn id(value: Content, at: ContentPath<'_>) -> Content {
    let text = value.as_str().unwrap_or_default();
    assert!(Uuid::parse_str(text).is_ok(), "{at} is no id: {value:?}");
    "[id]".into()
}

fn cursor(value: Content, at: ContentPath<'_>) -> Content {
    let text = value.as_str().unwrap_or_default();
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(text);
    assert!(
        sealed.is_ok_and(|bytes| bytes.len() > 28),
        "{at} is no cursor: {value:?}"
    );
    "[cursor]".into()
}

/// A coordinate of the curve (256 bits), or the name of a key (96).
fn bits(value: Content, at: ContentPath<'_>) -> Content {
    let text = value.as_str().unwrap_or_default();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text);
    assert!(
        bytes.is_ok_and(|bytes| [12, 32].contains(&bytes.len())),
        "{at} is no key: {value:?}"
    );
    "[bits]".into()
}

fn moment(value: Content, at: ContentPath<'_>) -> Content {
    let text = value.as_str().unwrap_or_default();
    let read = OffsetDateTime::parse(text, &Rfc3339);
    assert!(read.is_ok(), "{at} is no moment: {value:?}");
    "[moment]".into()
}

/// A weak entity tag: 128 bits in base64. One that a test made up stays as it is.
fn version(value: Content, at: ContentPath<'_>) -> Content {
    let text = value.as_str().unwrap_or_default();
    if text == "W/\"stale\"" {
        return value;
    }
    let inner = text.strip_prefix("W/\"").and_then(|t| t.strip_suffix('"'));
    assert!(
        inner.is_some_and(|t| t.len() == 22 && BASE64_URL_SAFE_NO_PAD.decode(t).is_ok()),
        "{at} is no version: {value:?}"
    );
    "W/\"[version]\"".into()
}
