//! Which changes concern which subscription, and what is sent.

use serde_json::{Value, json};
use uuid::Uuid;

use super::resource::Resource;
use crate::simulator::directory::journal::{Entry, What};
use crate::simulator::directory::{Directory, Kind, Slot, parse_time, ticks, time_text};

/// One notification on its way.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where to.
    pub url: String,
    /// The subscription.
    pub subscription: Uuid,
    /// What is sent.
    pub payload: Value,
}

/// A live subscription's expiration, in ticks.
pub fn expiry(dir: &Directory, subscription: Slot) -> Option<i64> {
    parse_time(dir.json(subscription, "expirationDateTime").as_str()?)
}

/// The notifications that changes cause.
pub fn notify<'a>(
    dir: &Directory,
    entries: impl Iterator<Item = &'a Entry>,
    first: u64,
) -> Vec<Item> {
    let now = ticks(dir.now());
    let subscriptions: Vec<(Slot, Resource)> = dir
        .all(Kind::Subscription, None)
        .filter(|slot| expiry(dir, *slot).is_some_and(|until| until > now))
        .filter_map(|slot| Some((slot, Resource::parse(dir.text(slot, "resource")?)?)))
        .collect();
    let mut items = Vec::new();
    if subscriptions.is_empty() {
        return items;
    }
    for (number, entry) in (first..).zip(entries) {
        let change = if matches!(entry.what, What::Purged(_)) {
            "deleted"
        } else {
            // Creation and soft deletion look the same.
            "updated"
        };
        for (slot, resource) in &subscriptions {
            let wanted = dir
                .text(*slot, "changeType")
                .is_some_and(|types| types.split(',').any(|t| t.trim() == change));
            if wanted && resource.concerns(dir, &entry.what) {
                items.extend(item(dir, *slot, entry, change, number));
            }
        }
    }
    items
}

/// What both kinds of notification say of their subscription.
fn envelope(dir: &Directory, subscription: Slot) -> Value {
    json!({
        "subscriptionId": dir.id_text(subscription),
        "subscriptionExpirationDateTime": dir.json(subscription, "expirationDateTime"),
        "tenantId": dir.tenant.id.to_string(),
        "clientState": dir.json(subscription, "clientState"),
    })
}

fn item(
    dir: &Directory,
    subscription: Slot,
    entry: &Entry,
    change: &str,
    number: u64,
) -> Option<Item> {
    /// Ticks between the year 1 and 1970.
    const EPOCH: i64 = 621_355_968_000_000_000;
    let slot = entry.what.slot();
    let kind = dir.object(slot).kind;
    let id = dir.id_text(slot);
    let path = format!("{}s/{id}", kind.label());
    let at = entry.at.saturating_mul(10_000_000);
    let mut data = json!({
        "@odata.type": format!("#Microsoft.Graph.{}", kind.label()),
        "@odata.id": path,
        "id": id,
        "organizationId": dir.tenant.id.to_string(),
        "eventTime": time_text(at),
        "sequenceNumber": EPOCH + at + i64::try_from(number % 10_000_000).unwrap_or_default(),
    });
    let link = match &entry.what {
        What::Linked(relation, _, to) => Some((*relation, *to, true)),
        What::Unlinked(relation, _, to) => Some((*relation, *to, false)),
        _ => None,
    };
    if let Some((relation, to, there)) = link {
        let mut member = json!({"id": dir.id_text(to)});
        if !there {
            member["@removed"] = json!({"reason": "deleted"});
        }
        data[format!("{}@delta", relation.name())] = json!([member]);
    }
    let mut payload = envelope(dir, subscription);
    payload["changeType"] = change.into();
    payload["resource"] = path.into();
    payload["resourceData"] = data;
    Some(Item {
        url: dir.text(subscription, "notificationUrl")?.to_owned(),
        subscription: dir.object(subscription).id,
        payload,
    })
}

/// A lifecycle event, for a subscription that wants to hear of them.
pub fn lifecycle(dir: &Directory, subscription: Slot, event: &str) -> Option<Item> {
    let mut payload = envelope(dir, subscription);
    payload["lifecycleEvent"] = event.into();
    Some(Item {
        url: dir
            .text(subscription, "lifecycleNotificationUrl")?
            .to_owned(),
        subscription: dir.object(subscription).id,
        payload,
    })
}
