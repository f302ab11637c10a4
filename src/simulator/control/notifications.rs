//! Notifications that are late, lost, doubled, or about subscriptions themselves.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use time::Duration;
use uuid::Uuid;

use super::held::{Control, Refused};
use crate::simulator::directory::Kind;
use crate::simulator::notifications;
use crate::simulator::notifications::desk::Counts;

/// `GET /_sim/notifications`: what became of them.
pub async fn counts(State(control): State<Control>) -> Json<Counts> {
    Json(control.desk.open().counts)
}

/// Body of `POST /_sim/notifications`; what is not named stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Seconds from a change to its notification.
    delay: Option<f64>,
    /// How many of the next ones are lost.
    drop: Option<u32>,
    /// How many of the next ones are sent twice.
    duplicate: Option<u32>,
}

/// `POST /_sim/notifications`
pub async fn order(
    State(control): State<Control>,
    Json(body): Json<Order>,
) -> Result<StatusCode, Refused> {
    let delay = match body.delay {
        None => None,
        Some(seconds) if (0.0..=86_400.0).contains(&seconds) => {
            Some(Duration::seconds_f64(seconds))
        }
        Some(_) => return Err(Refused::bad("a delay lasts from 0 to 86,400 seconds")),
    };
    let mut orders = control.desk.open();
    orders.delay = delay.unwrap_or(orders.delay);
    orders.drop = body.drop.unwrap_or(orders.drop);
    orders.duplicate = body.duplicate.unwrap_or(orders.duplicate);
    Ok(StatusCode::NO_CONTENT)
}

/// Body of `POST /_sim/notifications/lifecycle`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    subscription: Uuid,
    event: Event,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Event {
    ReauthorizationRequired,
    SubscriptionRemoved,
    Missed,
}

/// `POST /_sim/notifications/lifecycle`: tells a subscriber of an event at once;
/// `subscriptionRemoved` removes the subscription as well.
pub async fn lifecycle(
    State(control): State<Control>,
    Json(body): Json<Lifecycle>,
) -> Result<StatusCode, Refused> {
    let mut directory = control.graph.write();
    let slot = directory
        .live(body.subscription)
        .filter(|slot| directory.object(*slot).kind == Kind::Subscription)
        .ok_or_else(|| Refused::unknown(&format!("subscription {}", body.subscription)))?;
    let name = match body.event {
        Event::ReauthorizationRequired => "reauthorizationRequired",
        Event::SubscriptionRemoved => "subscriptionRemoved",
        Event::Missed => "missed",
    };
    let item = notifications::lifecycle(&directory, slot, name)
        .ok_or_else(|| Refused::bad("the subscription has no lifecycleNotificationUrl"))?;
    if matches!(body.event, Event::SubscriptionRemoved) {
        directory.purge(slot);
    }
    control.desk.open().extra.push(item);
    Ok(StatusCode::NO_CONTENT)
}
