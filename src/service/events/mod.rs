//! The change feed as security event tokens (RFC 8417) of SCIM's events (RFC 9967), which receivers
//! poll (RFC 8936). Each token of a client is a receiver: what it has not acknowledged is given again.

mod keys;
mod told;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Context, Error, read};
use crate::{
    scim::{
        Document,
        error::{Error as ScimError, Kind},
        projection::Projection,
    },
    store::{
        EventStream,
        replica::{ChangeQuery, ChangeRow},
    },
    translation::document,
};
pub use keys::{Fault, Keys};
pub use told::Telling;

/// The events that are told, by the names of RFC 9967.
pub const EVENTS: [&str; 5] = [CREATED, CHANGED, DELETED, ACTIVATED, DEACTIVATED];
const CREATED: &str = "urn:ietf:params:scim:event:prov:create:notice";
const CHANGED: &str = "urn:ietf:params:scim:event:prov:patch:notice";
const DELETED: &str = "urn:ietf:params:scim:event:prov:delete";
const ACTIVATED: &str = "urn:ietf:params:scim:event:prov:activate";
const DEACTIVATED: &str = "urn:ietf:params:scim:event:prov:deactivate";

/// The most events in one answer, and how many where the receiver does not say.
const MOST: usize = 1_000;
const DEFAULT: usize = 100;
/// How far beyond the first unacknowledged change a receiver gets.
const WINDOW: i64 = 2_000;
/// How long a receiver waits for something to happen, and how often is looked.
const LONG: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(400);
/// How often a poll begins again because another of the same token came between.
const TRIES: usize = 20;

/// What a receiver asks, RFC 8936 §2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The most events it takes.
    pub most: usize,
    /// Whether it does not wait.
    pub immediately: bool,
    /// What it has taken, or refused.
    pub done: Vec<String>,
    /// What it refused, and why.
    pub refused: Vec<(String, String)>,
}

impl Poll {
    /// From the body of a poll.
    ///
    /// # Errors
    /// `invalidSyntax` and `invalidValue` for what is none.
    pub fn parse(body: &Value) -> Result<Self, ScimError> {
        let wrong = |text: &str| ScimError::invalid_value(text.to_owned());
        let object = body
            .as_object()
            .ok_or_else(|| ScimError::invalid_syntax("a poll must be a JSON object"))?;
        let most = match object.get("maxEvents") {
            None | Some(Value::Null) => DEFAULT,
            Some(value) => value
                .as_u64()
                .and_then(|most| usize::try_from(most).ok())
                .ok_or_else(|| wrong("maxEvents must be a whole number, 0 or more"))?,
        };
        let immediately = match object.get("returnImmediately") {
            None | Some(Value::Null) => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| wrong("returnImmediately must be true or false"))?,
        };
        let mut done: Vec<String> = match object.get("ack") {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => serde_json::from_value(value.clone())
                .map_err(|_| wrong("ack must be an array of jti"))?,
        };
        let refused: Vec<(String, String)> = match object.get("setErrs") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(errors)) => errors
                .iter()
                .map(|(jti, error)| {
                    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("");
                    (
                        jti.clone(),
                        format!("{} {}", text("err"), text("description")),
                    )
                })
                .collect(),
            Some(_) => return Err(wrong("setErrs must be an object of jti")),
        };
        done.extend(refused.iter().map(|(jti, _)| jti.clone()));
        Ok(Self {
            most: most.min(MOST),
            immediately,
            done,
            refused,
        })
    }
}

