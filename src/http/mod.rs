//! Floor 5: HTTP. The only floor that knows axum; maps requests to use cases and their results to
//! answers.

mod auth;
mod body;
mod discovery;
mod handlers;
mod respond;
mod route;

use std::{future::Future, sync::Arc};

use axum::{Router, extract::Request, response::Response, routing::get};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

use crate::service::App;

/// What this floor itself decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public base, such as `https://scim.example.com`; taken from the request if `None`.
    pub public_url: Option<String>,
    /// Largest request body, bytes.
    pub max_body: usize,
    /// Whether the discovery endpoints answer without a token (RFC 7644 §4 recommends it).
    pub open_discovery: bool,
    /// Requests in flight at once; more get 503 with `Retry-After`.
    pub max_in_flight: usize,
}

struct Server {
    app: Arc<App>,
    settings: Settings,
    in_flight: tokio::sync::Semaphore,
}

/// The router: SCIM at `/scim/v2` and `/tenants/{tenant}/scim/v2`, health beside it.
pub fn router(app: Arc<App>, settings: Settings) -> Router {
    let in_flight = tokio::sync::Semaphore::new(settings.max_in_flight.max(1));
    let server = Arc::new(Server {
        app,
        settings,
        in_flight,
    });
    let for_scim = Arc::clone(&server);
    let scim = move |request: Request| {
        let server = Arc::clone(&for_scim);
        async move { handlers::handle(&server, request).await }
    };
    let readiness = move || {
        let server = Arc::clone(&server);
        async move { readiness(server).await }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .fallback(scim)
        .layer(CatchPanicLayer::custom(respond::panicked))
}

/// Serves until `shutdown` completes, then lets requests in flight finish.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    app: Arc<App>,
    settings: Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(app, settings))
        .with_graceful_shutdown(shutdown)
        .await
}

/// Ready: the store answers and every tenant has a token for Graph.
async fn readiness(server: Arc<Server>) -> Response {
    if let Err(error) = server.app.store.ping().await {
        tracing::warn!(error = %crate::base::chain::Chain(&error), "not ready: store");
        return respond::plain(503, "the store does not answer\n");
    }
    for tenant in &server.app.tenants {
        if let Err(error) = tenant.graph.has_token().await {
            tracing::warn!(tenant = tenant.name, error = %crate::base::chain::Chain(&error), "not ready: token");
            return respond::plain(503, "no token for Microsoft Graph\n");
        }
    }
    respond::plain(200, "ready\n")
}
