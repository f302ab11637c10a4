//! Lag, delta habits, and changes that go on by themselves.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use super::held::{Control, Refused};
use crate::simulator::directory::Lags;
use crate::simulator::options::{Habits, RolePolicy};

/// The longest lag, in seconds: beyond it Graph would not count as working.
const MAX_LAG: f64 = 86_400.0;

/// Body of `POST /_sim/lag`: seconds. What is not named gets `all`, else nought.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLags {
    all: Option<f64>,
    read: Option<f64>,
    stale: Option<f64>,
    index: Option<f64>,
    links: Option<f64>,
    deletions: Option<f64>,
    members: Option<f64>,
    delta: Option<f64>,
    seed: Option<u64>,
}

fn shown(lags: Lags) -> Json<Value> {
    Json(json!({
        "read": lags.read.as_seconds_f64(),
        "stale": lags.stale.as_seconds_f64(),
        "index": lags.index.as_seconds_f64(),
        "links": lags.links.as_seconds_f64(),
        "deletions": lags.deletions.as_seconds_f64(),
        "members": lags.members.as_seconds_f64(),
        "delta": lags.delta.as_seconds_f64(),
        "seed": lags.seed,
    }))
}

/// `GET /_sim/lag`
pub async fn lag(State(control): State<Control>) -> Json<Value> {
    shown(control.graph.read().lags())
}

/// `POST /_sim/lag`: how far reads are behind from now on. What happened before is seen at once.
pub async fn set_lag(
    State(control): State<Control>,
    Json(body): Json<NewLags>,
) -> Result<Json<Value>, Refused> {
    let all = body.all.unwrap_or_default();
    let one = |seconds: Option<f64>| {
        let seconds = seconds.unwrap_or(all);
        if (0.0..=MAX_LAG).contains(&seconds) {
            Ok(Duration::seconds_f64(seconds))
        } else {
            Err(Refused::bad("a lag lasts from 0 to 86,400 seconds"))
        }
    };
    let lags = Lags {
        read: one(body.read)?,
        stale: one(body.stale)?,
        index: one(body.index)?,
        links: one(body.links)?,
        deletions: one(body.deletions)?,
        members: one(body.members)?,
        delta: one(body.delta)?,
        seed: body.seed.unwrap_or(control.lags.seed),
    };
    control.graph.write().set_lags(lags);
    Ok(shown(lags))
}

/// `GET /_sim/delta`
pub async fn habits(State(control): State<Control>) -> Json<Habits> {
    Json(control.graph.options().delta)
}

/// `POST /_sim/delta`: how delta queries behave where documents leave it open.
pub async fn set_habits(State(control): State<Control>, Json(body): Json<Habits>) -> Json<Habits> {
    control.graph.set_delta_habits(body);
    Json(body)
}

/// `GET /_sim/roles`
pub async fn role_policy(State(control): State<Control>) -> Json<RolePolicy> {
    Json(control.graph.options().roles)
}

/// `POST /_sim/roles`: licence and rules of Privileged Identity Management from now on. What is not
/// named is as at the start.
pub async fn set_role_policy(
    State(control): State<Control>,
    Json(body): Json<RolePolicy>,
) -> Json<RolePolicy> {
    control.graph.set_role_policy(body);
    Json(body)
}

/// `POST /_sim/delta/forget`: every delta token issued so far must start over.
pub async fn forget(State(control): State<Control>) -> StatusCode {
    control.graph.write().forget_journal();
    StatusCode::NO_CONTENT
}
