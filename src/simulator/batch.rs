//! `$batch`: up to twenty requests in one, in parallel or chained.

use std::collections::HashMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::errors::SimError;
use super::model::Sets;
use super::request::{Body, SimRequest, SimResponse, parse_query};
use super::{headers, route};
use crate::odata::request::Method;

/// The most items.
const MAX_ITEMS: usize = 20;

/// Headers of the connection's answer alone: items were recorded without them.
const OUTER: [&str; 4] = [
    "Strict-Transport-Security",
    "request-id",
    "client-request-id",
    "x-ms-ags-diagnostic",
];

struct Item {
    id: String,
    request: SimRequest,
    after: Vec<String>,
}

/// What a batch needs of the tenant that it is for.
pub struct Batch<'a> {
    /// The table of entity sets.
    pub sets: Sets,
    /// Of two unchained writes to one object, the later gets 409.
    pub concurrency_violations: bool,
    /// The present moment.
    pub now: OffsetDateTime,
    /// Answers one item.
    pub answer: &'a dyn Fn(&SimRequest) -> SimResponse,
}

/// Answers a `$batch`.
pub fn run(batch: &Batch<'_>, outer: &SimRequest) -> Result<SimResponse, SimError> {
    let items = parse(outer)?;
    let mut statuses: HashMap<&str, u16> = HashMap::new();
    let mut written: Vec<(String, &str)> = Vec::new();
    let mut responses = Vec::new();
    let mut waiting: Vec<&Item> = items.iter().collect();
    while !waiting.is_empty() {
        let ready = |item: &&Item| {
            item.after
                .iter()
                .all(|id| statuses.contains_key(id.as_str()))
        };
        let (now, later): (Vec<&Item>, Vec<&Item>) = waiting.into_iter().partition(ready);
        if now.is_empty() {
            return Err(invalid(
                "Invalid dependency: the requests of the batch wait for each other.",
            ));
        }
        waiting = later;
        for item in now {
            let failed = item.after.iter().any(|id| statuses[id.as_str()] >= 400);
            let mut response = if failed {
                refusal(
                    batch,
                    item,
                    SimError::new(424, "FailedDependency", "Failed Dependency"),
                )
            } else if batch.concurrency_violations && conflicts(batch.sets, item, &items, &written)
            {
                refusal(batch, item, SimError::concurrency())
            } else {
                (batch.answer)(&item.request)
            };
            if response.status < 400
                && let Some(target) = write_target(batch.sets, &item.request)
            {
                written.push((target, &item.id));
            }
            statuses.insert(&item.id, response.status);
            responses.push(shown(&item.id, &mut response));
        }
    }
    Ok(SimResponse {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: Body::Json(json!({ "responses": responses })),
    })
}

fn refusal(batch: &Batch<'_>, item: &Item, error: SimError) -> SimResponse {
    let mut response = SimResponse::refusal(error, &item.request, batch.now);
    headers::finish(&item.request, &mut response);
    response
}

/// The object that a write is to: its set and key.
fn write_target(sets: Sets, request: &SimRequest) -> Option<String> {
    let reads = [
        "getbyids",
        "checkmembergroups",
        "checkmemberobjects",
        "getmembergroups",
        "getmemberobjects",
    ];
    let segments = route::split(&request.path);
    let last = segments.last()?.to_ascii_lowercase();
    if request.method == Method::Get || reads.contains(&last.as_str()) {
        return None;
    }
    let set = route::parse(sets, &request.path).ok()?;
    let key = set.rest.first()?;
    Some(format!("{}/{}", set.set.context, key.to_ascii_lowercase()))
}

/// Whether an item writes what another item of this batch wrote, without waiting for it.
fn conflicts(sets: Sets, item: &Item, items: &[Item], written: &[(String, &str)]) -> bool {
    let Some(target) = write_target(sets, &item.request) else {
        return false;
    };
    written
        .iter()
        .any(|(other, id)| *other == target && !waits_for(item, id, items))
}

