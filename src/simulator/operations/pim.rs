//! Requests of Privileged Identity Management for directory roles
//! ([overview](https://learn.microsoft.com/graph/api/resources/privilegedidentitymanagementv3-overview)).

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::answers::created;
use super::refs::body_id;
use super::roles;
use crate::simulator::directory::{
    Directory, Having, Holder, Kind, Slot, Span, guid, parse_time, ticks, time_text,
};
use crate::simulator::errors::SimError;
use crate::simulator::model::Ctx;
use crate::simulator::options::RolePolicy;
use crate::simulator::request::SimResponse;

type Answer = Result<SimResponse, SimError>;

/// The shortest active assignment.
const SHORTEST: Duration = Duration::minutes(5);

const KNOWN: [&str; 11] = [
    "action",
    "principalId",
    "roleDefinitionId",
    "directoryScopeId",
    "appScopeId",
    "justification",
    "scheduleInfo",
    "ticketInfo",
    "isValidationOnly",
    "targetScheduleId",
    "customData",
];

/// `POST …/roleAssignmentScheduleRequests`
pub fn request_assignment(ctx: &mut Ctx<'_>) -> Answer {
    request(ctx, Having::Active)
}

/// `POST …/roleEligibilityScheduleRequests`
pub fn request_eligibility(ctx: &mut Ctx<'_>) -> Answer {
    request(ctx, Having::Eligible)
}

/// Whether a path leads to Privileged Identity Management.
pub fn is_asked(path: &str) -> bool {
    let mut parts = path.trim_matches('/').split('/');
    let is = |part: Option<&str>, name: &str| part.is_some_and(|p| p.eq_ignore_ascii_case(name));
    is(parts.next(), "roleManagement")
        && is(parts.next(), "directory")
        && parts.next().is_some_and(|set| {
            let set = set.to_ascii_lowercase();
            set.starts_with("roleassignmentschedule") || set.starts_with("roleeligibilityschedule")
        })
}

/// What a tenant without the licence answers to all of it.
pub fn unlicensed() -> SimError {
    SimError::new(
        400,
        "AadPremiumLicenseRequired",
        "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
    )
}

fn missing() -> SimError {
    SimError::new(
        400,
        "RoleAssignmentDoesNotExist",
        "The Role assignment does not exist.",
    )
}

fn policy(rules: &[&str]) -> SimError {
    SimError::new(
        400,
        "RoleAssignmentRequestPolicyValidationFailed",
        format!(
            "The following policy rules failed: {}",
            Value::from(rules.to_vec())
        ),
    )
}

/// Refuses what the role's policy does not allow, all rules named.
fn obey(
    policy_of: RolePolicy,
    body: &Map<String, Value>,
    having: Having,
    span: &Span,
) -> Result<(), SimError> {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let given = |name: &str| body.get(name).is_some_and(text);
    let active = having == Having::Active;
    let most = if active {
        policy_of.active_days
    } else {
        policy_of.eligible_days
    };
    let mut failed = Vec::new();
    if let Some(days) = most
        && span
            .end
            .is_none_or(|end| end - span.start > Duration::days(i64::from(days)))
    {
        failed.push("ExpirationRule");
    }
    if (active || policy_of.eligible_justification) && !given("justification") {
        failed.push("JustificationRule");
    }
    let ticket = body.get("ticketInfo").map(|ticket| &ticket["ticketNumber"]);
    if policy_of.ticket && !ticket.is_some_and(text) {
        failed.push("TicketingRule");
    }
    if policy_of.mfa && active {
        failed.push("MfaRule");
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(policy(&failed))
    }
}

