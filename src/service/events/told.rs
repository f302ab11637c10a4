//! Changes as they are told to a receiver that does not ask.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    super::{App, Context, Error, Ignored, Tenant, changes, replica::Made, tokens::Caller},
    EventStream, Keys, claims, fault,
};
use crate::{
    delivery::{Event, Receiver},
    graph::{Call, CallStats, Lane},
    scim::error::{Error as ScimError, Kind},
    store::replica::{ChangeQuery, ChangeRow},
};

/// Names the receiver's row among those of tokens.
const NAME: &str = "receiver";
/// Changes read at once.
const CHUNK: i64 = 100;

/// What a receiver is told: all resource types, in its name.
pub struct Telling {
    contexts: Vec<Context>,
    tokens: bool,
}

impl Telling {
    /// For the receiver of a tenant.
    ///
    /// # Errors
    /// 500 when a grant of everything is none.
    pub fn new(app: &Arc<App>, tenant: &Arc<Tenant>, receiver: &Receiver) -> Result<Self, Error> {
        let grant = "read:*"
            .parse()
            .map_err(|_| Error::from(ScimError::new(Kind::Internal, "internal error")))?;
        let caller = Arc::new(Caller {
            tenant: tenant.name.clone(),
            token_id: NAME.to_owned(),
            name: receiver.audience.clone(),
            grant,
        });
        let context = |mapped| Context {
            app: Arc::clone(app),
            request_id: NAME.into(),
            caller: Arc::clone(&caller),
            tenant: Arc::clone(tenant),
            mapped: Arc::clone(mapped),
            base_url: receiver.issuer.as_str().into(),
            call: Call {
                deadline: tokio::time::Instant::now(),
                lane: Lane::Background,
                stats: Arc::new(CallStats::default()),
            },
            dry_run: false,
            made: Made::default(),
            ignored: Ignored::default(),
        };
        Ok(Self {
            contexts: tenant.types.iter().map(context).collect(),
            tokens: receiver.takes_tokens(),
        })
    }

    fn first(&self) -> Result<&Context, Error> {
        let none = || ScimError::new(Kind::Internal, "internal error").into();
        self.contexts.first().ok_or_else(none)
    }

    /// Where the receiver stands: with the next change, the first time. Changes that it has missed
    /// because they are no longer kept are told of in the log.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn place(&self) -> Result<EventStream, Error> {
        let cx = self.first()?;
        let (store, tenant) = (&cx.app.store, &cx.tenant.name);
        let (first, last, kept) = store.change_range(tenant).await?;
        let Some(mut held) = store.event_stream(tenant, NAME).await? else {
            let begun = EventStream {
                position: last,
                acked: Vec::new(),
                version: 0,
            };
            return self.moved(begun).await;
        };
        if kept > 0 && held.position + 1 < first {
            tracing::error!(
                tenant,
                missed = first - 1 - held.position,
                "changes are no longer kept that the receiver of events has not been told"
            );
            held.position = first - 1;
        }
        Ok(held)
    }

    /// Stores where it stands now.
    ///
    /// # Errors
    /// 409 when another instance has moved it; when the store does not answer.
    pub async fn moved(&self, stream: EventStream) -> Result<EventStream, Error> {
        let cx = self.first()?;
        let (store, now) = (&cx.app.store, cx.app.clock.now());
        let ours = store
            .move_event_stream(&cx.tenant.name, NAME, &stream, now)
            .await?;
        if !ours {
            let text = "another instance tells the receiver";
            return Err(ScimError::new(Kind::Conflict, text).into());
        }
        Ok(EventStream {
            version: stream.version + 1,
            ..stream
        })
    }

    /// The next changes.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn next(&self, stream: &EventStream) -> Result<Vec<ChangeRow>, Error> {
        let cx = self.first()?;
        let kinds: Vec<&str> = self.contexts.iter().map(|cx| cx.kind().name).collect();
        let query = ChangeQuery {
            tenant: &cx.tenant.name,
            after: stream.position,
            kinds: &kinds,
            limit: CHUNK,
        };
        Ok(cx.app.store.changes(&query).await?)
    }

    /// A change as an event.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn event(&self, row: ChangeRow, now: OffsetDateTime) -> Result<Event, Error> {
        let cx = self.first()?;
        let at = now.unix_timestamp();
        if self.tokens {
            let (id, claims) = claims(&self.contexts, row).await?;
            let body = Keys::sign(&cx.app, &cx.tenant, &claims)
                .await
                .map_err(fault)?;
            return Ok(Event { id, at, body });
        }
        let id = format!("{}-{}", cx.tenant.name, row.seq);
        let kind = format!("{}.{}", row.kind.to_lowercase(), row.change);
        let data = Value::Object(changes::document(&self.contexts, row));
        let body = json!({"type": kind, "timestamp": data["at"], "data": data}).to_string();
        Ok(Event { id, at, body })
    }
}
