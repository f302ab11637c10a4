//! The audit trail: one row for every write, begun before Microsoft Graph is called and completed
//! after; rows for what is refused; rows for tokens, sign-ins and configuration.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    Context, Error,
    replica::{
        self, Fault,
        own::{self, OwnWrite},
    },
};
use crate::{
    base::{chain::Chain, clock::Clock},
    scim::{
        Document,
        error::{Error as ScimError, Kind},
    },
    store::{self, Actor, AuditEntry, Outcome, Store},
};

/// What happens to a write of which no row can be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trail {
    /// It is refused: nothing is done unseen.
    #[default]
    Required,
    /// It is done, and the log says that the row is missing.
    BestEffort,
}

/// What is known of a write when it has ended.
#[derive(Debug, Default)]
pub(super) struct Ending<'a> {
    /// The resource's id, where the operation did not name it.
    pub(super) id: Option<&'a str>,
    /// The HTTP status that the client gets.
    pub(super) status: u16,
    /// A dry run.
    pub(super) planned: bool,
    /// Why it did not succeed.
    pub(super) error: Option<&'a ScimError>,
    /// Digest of the document before.
    pub(super) before: Option<String>,
    /// Digest of the document as answered.
    pub(super) after: Option<String>,
}

/// How often a write is tried again to be put into the replica.
const TRIES: u32 = 5;

/// The row of a write that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    entry: AuditEntry,
    stored: bool,
}

/// Stores the row of a write that is about to begin.
///
/// # Errors
/// 503 when it cannot be stored and the trail is required.
pub(super) async fn begin(cx: &Context, operation: &str, id: Option<&str>) -> Result<Begun, Error> {
    let entry = entry(cx, operation, id);
    match cx.app.store.record_audit(&entry).await {
        Ok(()) => Ok(Begun {
            entry,
            stored: true,
        }),
        Err(error) if cx.app.settings.trail == Trail::Required => {
            let text = "the audit trail cannot be written; nothing was changed";
            Err(Error {
                scim: ScimError::new(Kind::Unavailable, text),
                retry_after: Some(Duration::from_secs(5)),
                ..Error::from(error)
            })
        }
        Err(error) => {
            missing(&entry, error);
            Ok(Begun {
                entry,
                stored: false,
            })
        }
    }
}

impl Begun {
    /// Completes the row. When that cannot be, the log has what it would say: the write itself has
    /// ended, and an error to the client would say that it has not.
    ///
    /// What was written goes into the replica in the same transaction.
    pub(super) async fn complete(mut self, cx: &Context, ending: Ending<'_>) {
        fill(&mut self.entry, cx, ending);
        let writes = cx.made.take();
        let stored = if writes.is_empty() || !cx.tenant.replica.settings.on {
            self.store(cx).await
        } else {
            self.store_with(cx, writes).await
        };
        if let Err(error) = stored {
            missing(&self.entry, error);
        }
    }

    async fn store(&self, cx: &Context) -> Result<(), store::Error> {
        if self.stored {
            cx.app.store.complete_audit(&self.entry).await
        } else {
            cx.app.store.record_audit(&self.entry).await
        }
    }

    /// Tries a few times: what Graph has done must not be missing here. If it cannot be, the next
    /// round brings it.
    async fn store_with(&self, cx: &Context, writes: Vec<OwnWrite>) -> Result<(), store::Error> {
        let mut tries = 0;
        loop {
            match self.try_with(cx, writes.clone()).await {
                Ok(()) => return Ok(()),
                Err(fault) if tries < TRIES => {
                    tries += 1;
                    tracing::warn!(error = %Chain(&fault), tries, "a write is not in the replica yet");
                    tokio::time::sleep(Duration::from_millis(50) * tries).await;
                }
                Err(fault) => {
                    replica::count(&cx.tenant.replica.counters.unrecorded, 1);
                    tracing::error!(error = %Chain(&fault), "a write is not in the replica");
                    return self.store(cx).await;
                }
            }
        }
    }

