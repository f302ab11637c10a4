//! `/subscriptions` ([resource](https://learn.microsoft.com/graph/api/resources/subscription)).

use serde_json::{Map, Value, json};
use time::Duration;
use uuid::Uuid;

use super::answers::created;
use crate::odata::request::Method;
use crate::simulator::directory::{Directory, Kind, Slot, parse_time, ticks};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::notifications::resource::Resource;
use crate::simulator::request::{SimRequest, SimResponse};

type Answer = Result<SimResponse, SimError>;

/// The longest life of a subscription to users or groups.
const LONGEST: Duration = Duration::minutes(41_760);
/// How many an application may have in a tenant.
const QUOTA: usize = 100;
const MAX_STATE: usize = 128;

const KNOWN: [&str; 8] = [
    "changeType",
    "clientState",
    "expirationDateTime",
    "includeResourceData",
    "latestSupportedTlsVersion",
    "lifecycleNotificationUrl",
    "notificationUrl",
    "resource",
];

fn invalid(message: impl Into<String>) -> SimError {
    SimError::new(400, "InvalidRequest", message)
}

/// The endpoint did not answer as it must.
pub fn not_validated() -> SimError {
    invalid(
        "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.",
    )
}

/// Of a request that makes a subscription: the addresses that must answer before it is made.
pub fn to_validate(dir: &Directory, request: &SimRequest) -> Result<Vec<String>, SimError> {
    let path = request.path.trim_matches('/');
    if request.method != Method::Post || !path.eq_ignore_ascii_case("subscriptions") {
        return Ok(Vec::new());
    }
    let body = request.body_object()?;
    check(dir, request, &body)?;
    let urls = ["notificationUrl", "lifecycleNotificationUrl"];
    Ok(urls
        .iter()
        .filter_map(|name| body.get(*name)?.as_str().map(str::to_owned))
        .collect())
}

fn check(dir: &Directory, request: &SimRequest, body: &Map<String, Value>) -> Result<(), SimError> {
    if let Some(name) = body
        .keys()
        .find(|n| !n.contains("@odata.") && !KNOWN.contains(&n.as_str()))
    {
        return Err(SimError::invalid_property(name));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let required = |name: &str| {
        text(name).ok_or_else(|| invalid(format!("The property '{name}' is required.")))
    };
    let types = required("changeType")?;
    if types
        .split(',')
        .any(|t| !matches!(t.trim(), "updated" | "deleted"))
    {
        return Err(invalid(format!(
            "Invalid 'changeType' attribute: '{types}'."
        )));
    }
    let resource = required("resource")?;
    Resource::parse(resource)
        .ok_or_else(|| invalid(format!("Resource '{resource}' is not supported.")))?;
    required("notificationUrl")?;
    if text("clientState").is_some_and(|state| state.chars().count() > MAX_STATE) {
        return Err(invalid("The property 'clientState' is too long."));
    }
    if body.get("includeResourceData") == Some(&Value::Bool(true)) {
        return Err(invalid("Resource data is not supported for this resource."));
    }
    required("expirationDateTime")?;
    check_expiration(dir, body)?;
    let app = request.caller.app_id.map(|id| id.to_string());
    let own = |slot: &Slot| dir.text(*slot, "applicationId") == app.as_deref();
    let mine: Vec<Slot> = dir.all(Kind::Subscription, None).filter(own).collect();
    let same = |name: &str, slot: Slot| {
        dir.text(slot, name).zip(text(name)).is_some_and(|(a, b)| {
            a.trim_matches('/')
                .eq_ignore_ascii_case(b.trim_matches('/'))
        })
    };
    if let Some(slot) = mine
        .iter()
        .find(|slot| same("resource", **slot) && same("changeType", **slot))
    {
        return Err(SimError::new(
            409,
            "Conflict",
            format!(
                "Subscription Id {} already exists for the requested combination",
                dir.id_text(*slot)
            ),
        ));
    }
    if mine.len() >= QUOTA {
        return Err(SimError::new(
            403,
            "Forbidden",
            format!(
                "The application has reached its limit of {QUOTA} subscriptions in this tenant."
            ),
        ));
    }
    Ok(())
}

fn check_expiration(dir: &Directory, body: &Map<String, Value>) -> Result<i64, SimError> {
    let until = body
        .get("expirationDateTime")
        .and_then(Value::as_str)
        .and_then(parse_time)
        .ok_or_else(|| SimError::invalid_property("expirationDateTime"))?;
    if until <= ticks(dir.now()) {
        return Err(invalid("Subscription expiration must be in the future."));
    }
    if until > ticks(dir.now() + LONGEST) {
        return Err(invalid(format!(
            "Subscription expiration can only be {} minutes in the future.",
            LONGEST.whole_minutes()
        )));
    }
    Ok(until)
}

/// `POST /subscriptions`; the endpoint was asked before.
pub fn create(ctx: &mut Ctx<'_>) -> Answer {
    let mut body = ctx.request.body_object()?;
    check(ctx.dir, ctx.request, &body)?;
    let until = check_expiration(ctx.dir, &body)?;
    body.retain(|name, _| !name.contains("@odata."));
    let caller = &ctx.request.caller;
    let id = |id: Option<Uuid>| id.map_or(Value::Null, |id| json!(id.to_string()));
    body.insert("applicationId".to_owned(), id(caller.app_id));
    body.insert("creatorId".to_owned(), id(caller.object_id));
    let slot = ctx.dir.insert(
        Kind::Subscription,
        Uuid::new_v4(),
        body.iter().map(|(name, value)| (name.as_str(), value)),
    );
    ctx.dir.plan_end(slot, until);
    Ok(created(ctx, slot))
}

/// `PATCH /subscriptions/{id}`: another expiration, and nothing else.
pub fn update(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    let body = ctx.request.body_object()?;
    if let Some(name) = body
        .keys()
        .find(|n| !n.contains("@odata.") && *n != "expirationDateTime")
    {
        return Err(SimError::invalid_property(name));
    }
    let until = check_expiration(ctx.dir, &body)?;
    ctx.dir
        .set_one(slot, "expirationDateTime", &body["expirationDateTime"]);
    ctx.dir.plan_end(slot, until);
    let mut answer = created(ctx, slot);
    answer.status = 200;
    answer.headers.retain(|(name, _)| name != "Location");
    Ok(answer)
}

/// `DELETE /subscriptions/{id}`
pub fn delete(ctx: &mut Ctx<'_>, slot: Slot) -> Answer {
    ctx.dir.purge(slot);
    Ok(SimResponse::no_content())
}

/// `POST /subscriptions/{id}/reauthorize`
pub fn reauthorize(_: &mut Ctx<'_>, _: Slot) -> Answer {
    Ok(SimResponse::no_content())
}