fn request(ctx: &mut Ctx<'_>, having: Having) -> Answer {
    let mut body = ctx.request.body_object()?;
    if ctx.options.roles.scope_lost && body.get("action") == Some(&json!("adminAssign")) {
        body.insert("directoryScopeId".to_owned(), json!("/"));
    }
    if let Some(name) = body
        .keys()
        .find(|n| !n.contains("@odata.") && !KNOWN.contains(&n.as_str()))
    {
        return Err(SimError::invalid_property(name));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let action = text("action").ok_or_else(|| SimError::invalid_property("action"))?;
    match action {
        "adminAssign" | "adminUpdate" | "adminRemove" | "adminExtend" | "adminRenew" => {}
        // An application has passed no multifactor authentication.
        "selfActivate" | "selfDeactivate" | "selfExtend" | "selfRenew" => {
            return Err(policy(&["MfaRule"]));
        }
        _ => return Err(SimError::invalid_property("action")),
    }
    let holder = holder(ctx.dir, &body)?;
    let schedule = ctx.dir.find_schedule(having, &holder);
    match (action, schedule) {
        ("adminAssign", Some(_)) => return Err(roles::exists()),
        ("adminUpdate" | "adminRemove" | "adminExtend", None) => return Err(missing()),
        ("adminRenew", there) => {
            if there.is_some() {
                return Err(roles::exists());
            }
            if !was_granted(ctx.dir, having, &holder) {
                return Err(missing());
            }
        }
        _ => {}
    }
    let now = ctx.dir.now();
    let removes = action == "adminRemove";
    let span = if removes {
        None
    } else {
        let span = span(&body, having, now)?;
        obey(ctx.options.roles, &body, having, &span)?;
        Some(span)
    };

    let id = Uuid::new_v4().to_string();
    let validates = body.get("isValidationOnly") == Some(&Value::Bool(true));
    let fails = ctx.options.roles.fails && !removes;
    let status = match &span {
        _ if fails => "Failed",
        None => "Revoked",
        Some(span) if span.start > now => "Granted",
        Some(_) => "Provisioned",
    };
    let target = match schedule {
        Some(schedule) => ctx.dir.id_text(schedule),
        None => id.clone(),
    };
    let stored = store(ctx.dir, having, &body, &id, status, &target, span.as_ref());
    if validates {
        let answer = created(ctx, stored);
        ctx.dir.withdraw(stored);
        return Ok(answer);
    }
    ctx.dir.plan_request(stored);
    if fails {
        return Ok(created(ctx, stored));
    }
    match (schedule, span) {
        (Some(schedule), None) => ctx.dir.end_schedule(schedule),
        (Some(schedule), Some(span)) => ctx.dir.move_schedule(schedule, &span),
        (None, Some(span)) => {
            ctx.dir.add_schedule(having, &id, &holder, &span);
        }
        (None, None) => return Err(missing()),
    }
    Ok(created(ctx, stored))
}

fn holder(dir: &Directory, body: &Map<String, Value>) -> Result<Holder, SimError> {
    let (role_id, principal_id) = (
        body_id(body, "roleDefinitionId")?,
        body_id(body, "principalId")?,
    );
    let seen = |slot: &Slot| !dir.is_unread(*slot);
    let role = dir
        .live(role_id)
        .filter(|s| dir.object(*s).kind == Kind::RoleDefinition)
        .filter(seen)
        .ok_or_else(|| SimError::new(404, "RoleNotFound", "The role is not found."))?;
    let principal = dir
        .live(principal_id)
        .filter(seen)
        .ok_or_else(|| SimError::new(404, "SubjectNotFound", "The subject is not found."))?;
    roles::check_principal(dir, principal)?;
    let scope = match (
        body.get("directoryScopeId").and_then(Value::as_str),
        body.get("appScopeId").and_then(Value::as_str),
    ) {
        (Some(scope), None) => scope.to_owned(),
        (None, Some("/")) => "/".to_owned(),
        _ => return Err(SimError::invalid_property("directoryScopeId")),
    };
    roles::check_scope(dir, &scope)?;
    Ok(Holder {
        role,
        principal,
        scope,
    })
}

/// Whether an earlier request gave the role, so that it can be renewed.
fn was_granted(dir: &Directory, having: Having, holder: &Holder) -> bool {
    let (role, principal) = (dir.id_text(holder.role), dir.id_text(holder.principal));
    dir.all(having.request(), None).any(|slot| {
        dir.text(slot, "roleDefinitionId") == Some(&role)
            && dir.text(slot, "principalId") == Some(&principal)
            && dir.text(slot, "directoryScopeId") == Some(&holder.scope)
            && dir.text(slot, "status") == Some("Provisioned")
    })
}

/// `scheduleInfo`, worked out.
fn span(body: &Map<String, Value>, having: Having, now: OffsetDateTime) -> Result<Span, SimError> {
    let invalid = || SimError::invalid_property("scheduleInfo");
    let info = body
        .get("scheduleInfo")
        .and_then(Value::as_object)
        .ok_or_else(invalid)?;
    let moment = |value: &Value| {
        let ticks = value.as_str().and_then(parse_time)?;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(ticks) * 100).ok()
    };
    let start = match info.get("startDateTime") {
        None | Some(Value::Null) => now,
        Some(value) => moment(value).ok_or_else(invalid)?.max(now),
    };
    let expiration = info.get("expiration").ok_or_else(invalid)?;
    let kind = expiration["type"].as_str().ok_or_else(invalid)?;
    let end = match kind {
        "noExpiration" => None,
        "afterDateTime" => Some(moment(&expiration["endDateTime"]).ok_or_else(invalid)?),
        "afterDuration" => {
            let length = expiration["duration"].as_str().and_then(duration);
            let length = length.ok_or_else(invalid)?;
            Some(start.checked_add(length).ok_or_else(invalid)?)
        }
        _ => return Err(invalid()),
    };
    if end.is_some_and(|end| end <= start) {
        return Err(invalid());
    }
    if having == Having::Active && end.is_some_and(|end| end - start < SHORTEST) {
        return Err(SimError::new(
            400,
            "ActiveDurationTooShort",
            "The active duration is too short. It must be at least 5 minutes.",
        ));
    }
    let shown = |moment: OffsetDateTime| time_text(ticks(moment));
    Ok(Span {
        start,
        end,
        info: json!({
            "startDateTime": shown(start),
            "recurrence": null,
            "expiration": {
                "type": kind,
                "endDateTime": end.map(shown),
                "duration": expiration["duration"].clone(),
            },
        }),
    })
}

