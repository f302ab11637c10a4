//! Counters, faults, permissions, credentials, clock.

use std::sync::PoisonError;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use super::held::{Control, Refused};
use crate::base::clock::Clock as _;
use crate::simulator::identity::{
    Certificate, FEDERATED_AUDIENCE, FederatedKey, Registration, Secret, VerifyingKey,
};
use crate::simulator::layers::counters::Counts;
use crate::simulator::layers::faults::{RuleList, RuleState};
use crate::simulator::layers::throttle::Throttle;
use crate::simulator::settings::ThrottleSize;

type Answer = Result<Json<Value>, Refused>;

/// `GET /_sim/counters`
pub async fn counters(State(control): State<Control>) -> Json<Counts> {
    Json(control.passage.counters.read())
}

/// `POST /_sim/counters/reset`
pub async fn reset_counters(State(control): State<Control>) -> StatusCode {
    control.passage.counters.reset();
    StatusCode::NO_CONTENT
}

/// `GET /_sim/faults`: the rules and what they did.
pub async fn faults(State(control): State<Control>) -> Json<Vec<RuleState>> {
    let faults = control
        .passage
        .faults
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Json(faults.list().to_vec())
}

/// `POST /_sim/faults`: adds rules.
pub async fn add_faults(
    State(control): State<Control>,
    Json(list): Json<RuleList>,
) -> Result<StatusCode, Refused> {
    control
        .passage
        .faults
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .add(list)
        .map_err(Refused::bad)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /_sim/faults`: drops every rule.
pub async fn clear_faults(State(control): State<Control>) -> StatusCode {
    control
        .passage
        .faults
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    StatusCode::NO_CONTENT
}

/// Changes the application that a body names, by default the gateway's.
fn change<T>(
    control: &Control,
    app_id: Option<&str>,
    change: impl FnOnce(&mut Registration) -> T,
) -> Result<T, Refused> {
    let app_id = app_id.unwrap_or(&control.registration.app_id);
    control
        .identity
        .change(app_id, change)
        .ok_or_else(|| Refused::unknown(&format!("application {app_id}")))
}

/// `GET /_sim/permissions`: what the gateway's application is granted.
pub async fn permissions(State(control): State<Control>) -> Answer {
    change(&control, None, |app| Json(json!(app.permissions)))
}

/// Body of `POST /_sim/permissions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    app_id: Option<String>,
    permissions: Vec<String>,
    /// Whether tokens issued so far stop working, so that the change shows at once.
    #[serde(default)]
    revoke: bool,
}

/// `POST /_sim/permissions`: replaces what an application is granted, from the next token on.
pub async fn set_permissions(
    State(control): State<Control>,
    Json(body): Json<Grant>,
) -> Result<StatusCode, Refused> {
    change(&control, body.app_id.as_deref(), |app| {
        app.permissions = body.permissions;
    })?;
    if body.revoke {
        control.identity.revoke_all();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Body of `POST /_sim/certificates`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    app_id: Option<String>,
    pem: String,
}

/// `POST /_sim/certificates`: registers a certificate on an application.
pub async fn add_certificate(
    State(control): State<Control>,
    Json(body): Json<NewCertificate>,
) -> Answer {
    let certificate = Certificate::from_pem(&body.pem).map_err(|e| Refused::bad(e.to_string()))?;
    let thumbprint = certificate.thumbprint();
    change(&control, body.app_id.as_deref(), |app| {
        app.certificates.push(certificate);
    })?;
    Ok(Json(json!({"thumbprint": thumbprint})))
}

/// Body of `POST /_sim/federated`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFederated {
    app_id: Option<String>,
    issuer: String,
    subject: String,
    audience: Option<String>,
    /// The foreign issuer's public key or certificate.
    pem: String,
}

/// `POST /_sim/federated`: trusts a workload's tokens.
pub async fn add_federated(
    State(control): State<Control>,
    Json(body): Json<NewFederated>,
) -> Result<StatusCode, Refused> {
    let key = VerifyingKey::from_pem(&body.pem).map_err(|e| Refused::bad(e.to_string()))?;
    change(&control, body.app_id.as_deref(), |app| {
        app.federated.push(FederatedKey {
            issuer: body.issuer,
            subject: body.subject,
            audience: body
                .audience
                .unwrap_or_else(|| FEDERATED_AUDIENCE.to_owned()),
            key,
        });
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Body of `POST /_sim/secrets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    app_id: Option<String>,
    secret: String,
    /// Seconds until it expires; below nought it has.
    expires_in: Option<i64>,
    /// Whether the application's other secrets go.
    #[serde(default)]
    replace: bool,
}

/// `POST /_sim/secrets`: adds a client secret.
pub async fn add_secret(
    State(control): State<Control>,
    Json(body): Json<NewSecret>,
) -> Result<StatusCode, Refused> {
    let now = control.clock.now();
    let expires = match body.expires_in {
        None => None,
        Some(seconds) => Some(
            now.checked_add(Duration::seconds(seconds))
                .ok_or_else(|| Refused::bad("no calendar reaches that far"))?,
        ),
    };
    change(&control, body.app_id.as_deref(), |app| {
        if body.replace {
            app.secrets.clear();
        }
        app.secrets.push(Secret::new(&body.secret, expires));
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// A number of seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    seconds: i64,
}

/// `POST /_sim/tokens/lifetime`: lifetime of tokens issued from now on.
pub async fn set_lifetime(
    State(control): State<Control>,
    Json(body): Json<Seconds>,
) -> Result<StatusCode, Refused> {
    if !(1..=86_400).contains(&body.seconds) {
        return Err(Refused::bad("a token lives from 1 to 86,400 seconds"));
    }
    control
        .identity
        .set_lifetime(Duration::seconds(body.seconds));
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /_sim/tokens/revoke`: every token issued so far gets 401.
pub async fn revoke(State(control): State<Control>) -> StatusCode {
    control.identity.revoke_all();
    StatusCode::NO_CONTENT
}

/// `POST /_sim/keys/rotate`: tokens are signed with a new key; older ones stay published.
pub async fn rotate_keys(State(control): State<Control>) -> Result<StatusCode, Refused> {
    let identity = control.identity;
    tokio::task::spawn_blocking(move || identity.rotate_keys())
        .await
        .map_err(|e| Refused::failed(e.to_string()))?
        .map_err(Refused::failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /_sim/clock/advance`
pub async fn advance(State(control): State<Control>, Json(body): Json<Seconds>) -> Answer {
    control
        .clock
        .advance(Duration::seconds(body.seconds))
        .ok_or_else(|| Refused::bad("no calendar reaches that far"))?;
    let now = control.graph.read().now_text();
    Ok(Json(json!({"now": now})))
}

/// Body of `POST /_sim/throttle`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewThrottle {
    size: ThrottleSize,
}

/// `POST /_sim/throttle`: enforces the limits of another tenant size, with full buckets.
pub async fn throttle(State(control): State<Control>, Json(body): Json<NewThrottle>) -> StatusCode {
    control.passage.set_throttle(Throttle::new(body.size));
    StatusCode::NO_CONTENT
}