fn waits_for(item: &Item, id: &str, items: &[Item]) -> bool {
    item.after.iter().any(|after| {
        after == id
            || items
                .iter()
                .find(|i| i.id == *after)
                .is_some_and(|before| waits_for(before, id, items))
    })
}

fn shown(id: &str, response: &mut SimResponse) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), id.into());
    shown.insert("status".to_owned(), response.status.into());
    let headers: Map<String, Value> = response
        .headers
        .drain(..)
        .filter(|(name, _)| !OUTER.iter().any(|outer| name.eq_ignore_ascii_case(outer)))
        .map(|(name, value)| (name, value.into()))
        .collect();
    shown.insert("headers".to_owned(), headers.into());
    let body = match std::mem::take(&mut response.body) {
        Body::Empty => None,
        Body::Json(value) => Some(value),
        Body::Text(text) => Some(
            text.parse::<u64>()
                .map_or_else(|_| Value::String(text.clone()), Value::from),
        ),
        Body::Bytes(_, bytes) => {
            use base64::Engine;
            Some(
                base64::engine::general_purpose::STANDARD
                    .encode(bytes)
                    .into(),
            )
        }
    };
    if let Some(body) = body {
        shown.insert("body".to_owned(), body);
    }
    shown.into()
}

fn invalid(message: &str) -> SimError {
    SimError::gateway(message)
}

fn parse(outer: &SimRequest) -> Result<Vec<Item>, SimError> {
    let body = outer.body_object()?;
    let requests = body
        .get("requests")
        .and_then(Value::as_array)
        .ok_or_else(|| invalid("Invalid batch payload format."))?;
    if requests.len() > MAX_ITEMS {
        return Err(invalid(
            "Number of batch request steps exceeds the maximum value of 20.",
        ));
    }
    let mut items: Vec<Item> = Vec::new();
    for request in requests {
        let item = parse_item(outer, request)?;
        if items.iter().any(|other| other.id == item.id) {
            return Err(invalid("Request Id has to be unique in a batch."));
        }
        items.push(item);
    }
    let unknown = |id: &String| !items.iter().any(|other| other.id == *id);
    if items.iter().any(|item| item.after.iter().any(unknown)) {
        return Err(invalid(
            "Invalid dependency: 'dependsOn' names no request of the batch.",
        ));
    }
    Ok(items)
}

fn parse_item(outer: &SimRequest, item: &Value) -> Result<Item, SimError> {
    let text = |name: &str| item[name].as_str();
    let id = text("id").filter(|id| !id.is_empty());
    let id = id
        .ok_or_else(|| invalid("Request Id cannot be null or empty."))?
        .to_owned();
    let method = match text("method")
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Err(invalid("Invalid or missing method of a batch request.")),
    };
    let url = text("url").ok_or_else(|| invalid("Invalid or missing url of a batch request."))?;
    if url.contains("://") {
        return Err(invalid("The url of a batch request must be relative."));
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let headers: Vec<(String, String)> = item["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .collect();
    let content_type = headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .map(|(_, v)| v);
    let body = match &item["body"] {
        Value::Null => Bytes::new(),
        _ if content_type.is_none() => return Err(SimError::content_type()),
        Value::String(base64) if content_type.is_some_and(|t| !t.contains("json")) => {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD.decode(base64);
            bytes
                .map_err(|_| invalid("Invalid batch payload format."))?
                .into()
        }
        body => Bytes::from(body.to_string()),
    };
    let after = match &item["dependsOn"] {
        Value::Null => Vec::new(),
        Value::Array(ids) => ids
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => return Err(invalid("Invalid batch payload format.")),
    };
    let request = SimRequest {
        method,
        path,
        written: None,
        query: parse_query(query),
        headers,
        body,
        request_id: Uuid::new_v4(),
        in_batch: true,
        ..outer.clone()
    };
    if percent_decode_str(&request.path).decode_utf8().is_err() {
        return Err(invalid("Invalid or missing url of a batch request."));
    }
    Ok(Item { id, request, after })
}
