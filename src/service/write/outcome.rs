//! A create whose answer was lost: was it carried out? The gateway looks for what it would have
//! made, and answers the truth. A client that is told to come back would make a second one.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::{
    super::{Context, Error},
    create::{is_taken, send},
};
use crate::{
    graph::{self, Reply},
    odata::{expr::Expr, request::Request},
    resources::Identity,
    scim::error::{Error as ScimError, Kind},
};

/// The waits before each look. A new object takes a moment to be found.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// How long after the deadline one last look may take.
const GRACE: Duration = Duration::from_millis(1500);
/// How far Graph's clock may be behind ours.
const SKEW: time::Duration = time::Duration::minutes(2);

/// What became of a create that failed with `error`: Graph's answer after all, or the error to
/// tell.
///
/// # Errors
/// The refusal; or that it is not known whether the object was made, without an invitation to try
/// again.
pub(super) async fn settle(
    cx: &Context,
    sent: &Map<String, Value>,
    request: &Request,
    started: OffsetDateTime,
    error: graph::Error,
) -> Result<Reply, Error> {
    if !error.is_uncertain() {
        return Err(error.into());
    }
    let Some(identity) = cx.kind().special.identity(sent) else {
        return Err(unknown(cx, error, "it has no name to look for it by"));
    };
    let look = look_for(cx, sent, &identity);
    let mut looked = false;
    let limit = graph::Call {
        deadline: cx.call.deadline.max(Instant::now()) + GRACE,
        ..cx.call.clone()
    };
    for wait in LOOKS {
        if Instant::now() + wait >= limit.deadline {
            break;
        }
        tokio::time::sleep(wait).await;
        match cx.tenant.graph.collect(&limit, &look, 10).await {
            Ok(found) => {
                looked = true;
                let ours: Vec<&Value> = found
                    .iter()
                    .filter(|entity| is_ours(entity, sent, started))
                    .collect();
                match ours.as_slice() {
                    [entity] => return Ok(answered((*entity).clone())),
                    [] => {}
                    _ => return Err(unknown(cx, error, "more than one fits")),
                }
            }
            Err(trouble) => tracing::warn!(
                error = %crate::base::chain::Chain(&trouble),
                "could not look for what a create may have made"
            ),
        }
        if identity.is_unique && looked && Instant::now() < cx.call.deadline {
            // Graph itself can tell: the name can be taken once only.
            match cx.tenant.graph.send(&limit, request).await {
                Ok(reply) => return Ok(reply),
                Err(again) if is_taken(&again) || again.is_uncertain() => {}
                Err(refused) => return Err(refused.into()),
            }
        }
    }
    let why = if looked {
        "none was found under its name so far"
    } else {
        "it could not be looked for"
    };
    Err(unknown(cx, error, why))
}

/// A create that was begun `since`, without it being known what came of it: what it made, or makes
/// now what it has not.
///
/// # Errors
/// As a create; that more than one fits.
pub(super) async fn again(
    cx: &Context,
    sent: &Map<String, Value>,
    request: &Request,
    since: OffsetDateTime,
) -> Result<Reply, Error> {
    let Some(identity) = cx.kind().special.identity(sent) else {
        return send(cx, sent, request).await;
    };
    let look = look_for(cx, sent, &identity);
    let mut refused = None;
    for wait in LOOKS {
        let found = cx.tenant.graph.collect(&cx.call, &look, 10).await?;
        let mut ours = found.into_iter().filter(|one| is_ours(one, sent, since));
        match (ours.next(), ours.next()) {
            (Some(entity), None) => return Ok(answered(entity)),
            (Some(_), Some(_)) => {
                let text =
                    "more than one of this name was made meanwhile: look before you try again";
                return Err(ScimError::new(Kind::Unavailable, text).into());
            }
            (None, _) => {}
        }
        if identity.is_unique {
            // Where the name can be taken once only, Graph itself can tell.
            match send(cx, sent, request).await {
                Err(error) if error.scim.kind == Kind::Uniqueness => refused = Some(error),
                answer => return answer,
            }
        }
        if Instant::now() + wait >= cx.call.deadline {
            break;
        }
        tokio::time::sleep(wait).await;
    }
    match refused {
        Some(error) => Err(error),
        None => send(cx, sent, request).await,
    }
}

fn look_for(cx: &Context, sent: &Map<String, Value>, identity: &Identity<'_>) -> Request {
    let (property, value) = identity.by;
    Request::get(cx.kind().collection)
        .filter(&Expr::eq(property, value))
        .select(selected(sent, cx.kind().id_property))
}

/// The answer to a create, if it is about what was sent: to another object nothing is written.
///
/// # Errors
/// [`graph::Error::Protocol`]: what was made is not known.
pub(super) fn of_ours(
    cx: &Context,
    sent: &Map<String, Value>,
    reply: Reply,
) -> Result<Reply, graph::Error> {
    let Some(identity) = cx.kind().special.identity(sent) else {
        return Ok(reply);
    };
    let (name, value) = identity.by;
    let told = reply.body.get(name).and_then(Value::as_str);
    if told.is_some_and(|told| told.eq_ignore_ascii_case(value)) {
        return Ok(reply);
    }
    Err(graph::Error::Protocol {
        operation: format!("POST {}", cx.kind().collection),
        what: "the answer is about another object".to_owned(),
        request_id: reply.request_id,
    })
}

fn answered(entity: Value) -> Reply {
    Reply {
        status: 201,
        body: entity,
        ..Reply::default()
    }
}

fn selected<'a>(sent: &'a Map<String, Value>, id: &'a str) -> Vec<&'a str> {
    let mut names = vec![id, "createdDateTime"];
    let plain = sent
        .iter()
        .filter(|(name, value)| {
            !name.contains('@') && *name != "passwordProfile" && !value.is_object()
        })
        .map(|(name, _)| name.as_str());
    names.extend(plain.filter(|name| *name != "createdDateTime"));
    names
}

/// Made since, with the very values that were sent.
fn is_ours(entity: &Value, sent: &Map<String, Value>, started: OffsetDateTime) -> bool {
    let created = entity
        .get("createdDateTime")
        .and_then(Value::as_str)
        .and_then(|text| {
            OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
        });
    let since = created.is_none_or(|at| at >= started - SKEW);
    let same = |name: &str| match (entity.get(name), sent.get(name)) {
        (Some(Value::String(a)), Some(Value::String(b))) => a.eq_ignore_ascii_case(b),
        (_, None) => true,
        (a, b) => a == b,
    };
    since
        && ["userPrincipalName", "mailNickname", "displayName"]
            .iter()
            .all(|n| same(n))
}

/// The error of an outcome that stays unknown.
fn unknown(cx: &Context, error: graph::Error, why: &str) -> Error {
    let text = format!(
        "Microsoft Graph did not say whether it made this {}, and {why}: look before you try again",
        cx.kind().name
    );
    Error {
        retry_after: None,
        scim: ScimError::new(Kind::Unavailable, text),
        ..Error::from(error)
    }
}
