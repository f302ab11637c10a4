//! HTTP: requests below `/v1.0` and `/beta` to [`Graph::handle`].

use std::sync::Arc;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http_body_util::{BodyExt, Limited};
use uuid::Uuid;

use super::core::Graph;
use super::request::{Body, Caller, SimRequest, SimResponse, parse_query};
use crate::odata::request::Method;

/// The largest body: a `$batch` of photos stays below.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// The routes of one tenant.
pub fn router(graph: Arc<Graph>) -> Router {
    Router::new()
        .route("/{version}/{*path}", any(answer))
        .with_state(graph)
}

async fn answer(
    State(graph): State<Arc<Graph>>,
    Path((version, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    match from_http(version, request).await {
        Ok(mut request) => {
            request.caller = graph.identify(&request);
            to_http(graph.handle(&request))
        }
        Err(status) => status.into_response(),
    }
}

/// Reads an HTTP request whole.
pub async fn from_http(version: String, request: Request) -> Result<SimRequest, StatusCode> {
    if !["v1.0", "beta", "arm"].contains(&version.as_str()) {
        return Err(StatusCode::NOT_FOUND);
    }
    let (parts, body) = request.into_parts();
    let method = match parts.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
    };
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    let host = header("host")
        .or_else(|| parts.uri.host())
        .unwrap_or("localhost");
    let scheme = header("x-forwarded-proto").unwrap_or("http");
    let origin = format!("{scheme}://{host}");
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    let path = parts.uri.path();
    Ok(SimRequest {
        method,
        path: path
            .strip_prefix(&format!("/{version}"))
            .unwrap_or(path)
            .to_owned(),
        written: None,
        query: parse_query(parts.uri.query().unwrap_or_default()),
        body,
        origin,
        version,
        caller: Caller::default(),
        request_id: Uuid::new_v4(),
        in_batch: false,
        headers,
    })
}

/// Writes an answer.
pub fn to_http(response: SimResponse) -> Response {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match response.body {
        Body::Empty => HttpBody::empty(),
        Body::Json(value) => HttpBody::from(value.to_string()),
        Body::Text(text) => HttpBody::from(text),
        Body::Bytes(_, bytes) => HttpBody::from(Bytes::clone(&bytes)),
    };
    let mut http = Response::new(body);
    *http.status_mut() = status;
    for (name, value) in response.headers {
        let pair = HeaderName::try_from(name.as_str())
            .ok()
            .zip(HeaderValue::try_from(value).ok());
        if let Some((name, value)) = pair {
            http.headers_mut().append(name, value);
        }
    }
    http
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use tower::ServiceExt;

    use super::*;
    use crate::simulator::testing::graph;

    async fn call(method: &str, uri: &str) -> (StatusCode, Option<String>, String) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "sim.test:9400")
            .header("ConsistencyLevel", "eventual")
            .body(HttpBody::empty())
            .unwrap();
        let response = router(Arc::new(graph())).oneshot(request).await.unwrap();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map(|v| v.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            content_type,
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn speaks_http() {
        let (status, content_type, body) = call(
            "GET",
            "/v1.0/users?$top=2&$filter=startswith(displayName%2C'User')",
        )
        .await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            content_type
                .unwrap()
                .starts_with("application/json;odata.metadata=minimal")
        );
        assert!(
            body.contains("\"@odata.nextLink\":\"http://sim.test:9400/v1.0/users?$top=2&$filter=")
        );
        assert_eq!(call("GET", "/v1.0/users/$count").await.2, "119");
        for (method, uri, status) in [
            ("GET", "/v1.0/users/x", 404),
            ("GET", "/v9/users", 404),
            ("OPTIONS", "/v1.0/users", 405),
            ("DELETE", "/v1.0/users", 405),
        ] {
            assert_eq!(call(method, uri).await.0.as_u16(), status, "{method} {uri}");
        }
    }
}