/// The events that the receiver has not acknowledged, oldest first; waits a while for one, unless it
/// says not to. Its stream begins with its first poll.
///
/// # Errors
/// 404 without a replica; `expiredCursor` when changes that it has not seen are no longer kept: the
/// stream then goes on with the next one; 503 before the replica is complete.
pub async fn poll(contexts: &[Context], ask: &Poll) -> Result<Value, Error> {
    let Some(cx) = contexts.first() else {
        return Err(ScimError::forbidden("the token may read no resource type").into());
    };
    if !cx.tenant.replica.settings.on {
        let text = "there are no events to read: replica is \"off\"";
        return Err(ScimError::not_found(text).into());
    }
    if !read::serves(cx).await? {
        let text = "the first synchronisation of the directory is under way";
        return Err(Error {
            retry_after: Some(Duration::from_secs(10)),
            ..Error::from(ScimError::new(Kind::Unavailable, text))
        });
    }
    for (jti, why) in &ask.refused {
        tracing::warn!(jti, why, "a receiver refused a security event");
    }
    let over = Instant::now() + LONG;
    loop {
        let (open, more) = unacknowledged(contexts, ask).await?;
        let waits = !ask.immediately && ask.most > 0 && open.is_empty();
        if waits && Instant::now() + LOOK < over && !cx.app.writes.is_closed() {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let mut sets = Document::new();
        for row in open {
            let (jti, claims) = claims(contexts, row).await?;
            let signed = Keys::sign(&cx.app, &cx.tenant, &claims)
                .await
                .map_err(fault)?;
            sets.insert(jti, signed.into());
        }
        return Ok(json!({"sets": sets, "moreAvailable": more}));
    }
}

/// Notes what is acknowledged; the next ones, and whether there are more.
async fn unacknowledged(contexts: &[Context], ask: &Poll) -> Result<(Vec<ChangeRow>, bool), Error> {
    let cx = &contexts[0];
    let (store, tenant) = (&cx.app.store, &cx.tenant.name);
    let token = &cx.caller.token_id;
    let kinds: Vec<&str> = contexts.iter().map(|cx| cx.kind().name).collect();
    for _ in 0..TRIES {
        let (first, last, kept) = store.change_range(tenant).await?;
        let held = store.event_stream(tenant, token).await?;
        let mut stream = held.clone().unwrap_or(EventStream {
            position: last,
            acked: Vec::new(),
            version: 0,
        });
        let lost = held.is_some() && kept > 0 && stream.position + 1 < first;
        let query = ChangeQuery {
            tenant,
            after: stream.position,
            kinds: &kinds,
            limit: WINDOW,
        };
        let rows = store.changes(&query).await?;
        if lost {
            stream.position = last;
            stream.acked.clear();
        } else {
            acknowledge(&mut stream, &rows, &ask.done, tenant, last);
        }
        if held.as_ref() != Some(&stream) {
            let now = cx.app.clock.now();
            if !store.move_event_stream(tenant, token, &stream, now).await? {
                continue;
            }
        }
        if lost {
            let text = "events that were not acknowledged are no longer kept: take a full inventory, and poll again";
            return Err(ScimError::new(Kind::ExpiredCursor, text).into());
        }
        let mut open: Vec<ChangeRow> = rows
            .into_iter()
            .filter(|row| {
                row.seq > stream.position && stream.acked.binary_search(&row.seq).is_err()
            })
            .collect();
        let more = open.len() > ask.most;
        open.truncate(ask.most);
        return Ok((open, more));
    }
    let text = "other polls of this token came between: poll again";
    Err(ScimError::new(Kind::Conflict, text).into())
}

/// Takes in what is acknowledged: the position goes up to the first change that is not.
fn acknowledge(
    stream: &mut EventStream,
    rows: &[ChangeRow],
    done: &[String],
    tenant: &str,
    last: i64,
) {
    for jti in done {
        let number = jti
            .strip_prefix(tenant)
            .and_then(|rest| rest.strip_prefix('-')?.parse::<i64>().ok());
        let shown = |number: &i64| rows.iter().any(|row| row.seq == *number);
        if let Some(number) = number.filter(shown)
            && let Err(at) = stream.acked.binary_search(&number)
        {
            stream.acked.insert(at, number);
        }
    }
    let open = rows
        .iter()
        .find(|row| stream.acked.binary_search(&row.seq).is_err());
    let whole = i64::try_from(rows.len()).is_ok_and(|len| len < WINDOW);
    stream.position = match (open, rows.last()) {
        (Some(row), _) => row.seq - 1,
        (None, Some(row)) if !whole => row.seq,
        // What is not for this receiver lies behind as well.
        (None, row) => row
            .map_or(last, |row| row.seq.max(last))
            .max(stream.position),
    };
    stream.acked.retain(|number| *number > stream.position);
}

/// What a token says of a change.
async fn claims(contexts: &[Context], row: ChangeRow) -> Result<(String, Value), Error> {
    let cx = contexts
        .iter()
        .find(|cx| cx.kind().name == row.kind)
        .unwrap_or(&contexts[0]);
    let tenant = &cx.tenant.name;
    let jti = format!("{tenant}-{}", row.seq);
    let mut names: Vec<String> = serde_json::from_str(&row.attributes).unwrap_or_default();
    let hidden: Vec<String> = cx.unreadable().map(|row| row.path.to_string()).collect();
    names.retain(|name| !hidden.contains(name));
    let mut events = Document::new();
    let told = |names: Vec<String>| {
        let names = if names.is_empty() {
            vec!["id".to_owned()]
        } else {
            names
        };
        json!({"attributes": names})
    };
    match row.change.as_str() {
        "created" => {
            events.insert(CREATED.into(), told(names));
        }
        "deleted" => {
            events.insert(DELETED.into(), json!({}));
        }
        _ => {
            if names.iter().any(|name| name == "active")
                && let Some(event) = activity(cx, &row.id).await?
            {
                events.insert(event.into(), json!({}));
            }
            events.insert(CHANGED.into(), told(names));
        }
    }
    let claims = json!({
        "iss": &*cx.base_url,
        "aud": &*cx.caller.name,
        "iat": cx.app.clock.now().unix_timestamp(),
        "jti": jti,
        "txn": format!("{tenant}-{}", row.at),
        "sub_id": {"format": "scim", "uri": document::location(cx.kind(), &row.id)},
        "events": events,
    });
    Ok((jti, claims))
}

/// Which of the two it is, by what the resource is now.
async fn activity(cx: &Context, id: &str) -> Result<Option<&'static str>, Error> {
    let projection = Projection::parse(Some("active"), None, cx.schema())?;
    let found = read::of_replica(cx, id, &projection).await?;
    let active = found.and_then(|(doc, _)| doc.get("active")?.as_bool());
    Ok(active.map(|active| if active { ACTIVATED } else { DEACTIVATED }))
}