/// An ISO 8601 duration: `PT8H`, `P30D`, `P1Y` (365 days), `P1M` (30 days).
fn duration(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    for (part, units) in [
        (
            date,
            [
                ('Y', 365 * 86_400),
                ('M', 30 * 86_400),
                ('W', 7 * 86_400),
                ('D', 86_400),
            ],
        ),
        (time, [('H', 3600), ('M', 60), ('S', 1), ('S', 1)]),
    ] {
        let mut number = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() {
                number.push(c);
                continue;
            }
            let (_, seconds) = units.iter().find(|(unit, _)| *unit == c)?;
            let count: i64 = number.parse().ok()?;
            total = total.checked_add(Duration::seconds(count.checked_mul(*seconds)?))?;
            number.clear();
        }
        if !number.is_empty() {
            return None;
        }
    }
    Some(total)
}

/// Keeps the request itself.
fn store(
    dir: &mut Directory,
    having: Having,
    body: &Map<String, Value>,
    id: &str,
    status: &str,
    target: &str,
    span: Option<&Span>,
) -> Slot {
    let mut values: Map<String, Value> = body
        .iter()
        .filter(|(name, _)| !name.contains("@odata."))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    values.insert("id".to_owned(), json!(id));
    values.insert("status".to_owned(), json!(status));
    values.insert("targetScheduleId".to_owned(), json!(target));
    values.insert("createdDateTime".to_owned(), dir.now_text());
    values.insert("completedDateTime".to_owned(), dir.now_text());
    values
        .entry("isValidationOnly")
        .or_insert(Value::Bool(false));
    if let Some(span) = span {
        values.insert("scheduleInfo".to_owned(), span.info.clone());
    }
    dir.insert(
        having.request(),
        Uuid::new_v4(),
        values.iter().map(|(name, value)| (name.as_str(), value)),
    )
}

/// `POST …ScheduleRequests/{id}/cancel`: what has not begun yet.
pub fn cancel(ctx: &mut Ctx<'_>, request: Slot) -> Answer {
    if ctx.dir.text(request, "status") != Some("Granted") {
        return Err(SimError::bad(
            "Only a request that has not been provisioned can be canceled.",
        ));
    }
    let having = if ctx.dir.object(request).kind == Kind::AssignmentRequest {
        Having::Active
    } else {
        Having::Eligible
    };
    let schedule = ctx
        .dir
        .text(request, "targetScheduleId")
        .filter(|id| guid(id).is_some())
        .and_then(|id| ctx.dir.find_text(having.schedule(), id));
    if let Some(schedule) = schedule {
        ctx.dir.end_schedule(schedule);
    }
    ctx.dir.set_one(request, "status", &json!("Canceled"));
    Ok(SimResponse::no_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("PT8H", Some(8 * 3600)),
            ("PT5M", Some(300)),
            ("P1DT1S", Some(86_401)),
            ("P1M", Some(30 * 86_400)),
            ("P365D", Some(365 * 86_400)),
            ("P", None),
            ("PT", None),
            ("8H", None),
            ("PT8", None),
            ("PTH", None),
            ("P99999999999999Y", None),
        ] {
            assert_eq!(
                duration(text).map(Duration::whole_seconds),
                seconds,
                "{text}"
            );
        }
    }
}
