//! Floor 5: HTTP. The only floor that knows axum; maps requests to use cases and their results to
//! answers.

mod auth;
mod body;
mod discovery;
mod exchange;
pub mod forwarded;
mod handlers;
pub mod limits;
mod metrics;
mod notifications;
mod paced;
mod places;
mod rates;
mod respond;
mod route;
mod server;

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request},
    response::Response,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::service::{App, replica::Replica};
use body::Bodies;
use forwarded::Proxies;
use limits::Limits;
use places::Places;
use rates::Rates;

/// What this floor itself decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public base, such as `https://scim.example.com`; taken from the request if `None`.
    pub public_url: Option<String>,
    /// Whether the discovery endpoints answer without a token (RFC 7644 §4 recommends it).
    pub open_discovery: bool,
    /// Whether discovery tells of security events.
    pub announce_events: bool,
    /// Whether `/metrics` is answered without a token.
    pub open_metrics: bool,
    /// What one client can take, and for how long.
    pub limits: Arc<Limits>,
    /// Who may say where a request came from.
    pub proxies: Arc<Proxies>,
}

struct Server {
    app: Arc<App>,
    settings: Settings,
    places: Arc<Places>,
    rates: Rates,
    bodies: Bodies,
}

/// The router: SCIM at `/scim/v2` and `/tenants/{tenant}/scim/v2`, health beside it. Bodies are
/// no longer waited for when `stopping` is cancelled.
fn router(app: Arc<App>, settings: Settings, stopping: CancellationToken) -> Router {
    let limits = &settings.limits;
    let server = Arc::new(Server {
        app,
        places: Places::new(limits),
        rates: Rates::new(limits.rate_per_token),
        bodies: Bodies::new(Arc::clone(limits), stopping),
        settings,
    });
    let for_scim = Arc::clone(&server);
    let scim = move |request: Request| {
        let server = Arc::clone(&for_scim);
        async move { handlers::handle(&server, request).await }
    };
    let for_metrics = Arc::clone(&server);
    let metrics = move |request: Request| {
        let server = Arc::clone(&for_metrics);
        async move { metrics::metrics(server, request).await }
    };
    let for_notifications = Arc::clone(&server);
    let notifications = move |Path(tenant): Path<String>, request: Request| {
        let server = Arc::clone(&for_notifications);
        async move { notifications::take(server, tenant, request).await }
    };
    let readiness = move || {
        let server = Arc::clone(&server);
        async move { readiness(server).await }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .route("/notifications/{tenant}", post(notifications))
        .fallback(scim)
        .layer(CatchPanicLayer::custom(respond::panicked))
}

/// Serves until `shutdown` completes, then lets requests under way finish.
pub async fn serve(
    app: Arc<App>,
    settings: Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) {
    let stopping = CancellationToken::new();
    let limits = Arc::clone(&settings.limits);
    let proxies = Arc::clone(&settings.proxies);
    let router = router(app, settings, stopping.clone());
    server::serve(router, limits, proxies, listener, stopping, shutdown).await;
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
    let mut response = respond::plain(200, "ready\n");
    let mut text = "ready\n".to_owned();
    for (i, tenant) in server.app.tenants.iter().enumerate() {
        if tenant.replica.settings.on {
            text.push_str(&outlook(&server, i, &tenant.replica));
        }
    }
    *response.body_mut() = Body::from(text);
    response
}

/// One line about a replica: which tenant it is of is nobody's business.
#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn outlook(server: &Server, number: usize, replica: &Replica) -> String {
    let now =
        i64::try_from(server.app.clock.now().unix_timestamp_nanos() / 1000).unwrap_or_default();
    let progress = replica.progress(|progress| progress.clone());
    let number = number + 1;
    if replica.is_ready() {
        return match replica.age(now) {
            Some(age) => format!(
                "replica {number}: complete, {:.1} s old\n",
                age as f64 / 1e6
            ),
            None => format!("replica {number}: complete\n"),
        };
    }
    let (share, left) = progress.outlook(now);
    let mut line = format!(
        "replica {number}: {:?}, {:.0} %",
        progress.phase,
        share * 100.0
    );
    if let Some(left) = left {
        line.extend([", about ", &format!("{left:.0}"), " s left"]);
    }
    for (name, of) in &progress.types {
        let total = of
            .total
            .map_or_else(|| "?".to_owned(), |total| total.to_string());
        line.extend(["; ", name, " ", &of.done.to_string(), " of ", &total]);
    }
    line.push('\n');
    line
}