/// What a client is told when nothing could be signed.
pub fn fault(fault: Fault) -> Error {
    Error {
        retry_after: Some(Duration::from_secs(5)),
        source: Some(Box::new(fault)),
        ..Error::from(ScimError::new(
            Kind::Unavailable,
            "the server's own database did not answer",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: i64) -> ChangeRow {
        ChangeRow {
            seq,
            at: 0,
            kind: "User".to_owned(),
            id: String::new(),
            change: "updated".to_owned(),
            attributes: "[]".to_owned(),
            cause: String::new(),
        }
    }

    /// (position, acked before, rows, acknowledged, last; position and acked after)
    #[test]
    fn positions() {
        type Row<'a> = (
            i64,
            &'a [i64],
            &'a [i64],
            &'a [&'a str],
            i64,
            i64,
            &'a [i64],
        );
        let rows: [Row; 7] = [
            (5, &[], &[6, 8, 9], &["t-6"], 9, 7, &[]),
            (5, &[], &[6, 8, 9], &["t-9", "t-8"], 9, 5, &[8, 9]),
            (5, &[8, 9], &[6, 8, 9], &["t-6"], 12, 12, &[]),
            (5, &[], &[], &[], 9, 9, &[]),
            (5, &[], &[6], &["t-7", "u-6", "t6", "x"], 9, 5, &[]),
            (5, &[], &[6], &["t-6", "t-6"], 6, 6, &[]),
            (5, &[], &[6, 7], &["t-6", "t-7"], 6, 7, &[]),
        ];
        for (position, acked, shown, done, last, after, left) in rows {
            let mut stream = EventStream {
                position,
                acked: acked.to_vec(),
                version: 1,
            };
            let shown: Vec<ChangeRow> = shown.iter().map(|&seq| row(seq)).collect();
            let done: Vec<String> = done.iter().map(|&jti| jti.to_owned()).collect();
            acknowledge(&mut stream, &shown, &done, "t", last);
            assert_eq!((stream.position, &*stream.acked), (after, left), "{done:?}");
        }
    }

    #[test]
    fn polls() {
        let poll = Poll::parse(&json!({})).unwrap();
        assert_eq!((poll.most, poll.immediately), (DEFAULT, false));
        let body = json!({"maxEvents": 5000, "returnImmediately": true, "ack": ["a"],
            "setErrs": {"b": {"err": "invalid_key", "description": "d"}}});
        let poll = Poll::parse(&body).unwrap();
        assert_eq!((poll.most, poll.immediately), (MOST, true));
        assert_eq!(poll.done, ["a", "b"]);
        for wrong in [
            json!([]),
            json!({"maxEvents": -1}),
            json!({"maxEvents": "x"}),
            json!({"returnImmediately": 1}),
            json!({"ack": "a"}),
            json!({"ack": [1]}),
            json!({"setErrs": []}),
        ] {
            assert!(Poll::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