    async fn try_with(&self, cx: &Context, writes: Vec<OwnWrite>) -> Result<(), Fault> {
        let mut tx = cx.app.store.begin().await?;
        tx.lock_replica(&cx.tenant.name).await?;
        if self.stored {
            tx.complete_audit(&self.entry).await?;
        } else {
            tx.record_audit(&self.entry).await?;
        }
        let times = cx.tenant.replica.times(cx.app.clock.as_ref(), 0);
        own::record(&mut tx, &cx.tenant, writes, times, &cx.caller.name).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The row of a write that never began: refused before, or a dry run.
pub(super) async fn record(cx: &Context, operation: &str, id: Option<&str>, ending: Ending<'_>) {
    let mut entry = entry(cx, operation, id);
    fill(&mut entry, cx, ending);
    if let Err(error) = cx.app.store.record_audit(&entry).await {
        missing(&entry, error);
    }
}

fn entry(cx: &Context, operation: &str, id: Option<&str>) -> AuditEntry {
    AuditEntry {
        actor: Actor {
            token: Some(cx.caller.token_id.clone()),
            name: cx.caller.name.clone(),
        },
        resource_type: cx.kind().name.to_owned(),
        resource_id: id.map(|id| id.chars().take(100).collect()),
        outcome: Outcome::Begun,
        request_id: Some(cx.request_id.to_string()),
        ..blank(&cx.tenant.name, cx.app.clock.now(), operation)
    }
}

fn blank(tenant: &str, at: OffsetDateTime, operation: &str) -> AuditEntry {
    AuditEntry {
        id: uuid::Uuid::new_v4().to_string(),
        tenant: tenant.to_owned(),
        at,
        actor: Actor {
            token: None,
            name: "system".to_owned(),
        },
        operation: operation.to_owned(),
        resource_type: String::new(),
        resource_id: None,
        outcome: Outcome::Done,
        status: 0,
        reason: None,
        request_id: None,
        before: None,
        after: None,
        graph_requests: Vec::new(),
    }
}

fn fill(entry: &mut AuditEntry, cx: &Context, ending: Ending<'_>) {
    entry.status = ending.status;
    entry.outcome = match ending.status {
        500.. => Outcome::Failed,
        400.. => Outcome::Refused,
        _ if ending.planned => Outcome::Planned,
        _ => Outcome::Done,
    };
    entry.reason = ending.error.map(reason);
    if entry.resource_id.is_none() {
        entry.resource_id = ending.id.map(str::to_owned);
    }
    entry.before = ending.before;
    entry.after = ending.after;
    entry.graph_requests = cx.call.stats.request_ids();
}

/// Why a write was refused, as the row tells it: a refusal of rights in full, which names scopes
/// and presets; of the others the kind alone, because their texts may quote values.
fn reason(error: &ScimError) -> String {
    if error.kind == Kind::Forbidden {
        return error.detail.chars().take(300).collect();
    }
    let kind = error.kind.scim_type();
    kind.map_or_else(|| format!("{:?}", error.kind), str::to_owned)
}

fn missing(entry: &AuditEntry, error: store::Error) {
    tracing::error!(
        scim.operation = entry.operation,
        scim.resource_type = entry.resource_type,
        scim.id = entry.resource_id.as_deref(),
        outcome = entry.outcome.as_str(),
        http.status = entry.status,
        graph.request_ids = ?entry.graph_requests,
        error = %Chain(&error),
        "an audit row could not be stored"
    );
}

/// A row about a token: made, revoked.
pub(super) fn of_token(
    tenant: &str,
    at: OffsetDateTime,
    by: &str,
    operation: &str,
    id: &str,
    reason: Option<String>,
) -> AuditEntry {
    AuditEntry {
        actor: Actor {
            token: None,
            name: by.to_owned(),
        },
        resource_type: "Token".to_owned(),
        resource_id: Some(id.to_owned()),
        reason,
        ..blank(tenant, at, operation)
    }
}

/// Notes that the gateway has started with a configuration, of which `text` is a form without
/// secrets: the row holds its digest.
///
/// # Errors
/// [`store::Error`]
pub async fn configured(
    store: &Store,
    clock: &dyn Clock,
    tenant: &str,
    text: &str,
) -> Result<(), store::Error> {
    let entry = AuditEntry {
        resource_type: "Configuration".to_owned(),
        after: Some(hex(&Sha256::digest(text.as_bytes()))),
        reason: Some(format!("entra-scim {}", env!("CARGO_PKG_VERSION"))),
        ..blank(tenant, clock.now(), "configure")
    };
    store.record_audit(&entry).await
}

/// How often a token's sign-in has a row.
const SIGN_IN_EVERY: time::Duration = time::Duration::HOUR;
/// How many tokens' sign-ins are remembered.
const CAPACITY: usize = 10_000;

/// Sign-ins that have a row already: a flood of requests makes no flood of rows.
#[derive(Debug, Default)]
pub struct SignIns(Mutex<HashMap<String, (OffsetDateTime, u64)>>);

impl SignIns {
    /// How many sign-ins like this one came since the last row, if it is time for one.
    fn due(&self, key: &str, now: OffsetDateTime) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY && !known.contains_key(key) {
            known.retain(|_, (at, _)| now - *at < SIGN_IN_EVERY);
            if known.len() >= CAPACITY {
                return None;
            }
        }
        let (at, more) = known
            .entry(key.to_owned())
            .or_insert((now - SIGN_IN_EVERY, 0));
        if now - *at < SIGN_IN_EVERY {
            *more += 1;
            return None;
        }
        let since = *more;
        (*at, *more) = (now, 0);
        Some(since)
    }

    /// Notes a sign-in: `refusal` says why it was none. `token` is the token's id, if it is known.
    pub(super) async fn note(
        &self,
        store: &Store,
        now: OffsetDateTime,
        tenant: &str,
        token: Option<(&str, &str)>,
        refusal: Option<String>,
    ) {
        let id = token.map(|(id, _)| id);
        let good = refusal.is_none();
        let key = format!("{tenant} {} {good}", id.unwrap_or_default());
        let Some(since) = self.due(&key, now) else {
            return;
        };
        let more = (since > 0).then(|| format!("{since} more since the last row"));
        let said: Vec<String> = refusal.into_iter().chain(more).collect();
        let entry = AuditEntry {
            actor: Actor {
                token: id.map(str::to_owned),
                name: token.map_or("unknown", |(_, name)| name).to_owned(),
            },
            resource_type: "Token".to_owned(),
            resource_id: id.map(str::to_owned),
            status: if good { 200 } else { 401 },
            outcome: if good {
                Outcome::Done
            } else {
                Outcome::Refused
            },
            reason: (!said.is_empty()).then(|| said.join("; ")),
            ..blank(tenant, now, "sign-in")
        };
        if let Err(error) = store.record_audit(&entry).await {
            missing(&entry, error);
        }
    }
}

/// What tells one state of a resource from another; its values cannot be read out of it.
pub(super) fn digest(doc: &Document) -> String {
    hex(&Sha256::digest(serde_json::to_vec(doc).unwrap_or_default()))
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_ins_have_a_row_an_hour() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let sign_ins = SignIns::default();
        let minute = time::Duration::MINUTE;
        for (key, minutes, expected) in [
            ("a", 0, Some(0)),
            ("a", 1, None),
            ("b", 1, Some(0)),
            ("a", 59, None),
            ("a", 60, Some(2)),
            ("a", 61, None),
        ] {
            let at = start + minute * minutes;
            assert_eq!(sign_ins.due(key, at), expected, "{key} {minutes}");
        }
        for i in 0..CAPACITY * 2 {
            sign_ins.due(&i.to_string(), start + minute * 61);
        }
        assert!(sign_ins.0.lock().unwrap().len() <= CAPACITY);
    }

    #[test]
    fn reasons_hold_no_values() {
        let taken = ScimError::new(Kind::Uniqueness, "'alex@contoso.com' is taken");
        assert_eq!(reason(&taken), "uniqueness");
        assert_eq!(reason(&ScimError::new(Kind::TooLarge, "x")), "TooLarge");
        assert_eq!(
            reason(&ScimError::forbidden("needs write:Roles")),
            "needs write:Roles"
        );
    }
}
