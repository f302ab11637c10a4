//! One Graph request and its answer as values, whether they came over HTTP or inside a `$batch`.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::directory::{ticks, time_text};
use super::errors::SimError;
use crate::odata::request::Method;

/// Graph's hosts, one of each cloud. Clients write them as constants, in addresses of objects and as
/// the resource that they want a token for, wherever they reach Graph.
pub const GRAPH_HOSTS: [&str; 4] = [
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
];

/// Who calls, as its token says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The application's client id.
    pub app_id: Option<Uuid>,
    /// The service principal's object id.
    pub object_id: Option<Uuid>,
    /// Application permissions (`roles` in the token).
    pub roles: Vec<String>,
}

/// A request to Graph.
#[derive(Clone, Debug)]
pub struct SimRequest {
    /// The method.
    pub method: Method,
    /// The path below the version (`/users/x`), percent-encoded as it came.
    pub path: String,
    /// The path as it was written, where that is another: with the tenant before it, or with names
    /// qualified by their namespace.
    pub written: Option<String>,
    /// Query options, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Scheme and host that links start with: `http://127.0.0.1:9400`.
    pub origin: String,
    /// `v1.0` or `beta`.
    pub version: String,
    /// The caller.
    pub caller: Caller,
    /// The answer's `request-id`.
    pub request_id: Uuid,
    /// Whether it is an item of a `$batch`.
    pub in_batch: bool,
}

impl SimRequest {
    /// A request to `url` (`/users?$top=5`) at v1.0, without headers and body.
    pub fn new(method: Method, url: &str, origin: &str) -> Self {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Self {
            method,
            path: path.to_owned(),
            written: None,
            query: parse_query(query),
            headers: Vec::new(),
            body: Bytes::new(),
            origin: origin.to_owned(),
            version: "v1.0".to_owned(),
            caller: Caller::default(),
            request_id: Uuid::new_v4(),
            in_batch: false,
        }
    }

    /// Adds a header.
    pub fn header_set(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Sets a JSON body.
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self.header_set("content-type", "application/json")
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// A query option; names without case, the `$` belongs to the name.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the caller sent `ConsistencyLevel: eventual`.
    pub fn is_eventual(&self) -> bool {
        self.header("consistencylevel")
            .is_some_and(|v| v.trim().eq_ignore_ascii_case("eventual"))
    }

    /// The caller's `client-request-id`, else the answer's own id.
    pub fn client_request_id(&self) -> String {
        self.header("client-request-id")
            .map_or_else(|| self.request_id.to_string(), str::to_owned)
    }

    /// `http://host/v1.0`
    pub fn base(&self) -> String {
        format!("{}/{}", self.origin, self.version)
    }

    /// Whether a PATCH by an alternate key makes the object that is not there
    /// ([upsert](https://learn.microsoft.com/graph/api/application-upsert)).
    pub fn creates_if_missing(&self) -> bool {
        let preferences = self.header("prefer").unwrap_or_default();
        let mut all = preferences.split([',', ';']).map(str::trim);
        self.method == Method::Patch && all.any(|p| p.eq_ignore_ascii_case("create-if-missing"))
    }

    /// The path that links go on with.
    pub fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.path)
    }

    /// The body as a JSON object.
    pub fn body_object(&self) -> Result<Map<String, Value>, SimError> {
        let json = self.header("content-type").is_some_and(|t| {
            t.trim()
                .to_ascii_lowercase()
                .starts_with("application/json")
        });
        if !json {
            return Err(SimError::content_type());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(body)) => Ok(body),
            _ => Err(SimError::payload()),
        }
    }
}

/// Splits and decodes a query string; `+` is a space.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// The body of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// JSON.
    Json(Value),
    /// `text/plain`
    Text(String),
    /// Bytes of a content type.
    Bytes(String, Bytes),
}

/// An answer of Graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimResponse {
    /// The status.
    pub status: u16,
    /// Headers, names as on the wire; the common ones are added at the end.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl SimResponse {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Json(body),
        }
    }

    /// `200` with a JSON body.
    pub fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// `204`
    pub fn no_content() -> Self {
        Self {
            status: 204,
            ..Self::default()
        }
    }

    /// An error in Graph's envelope, as the answer to `request` at `now`.
    pub fn refusal(error: SimError, request: &SimRequest, now: time::OffsetDateTime) -> Self {
        let mut body = Map::new();
        body.insert("code".into(), error.code().into());
        body.insert("message".into(), error.message().into());
        if !error.details().is_empty() {
            body.insert("details".into(), error.details().into());
        }
        let date = time_text(ticks(now));
        let inner = json!({
            "date": date.trim_end_matches('Z'),
            "request-id": request.request_id.to_string(),
            "client-request-id": request.client_request_id(),
        });
        body.insert("innerError".into(), inner);
        Self::json(error.status(), json!({ "error": body }))
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A header; names without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The JSON body; null without one.
    pub fn body_json(&self) -> &Value {
        match &self.body {
            Body::Json(value) => value,
            _ => &Value::Null,
        }
    }
}
