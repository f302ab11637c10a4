//! Graph over HTTP behind sign-in: a request's token is judged, then the tenant answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use uuid::Uuid;

use super::core::Graph;
use super::errors::SimError;
use super::headers::{self, JSON};
use super::identity::routes::origin;
use super::identity::{GRAPH_APP_ID, Identity, TokenFault};
use super::layers::gate::Passage;
use super::metadata;
use super::request::{Caller, SimRequest, SimResponse};
use super::server::{from_http, to_http};
use super::sets::SETS;

/// What the front needs.
#[derive(Clone)]
pub struct Front {
    /// The tenant.
    pub graph: Arc<Graph>,
    /// Its sign-in.
    pub identity: Arc<Identity>,
    /// Its gate, for the counters.
    pub passage: Arc<Passage>,
}

/// `/v1.0/…` and `/beta/…`.
pub fn router(front: Front) -> Router {
    Router::new()
        .route("/v1.0", get(service_document))
        .route("/v1.0/", get(service_document))
        .route("/v1.0/$metadata", get(csdl))
        .route("/v1.0/{*path}", any(answer))
        .route("/beta/{*path}", any(answer))
        .with_state(front)
}

/// Neither this nor the service document asks who reads it.
async fn csdl() -> Response {
    let head = [(header::CONTENT_TYPE, "application/xml")];
    (head, metadata::csdl(SETS)).into_response()
}

async fn service_document(headers: HeaderMap) -> Response {
    let base = format!("{}/v1.0", origin(&headers));
    let document = metadata::service_document(SETS, &base).to_string();
    ([(header::CONTENT_TYPE, JSON)], document).into_response()
}

async fn answer(State(front): State<Front>, request: Request) -> Response {
    let version = request.uri().path().split('/').nth(1).unwrap_or_default();
    let mut request = match from_http(version.to_owned(), request).await {
        Ok(request) => request,
        Err(status) => return status.into_response(),
    };
    match front.identity.authenticate(request.header("authorization")) {
        Ok(caller) => {
            request.caller = Caller {
                app_id: Uuid::parse_str(&caller.app_id).ok(),
                object_id: Uuid::parse_str(&caller.service_principal).ok(),
                roles: caller.roles,
            };
        }
        Err(fault) => return refused(&front, &request, fault),
    }
    // The directory blocks for as long as it is locked; that is not for the event loop.
    let graph = Arc::clone(&front.graph);
    match tokio::task::spawn_blocking(move || graph.handle(&request)).await {
        Ok(response) => to_http(response),
        Err(error) => {
            tracing::error!(%error, "a simulated request failed inside");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// 401, with the challenge that Graph sends.
fn refused(front: &Front, request: &SimRequest, fault: TokenFault) -> Response {
    let error = SimError::new(401, "InvalidAuthenticationToken", fault.message());
    let mut response = SimResponse::refusal(error, request, front.identity.now())
        .with_header(
            "WWW-Authenticate",
            format!(
                "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"{GRAPH_APP_ID}\"",
                request.origin
            ),
        );
    headers::finish(request, &mut response);
    front.passage.counters.answered(response.status);
    to_http(response)
}
