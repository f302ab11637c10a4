//! The role API of Azure Resource Manager, under `/arm`: role definitions, role assignments, and
//! the requests of Privileged Identity Management, at any scope.
//!
//! Written after recordings of the service: a PUT answers 201 for an update too, a DELETE shows
//! what it deleted, and both say of an assignment who changed it before a GET does.

mod assignments;
mod builtin;
mod call;
mod definitions;
mod errors;
mod hierarchy;
mod requests;
mod scope;
mod store;

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use uuid::Uuid;

use self::call::{Answer, Call};
use self::errors::ArmError;
use self::scope::Place;
use self::store::Store;
use super::core::Graph;
use super::identity::Identity;
use super::request::SimRequest;
use super::server::from_http;

/// What Resource Manager needs.
#[derive(Clone)]
pub struct Arm {
    graph: Arc<Graph>,
    identity: Arc<Identity>,
    state: Arc<RwLock<Store>>,
}

impl Arm {
    /// With nothing in it yet.
    pub fn new(graph: Arc<Graph>, identity: Arc<Identity>) -> Self {
        Self {
            graph,
            identity,
            state: Arc::default(),
        }
    }

    /// As it was at the start.
    pub fn reset(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = Store::default();
    }
}

/// Resource Manager at its own address, where clients that keep Microsoft's find it: everything
/// that nothing else answers, for its hosts.
pub fn at_root(arm: Arm) -> Router {
    Router::new().fallback(answer_at_root).with_state(arm)
}

async fn answer_at_root(state: State<Arm>, request: Request) -> Response {
    let host = request
        .headers()
        .get("host")
        .and_then(|value| value.to_str().ok());
    if host.is_some_and(|host| host.starts_with("management.")) {
        answer(state, request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// `/arm` and everything below.
pub fn router(arm: Arm) -> Router {
    Router::new()
        .route("/arm", any(answer))
        .route("/arm/{*rest}", any(answer))
        .with_state(arm)
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
        if request
            .path
            .trim_matches('/')
            .eq_ignore_ascii_case("metadata/endpoints")
        {
            let tenant = self.graph.read().tenant.clone();
            return Ok((200, hierarchy::endpoints(&request.origin, &tenant)));
        }
        let caller = self
            .identity
            .authenticate_arm(request.header("authorization"))
            .map_err(ArmError::token)?;
        let path = percent_decode_str(&request.path).decode_utf8_lossy();
        let version = request.option("api-version").unwrap_or_default().to_owned();
        if version.is_empty() {
            return Err(ArmError::version());
        }
        let tenant = self.graph.read().tenant.clone();
        if let Some(answer) = hierarchy::handle(&tenant, request.method, &path) {
            return answer;
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
