//! `POST /notifications/{tenant}`: change notifications of Microsoft Graph. They nudge the replica's
//! keeper, and nothing else: what they tell is not believed.
//!
//! Source: <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::{Server, respond};
use crate::service::{
    Tenant,
    replica::{CLIENT_STATE, count},
};

/// The longest body that is read.
const LONGEST: usize = 1 << 20;
/// The longest validation token that is echoed.
const LONGEST_TOKEN: usize = 2048;

/// Answers a validation request or takes notifications.
pub async fn take(server: Arc<Server>, tenant: String, request: Request) -> Response {
    let Some(tenant) = server.app.tenant(&tenant).cloned() else {
        return respond::plain(404, "not found\n");
    };
    if !tenant.replica.settings.on {
        return respond::plain(404, "not found\n");
    }
    let query = request.uri().query().unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "validationToken")
        .map(|(_, value)| value.into_owned());
    if let Some(token) = token {
        return echo(token);
    }
    let Ok(body) = to_bytes(request.into_body(), LONGEST).await else {
        return respond::plain(413, "too large\n");
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return respond::plain(400, "not JSON\n");
    };
    match accept(&server, &tenant, &body).await {
        Ok(true) => respond::plain(202, ""),
        Ok(false) => respond::plain(403, "not ours\n"),
        Err(()) => respond::plain(503, "try again\n"),
    }
}

/// The token as it came, as text that no browser takes for a page.
fn echo(token: String) -> Response {
    if token.len() > LONGEST_TOKEN {
        return respond::plain(400, "too long\n");
    }
    let mut response = Response::new(Body::from(token));
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}

/// Whether the notifications bring our secret along; then the keeper is nudged, once.
async fn accept(server: &Server, tenant: &Tenant, body: &Value) -> Result<bool, ()> {
    let secret = match server.app.store.mark(&tenant.name, CLIENT_STATE).await {
        Ok(Some(mark)) => mark.value,
        Ok(None) => return Ok(false),
        Err(error) => {
            tracing::warn!(error = %crate::base::chain::Chain(&error), "a notification was not taken");
            return Err(());
        }
    };
    let items = body.get("value").and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    let ours = |item: &&Value| {
        let given = item
            .get("clientState")
            .and_then(Value::as_str)
            .unwrap_or_default();
        bool::from(given.as_bytes().ct_eq(secret.as_bytes()))
    };
    let ours: Vec<&Value> = items.iter().filter(ours).collect();
    if ours.is_empty() {
        return Ok(false);
    }
    for item in &ours {
        let event = item.get("lifecycleEvent").and_then(Value::as_str);
        if matches!(
            event,
            Some("reauthorizationRequired" | "subscriptionRemoved")
        ) {
            // Held longer, or made anew, by the next round.
            renew(server, tenant).await?;
        }
    }
    let counters = &tenant.replica.counters;
    count(
        &counters.notifications,
        u64::try_from(ours.len()).unwrap_or_default(),
    );
    tenant.replica.nudge.notify_one();
    Ok(true)
}

/// Lets the next round look after all subscriptions.
async fn renew(server: &Server, tenant: &Tenant) -> Result<(), ()> {
    for of in &tenant.types {
        let name = format!("subscription:{}", of.kind.name);
        let mark = server.app.store.mark(&tenant.name, &name).await;
        if let Ok(Some(mut mark)) = mark {
            mark.number = 0;
            server
                .app
                .store
                .set_mark(&tenant.name, &name, &mark)
                .await
                .map_err(drop)?;
        }
    }
    Ok(())
}
