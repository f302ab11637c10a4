//! `/_sim`: what tests and demos ask and do beside Graph. Nothing here passes faults, throttling,
//! permissions or counters.

mod changes;
mod churn;
mod clock;
mod notifications;
mod switches;
mod trouble;
mod views;

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::task::AbortHandle;

use super::core::Graph;
use super::directory::Lags;
use super::identity::{Identity, Registration};
use super::layers::gate::Passage;
use super::notifications::desk::Desk;
use super::seed::Plan;

pub use clock::OffsetClock;

/// What the control endpoints hold.
#[derive(Clone)]
pub struct Control {
    /// The tenant.
    pub graph: Arc<Graph>,
    /// Its sign-in.
    pub identity: Arc<Identity>,
    /// Its gate.
    pub passage: Arc<Passage>,
    /// Its clock.
    pub clock: Arc<OffsetClock>,
    /// The plan it was made from, for a reset.
    pub plan: Arc<Plan>,
    /// How far reads were behind at the start, for a reset.
    pub lags: Lags,
    /// Orders about notifications.
    pub desk: Arc<Desk>,
    /// The churn that goes on.
    pub churn: Arc<Mutex<Option<AbortHandle>>>,
    /// The gateway's application as it was at the start.
    pub registration: Arc<Registration>,
}

/// A refused control request.
#[derive(Debug)]
pub struct Refused(StatusCode, String);

impl Refused {
    fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    fn unknown(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// All control endpoints, below `/_sim`.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/state", get(views::state))
        .route("/users/{id}", get(views::user))
        .route("/users/{id}/groups", get(views::groups_of))
        .route("/users/{id}/manager", get(views::manager))
        .route("/users/{id}/licenses", get(views::licenses))
        .route("/groups/{id}", get(views::group))
        .route("/groups/{id}/members", get(views::members))
        .route("/groups/{id}/owners", get(views::owners))
        .route("/objects/{id}", get(views::object))
        .route("/roleAssignments", get(views::role_assignments))
        .route("/counters", get(switches::counters))
        .route("/counters/reset", post(switches::reset_counters))
        .route(
            "/faults",
            get(switches::faults)
                .post(switches::add_faults)
                .delete(switches::clear_faults),
        )
        .route(
            "/permissions",
            get(switches::permissions).post(switches::set_permissions),
        )
        .route("/certificates", post(switches::add_certificate))
        .route("/federated", post(switches::add_federated))
        .route("/secrets", post(switches::add_secret))
        .route("/tokens/lifetime", post(switches::set_lifetime))
        .route("/tokens/revoke", post(switches::revoke))
        .route("/clock/advance", post(switches::advance))
        .route("/throttle", post(switches::throttle))
        .route("/lag", get(trouble::lag).post(trouble::set_lag))
        .route("/delta", get(trouble::habits).post(trouble::set_habits))
        .route("/delta/forget", post(trouble::forget))
        .route("/churn", post(churn::start).delete(churn::stop))
        .route(
            "/notifications",
            get(notifications::counts).post(notifications::order),
        )
        .route("/notifications/lifecycle", post(notifications::lifecycle))
        .route("/changes", post(changes::apply))
        .route("/reset", post(changes::reset))
        .with_state(control)
}
