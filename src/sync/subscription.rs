//! Change notifications: Graph tells that something changed, and the next round begins at once.
//! Nothing depends on them: what is not told of, the pace brings.
//!
//! Source: <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>

use std::time::Duration;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{delta, keeper::Keeper};
use crate::{
    base::chain::Chain,
    odata::request::{Request, segment},
    service::{
        MappedType,
        replica::{CLIENT_STATE, Fault},
    },
    store::replica::Mark,
};

/// How long a subscription lasts; Graph's longest for users and groups is 29 days.
const LIFE: Duration = Duration::from_hours(72);
/// How soon it is tried again after a failure.
const AGAIN: Duration = Duration::from_mins(5);

/// Makes subscriptions where there are none, and holds them longer.
pub(super) async fn run(keeper: &Keeper) -> Result<(), Fault> {
    let Some(base) = keeper.tenant.replica.settings.notification_url.clone() else {
        return Ok(());
    };
    for of in keeper.types().filter(|of| delta::has_one(of)) {
        let name = format!("subscription:{}", of.kind.name);
        let mark = keeper.mark(&name).await?.unwrap_or_default();
        let now = keeper.now();
        if mark.number - now > micros(LIFE) / 3 {
            continue;
        }
        let held = match hold(keeper, of, &mark.value, &base).await {
            Ok(id) => Mark {
                value: id,
                number: now + micros(LIFE),
                at: now,
            },
            Err(fault) => {
                tracing::warn!(
                    tenant = keeper.tenant.name,
                    kind = of.kind.name,
                    error = %Chain(&fault),
                    "no change notifications: the pace is all there is"
                );
                Mark {
                    value: String::new(),
                    number: now + micros(LIFE) / 3 + micros(AGAIN),
                    at: now,
                }
            }
        };
        keeper
            .app
            .store
            .set_mark(&keeper.tenant.name, &name, &held)
            .await?;
    }
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Holds the subscription longer, or makes another one.
async fn hold(keeper: &Keeper, of: &MappedType, id: &str, base: &str) -> Result<String, Fault> {
    let until = keeper.app.clock.now() + LIFE;
    let until = until
        .format(&Rfc3339)
        .map_err(|_| Fault::Refused("a moment without a text".to_owned()))?;
    let graph = &keeper.tenant.graph;
    if !id.is_empty() {
        let path = format!("/subscriptions/{}", segment(id));
        let request = Request::patch(path, json!({"expirationDateTime": until}));
        match graph.send(&keeper.call(), &request).await {
            Ok(_) => return Ok(id.to_owned()),
            Err(error) if error.status() == Some(404) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let url = format!("{base}/notifications/{}", segment(&keeper.tenant.name));
    let body = json!({
        "changeType": "updated,deleted",
        "notificationUrl": url,
        "lifecycleNotificationUrl": url,
        "resource": of.kind.collection,
        "expirationDateTime": until,
        "clientState": client_state(keeper).await?,
    });
    let request = Request::post("/subscriptions", body);
    let reply = graph.send(&keeper.call(), &request).await?;
    let id = reply.body.get("id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| Fault::Refused("Graph made a subscription without an id".to_owned()))
}

/// The secret that notifications bring along: one for all instances.
async fn client_state(keeper: &Keeper) -> Result<String, Fault> {
    if let Some(mark) = keeper.mark(CLIENT_STATE).await? {
        return Ok(mark.value);
    }
    let secret = format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    );
    let mark = Mark {
        value: secret.clone(),
        number: 0,
        at: keeper.now(),
    };
    keeper
        .app
        .store
        .set_mark(&keeper.tenant.name, CLIENT_STATE, &mark)
        .await?;
    Ok(secret)
}
