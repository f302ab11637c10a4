//! The role API of Azure Resource Manager, under `/arm`: role definitions, role assignments, and
//! the requests of Privileged Identity Management, at any scope.
//!
//! Written after recordings of the service: a PUT answers 201 for an update too, a DELETE shows
//! what it deleted, and both say of an assignment who changed it before a GET does.

mod assignments;
mod builtin;
mod definitions;
mod errors;
mod requests;
mod scope;

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use self::errors::ArmError;
use self::scope::{Place, Scope};
use super::core::Graph;
use super::identity::Identity;
use super::request::SimRequest;
use super::server::from_http;
use crate::odata::request::Method;

/// An answer: status and body, null for none.
type Answer = Result<(u16, Value), ArmError>;

/// What Resource Manager needs.
#[derive(Clone)]
pub struct Arm {
    graph: Arc<Graph>,
    identity: Arc<Identity>,
    state: Arc<RwLock<Store>>,
}

/// What Resource Manager keeps.
#[derive(Debug, Default)]
struct Store {
    definitions: Vec<definitions::Definition>,
    assignments: Vec<assignments::Assignment>,
    requests: Vec<requests::ScheduleRequest>,
}

/// One request.
struct Call<'a> {
    graph: &'a Graph,
    store: &'a mut Store,
    /// The service principal that calls.
    caller: String,
    method: Method,
    scope: Scope,
    /// The name of the resource, and what follows it.
    rest: Vec<String>,
    filter: Option<String>,
    version: String,
    body: Value,
    now: OffsetDateTime,
}

impl Call<'_> {
    /// A resource's properties in a body.
    fn properties(&self) -> Result<&serde_json::Map<String, Value>, ArmError> {
        self.body
            .get("properties")
            .and_then(Value::as_object)
            .ok_or_else(ArmError::content)
    }

    /// The name of the resource as a GUID.
    fn name(&self) -> Result<String, ArmError> {
        let name = self.rest.first().ok_or_else(ArmError::method)?;
        Uuid::parse_str(name)
            .map(|id| id.to_string())
            .map_err(|_| ArmError::name(name))
    }
}

/// `/arm` and everything below.
pub fn router(graph: Arc<Graph>, identity: Arc<Identity>) -> Router {
    Router::new()
        .route("/arm", any(answer))
        .route("/arm/{*rest}", any(answer))
        .with_state(Arm {
            graph,
            identity,
            state: Arc::default(),
        })
}

async fn answer(State(arm): State<Arm>, request: Request) -> Response {
    let request = match from_http("arm".to_owned(), request).await {
        Ok(request) => request,
        Err(status) => return status.into_response(),
    };
    let id = request.request_id;
    // The directory blocks for as long as it is locked; that is not for the event loop.
    match tokio::task::spawn_blocking(move || arm.handle(&request)).await {
        Ok(result) => to_http(result, id),
        Err(error) => {
            tracing::error!(%error, "a simulated request failed inside");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn to_http(result: Answer, id: Uuid) -> Response {
    let (status, body) = result.unwrap_or_else(ArmError::into_answer);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if body.is_null() {
        status.into_response()
    } else {
        (
            status,
            [("content-type", "application/json; charset=utf-8")],
            body.to_string(),
        )
            .into_response()
    };
    for name in ["x-ms-request-id", "x-ms-correlation-request-id"] {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

impl Arm {
    fn handle(&self, request: &SimRequest) -> Answer {
        let caller = self
            .identity
            .authenticate_arm(request.header("authorization"))
            .map_err(ArmError::token)?;
        let path = percent_decode_str(&request.path).decode_utf8_lossy();
        let version = request.option("api-version").unwrap_or_default().to_owned();
        if version.is_empty() {
            return Err(ArmError::version());
        }
        let Place { scope, kind, rest } = Place::parse(&path)?;
        let body = if request.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&request.body).map_err(|_| ArmError::content())?
        };
        let now = self.graph.read().now();
        let mut store = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut call = Call {
            graph: &self.graph,
            store: &mut store,
            caller: caller.service_principal,
            method: request.method,
            scope,
            rest,
            filter: request.option("$filter").map(str::to_owned),
            version,
            body,
            now,
        };
        match kind.to_ascii_lowercase().as_str() {
            "roledefinitions" => definitions::handle(&mut call),
            "roleassignments" => assignments::handle(&mut call),
            "roleeligibilityschedulerequests" => requests::handle(&mut call, true),
            "roleassignmentschedulerequests" => requests::handle(&mut call, false),
            _ => Err(ArmError::kind(&kind)),
        }
    }
}

/// `2023-08-23T12:44:00.9627354Z`: ticks of 100 ns, all seven digits.
fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.nanosecond() / 100
    )
}

/// The terms of a `$filter`, joined by `and`.
fn terms(filter: Option<&str>) -> Vec<Term> {
    filter
        .into_iter()
        .flat_map(|text| text.split(" and "))
        .map(|term| {
            let term = term.trim();
            match term.split_once(" eq ") {
                Some((name, value)) => Term::Equals(name.trim().to_owned(), unquoted(value.trim())),
                None => match term.strip_suffix(')').and_then(|t| t.split_once('(')) {
                    Some((name, value)) => Term::Call(name.to_owned(), unquoted(value)),
                    None => Term::Unknown(term.to_owned()),
                },
            }
        })
        .collect()
}

/// A term of a `$filter`.
enum Term {
    /// `name eq 'value'`
    Equals(String, String),
    /// `name('value')`
    Call(String, String),
    /// Anything else.
    Unknown(String),
}

fn unquoted(text: &str) -> String {
    text.trim_matches('\'').replace("''", "'")
}

fn list(items: impl Iterator<Item = Value>) -> (u16, Value) {
    (200, json!({"value": items.collect::<Vec<_>>()}))
}
