//! Sign-in over HTTP.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use uuid::Uuid;

use super::managed::{ManagedRefusal, ManagedRequest};
use super::{Identity, Refusal};

/// What the routes need.
#[derive(Clone)]
pub struct SignIn {
    /// The tenant's sign-in service.
    pub identity: Arc<Identity>,
    /// What App Service callers must send as `X-IDENTITY-HEADER`.
    pub identity_header: Arc<str>,
}

/// `/{tenant}/oauth2/v2.0/token` and what is published beside it, `/msi/token`, `/metadata/identity/oauth2/token`.
pub fn router(sign_in: SignIn) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/{tenant}/oauth2/token", post(token))
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(configuration_v2),
        )
        .route(
            "/{tenant}/.well-known/openid-configuration",
            get(configuration_v1),
        )
        .route("/{tenant}/discovery/v2.0/keys", get(keys))
        .route("/{tenant}/discovery/keys", get(keys))
        .route("/common/discovery/instance", get(instance))
        .route("/msi/token", get(app_service))
        .route("/metadata/identity/oauth2/token", get(imds))
        .with_state(sign_in)
}

/// `http://host:port`, as the caller reached us.
pub(crate) fn origin(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("localhost");
    let scheme = headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .filter(|scheme| *scheme == "https")
        .unwrap_or("http");
    format!("{scheme}://{host}")
}

async fn configuration_v2(
    State(SignIn { identity, .. }): State<SignIn>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    configuration(&identity, &tenant, &headers, true)
}

async fn configuration_v1(
    State(SignIn { identity, .. }): State<SignIn>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    configuration(&identity, &tenant, &headers, false)
}

fn configuration(identity: &Identity, tenant: &str, headers: &HeaderMap, v2: bool) -> Response {
    match identity.configuration(tenant, &origin(headers), v2) {
        Ok(document) => Json(document).into_response(),
        Err(refusal) => refused(&refusal, identity, Uuid::new_v4(), Uuid::new_v4()),
    }
}

async fn keys(State(SignIn { identity, .. }): State<SignIn>) -> Response {
    // A key may have to be made.
    let made = tokio::task::spawn_blocking(move || identity.published_keys()).await;
    match made {
        Ok(Ok(keys)) => Json(keys).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the keys of sign-in cannot be shown");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the keys of sign-in cannot be shown");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn instance(
    State(SignIn { identity, .. }): State<SignIn>,
    headers: HeaderMap,
) -> Json<serde_json::Value> {
    Json(identity.instances(&origin(&headers)))
}

async fn token(
    State(SignIn { identity, .. }): State<SignIn>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let correlation = headers
        .get("client-request-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| Uuid::parse_str(text).ok())
        .unwrap_or_else(Uuid::new_v4);
    let trace = Uuid::new_v4();
    let mut response = match identity.token(&tenant, &origin(&headers), &form) {
        Ok(issued) => Json(json!({
            "token_type": "Bearer",
            "expires_in": issued.expires_in,
            "ext_expires_in": issued.expires_in,
            "access_token": issued.token,
        }))
        .into_response(),
        Err(refusal) => refused(&refusal, &identity, trace, correlation),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store, no-cache"),
    );
    for (name, id) in [
        ("x-ms-request-id", trace),
        ("client-request-id", correlation),
    ] {
        if let Ok(value) = id.to_string().parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn refused(refusal: &Refusal, identity: &Identity, trace: Uuid, correlation: Uuid) -> Response {
    (
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST),
        Json(refusal.body(identity.now(), trace, correlation)),
    )
        .into_response()
}

impl IntoResponse for ManagedRefusal {
    fn into_response(self) -> Response {
        (
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST),
            Json(self.body),
        )
            .into_response()
    }
}

async fn app_service(
    State(SignIn {
        identity,
        identity_header,
    }): State<SignIn>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = pairs(query.as_deref());
    identity
        .app_service(
            &request(&query),
            text(&headers, "x-identity-header"),
            &identity_header,
            &origin(&headers),
        )
        .map(Json)
        .into_response()
}

async fn imds(
    State(SignIn { identity, .. }): State<SignIn>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = pairs(query.as_deref());
    identity
        .imds(
            &request(&query),
            text(&headers, "metadata"),
            &origin(&headers),
        )
        .map(Json)
        .into_response()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

fn request(query: &[(String, String)]) -> ManagedRequest<'_> {
    let one = |names: &[&str]| {
        query
            .iter()
            .find(|(key, _)| names.contains(&key.as_str()))
            .map(|(_, value)| value.as_str())
    };
    ManagedRequest {
        api_version: one(&["api-version"]),
        resource: one(&["resource"]),
        client_id: one(&["client_id"]),
        object_id: one(&["object_id", "principal_id"]),
    }
}
