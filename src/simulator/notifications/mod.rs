//! Change notifications to webhooks
//! ([delivery](https://learn.microsoft.com/graph/change-notifications-delivery-webhooks)): which
//! changes concern which subscription, and what is sent.

pub mod desk;
mod worker;

use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::directory::journal::{Entry, What};
use super::directory::{Directory, Kind, Relation, Slot, parse_time, time_text};

pub use worker::start;

/// Asks an endpoint whether it wants notifications.
pub trait Wire: Send + Sync {
    /// Whether the endpoint answered the validation request as it must. Blocks for ten seconds at
    /// the most.
    fn validates(&self, url: &str) -> bool;
}

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Users or groups.
    pub kind: Kind,
    /// One of them.
    pub id: Option<Uuid>,
    /// Only its links of this kind.
    pub relation: Option<Relation>,
}

impl Resource {
    /// `/users`, `users/{id}`, `groups/{id}/members`, …
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Vec<String> = text
            .split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let kind = match *segments.first()? {
            "users" => Kind::User,
            "groups" => Kind::Group,
            _ => return None,
        };
        let (id, relation) = match (kind, &segments[1..]) {
            (_, []) => (None, None),
            (_, [id]) => (Some(*id), None),
            (Kind::Group, [id, "members"]) => (Some(*id), Some(Relation::Member)),
            (Kind::Group, [id, "owners"]) => (Some(*id), Some(Relation::Owner)),
            _ => return None,
        };
        let id = match id {
            None => None,
            Some(id) => Some(super::operations::guid(id)?),
        };
        Some(Self { kind, id, relation })
    }

    fn concerns(self, dir: &Directory, what: &What) -> bool {
        let object = dir.object(what.slot());
        let link = match what {
            What::Linked(relation, ..) | What::Unlinked(relation, ..) => Some(*relation),
            What::Cut(..) => return false,
            _ => None,
        };
        object.kind == self.kind
            && self.id.is_none_or(|id| id == object.id)
            && self.relation.is_none_or(|relation| link == Some(relation))
    }
}

/// An address that the simulator may call: on this machine, nowhere else.
pub fn local(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    (here && matches!(url.scheme(), "http" | "https")).then_some(url)
}

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
fn expiry(dir: &Directory, subscription: Slot) -> Option<i64> {
    parse_time(dir.json(subscription, "expirationDateTime").as_str()?)
}

/// The notifications that changes cause.
fn notify<'a>(dir: &Directory, entries: impl Iterator<Item = &'a Entry>, first: u64) -> Vec<Item> {
    let now = super::directory::ticks(dir.now());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_and_addresses() {
        let id = "11111111-2222-3333-4444-555555555555";
        for (text, fits) in [
            ("/users", true),
            ("groups", true),
            (&format!("/Users/{id}"), true),
            (&format!("groups/{id}/members"), true),
            (&format!("groups/{id}/owners"), true),
            (&format!("users/{id}/members"), false),
            ("users/a@b.c", false),
            ("applications", false),
            ("", false),
        ] {
            assert_eq!(Resource::parse(text).is_some(), fits, "{text}");
        }
        for (url, fits) in [
            ("http://127.0.0.1:9/x", true),
            ("https://localhost/x?a=b", true),
            ("http://[::1]:80/", true),
            ("http://example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost@example.com/", false),
            ("http://10.0.0.1/", false),
            ("ftp://localhost/", false),
            ("nonsense", false),
        ] {
            assert_eq!(local(url).is_some(), fits, "{url}");
        }
    }
}
