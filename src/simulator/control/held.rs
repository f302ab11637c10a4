//! What the control endpoints hold, and how they refuse.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::task::AbortHandle;

use super::clock::OffsetClock;
use crate::simulator::arm::Arm;
use crate::simulator::core::Graph;
use crate::simulator::directory::Lags;
use crate::simulator::identity::{Identity, Registration};
use crate::simulator::layers::gate::Passage;
use crate::simulator::notifications::desk::Desk;
use crate::simulator::seed::Plan;
use crate::simulator::settings::ThrottleSize;

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
    /// Resource Manager.
    pub arm: Arm,
    /// The limits that were enforced at the start, for a reset.
    pub throttle: ThrottleSize,
    /// Lifetime of tokens at the start, for a reset.
    pub token_lifetime: std::time::Duration,
}

/// A refused control request.
#[derive(Debug)]
pub struct Refused(StatusCode, String);

impl Refused {
    /// Something inside failed.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, why.into())
    }

    /// The request makes no sense.
    pub(super) fn bad(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    /// What it names does not exist.
    pub(super) fn unknown(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}
