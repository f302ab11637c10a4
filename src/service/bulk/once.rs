//! A bulk request under an `Idempotency-Key`: what was done of it is not done again.
//!
//! Each operation has a row from before it begins until what it came to is known. Sent again, what
//! has come to something is answered from the row; what was begun and not heard of is looked for
//! first. One instance at a time works on a request; another that gets it meanwhile waits.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lc_rs::{digest, hmac};
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::super::{App, Context, Error, write};
use crate::{
    scim::{
        bulk::{Entry, Outcome, Request, Subject},
        error::{Error as ScimError, Kind},
    },
    store::{BulkKey, BulkRow},
};

/// How long an instance that is not heard of keeps a request.
const LEASE: time::Duration = time::Duration::seconds(15);
/// How often it is renewed.
pub(super) const RENEWED: Duration = Duration::from_secs(5);
/// How often another instance looks.
const LOOK: Duration = Duration::from_millis(250);
/// How long results are kept.
pub const KEPT: time::Duration = time::Duration::hours(24);

/// One bulk request that is not to be done twice.
pub(super) struct Once {
    app: Arc<App>,
    of: BulkKey,
    owner: String,
    secret: hmac::Key,
    known: HashMap<usize, Known>,
}

/// What is known of an operation.
struct Known {
    begun: OffsetDateTime,
    result: Option<Outcome>,
}

impl Once {
    /// Takes the request, when nobody else works on it.
    ///
    /// # Errors
    /// 409 when another instance still does at the deadline; `invalidValue` when the key was used
    /// for something else; 503 when the store does not answer.
    pub(super) async fn take(
        cx: &Context,
        key: &str,
        request: &Request,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let store = &cx.app.store;
        let of = BulkKey {
            tenant: cx.tenant.name.clone(),
            token: cx.caller.token_id.clone(),
            key: digest::digest(&digest::SHA256, key.as_bytes())
                .as_ref()
                .to_vec(),
        };
        let owner = uuid::Uuid::new_v4().to_string();
        let now = || cx.app.clock.now();
        store.forget_bulk(&of.tenant, now() - KEPT).await?;
        while !store.claim_bulk(&of, &owner, now(), LEASE).await? {
            if Instant::now() + LOOK >= deadline {
                let text = "the same bulk request is being worked on: ask again later";
                return Err(Error {
                    retry_after: Some(Duration::from_secs(5)),
                    ..Error::from(ScimError::new(Kind::Conflict, text))
                });
            }
            tokio::time::sleep(LOOK).await;
        }
        let mut once = Self {
            app: Arc::clone(&cx.app),
            // Of what may hold a password no digest is kept that somebody could try to guess.
            secret: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
            known: HashMap::new(),
            of,
            owner,
        };
        let rows = store.bulk_rows(&once.of).await?;
        if let Err(error) = once.learn(rows, request) {
            once.release().await;
            return Err(error.into());
        }
        Ok(once)
    }

    fn learn(&mut self, rows: Vec<BulkRow>, request: &Request) -> Result<(), ScimError> {
        for row in rows {
            let place = usize::try_from(row.place).unwrap_or(usize::MAX);
            let same = request
                .entries
                .get(place)
                .is_some_and(|entry| self.digest(entry) == row.digest);
            if !same {
                return Err(ScimError::invalid_value(
                    "the Idempotency-Key was used for another bulk request",
                ));
            }
            let result = row.result.and_then(|text| serde_json::from_str(&text).ok());
            let known = Known {
                begun: row.begun,
                result,
            };
            self.known.insert(place, known);
        }
        Ok(())
    }

    fn digest(&self, entry: &Entry) -> Vec<u8> {
        let said = match &entry.operation {
            Ok(operation) => {
                let subject = match &operation.subject {
                    Subject::New => json!(null),
                    Subject::Id(id) => json!({"id": id}),
                    Subject::Made(id) => json!({"made": id}),
                };
                json!([
                    entry.method,
                    entry.bulk_id,
                    operation.endpoint,
                    subject,
                    operation.version,
                    operation.data
                ])
            }
            Err(error) => json!([entry.method, entry.bulk_id, error.detail]),
        };
        hmac::sign(&self.secret, said.to_string().as_bytes())
            .as_ref()
            .to_vec()
    }

    /// What the operation has come to already.
    pub(super) fn result(&self, place: usize) -> Option<Outcome> {
        self.known.get(&place)?.result.clone()
    }

    /// When it was begun without being heard of.
    pub(super) fn tried(&self, place: usize) -> Option<OffsetDateTime> {
        let known = self.known.get(&place)?;
        known.result.is_none().then_some(known.begun)
    }

    /// What a create needs to be found again, whoever makes it.
    pub(super) fn create(&self, place: usize) -> write::Once {
        let seed = hmac::sign(&self.secret, format!("name {place}").as_bytes());
        let hex: Vec<String> = seed
            .as_ref()
            .iter()
            .take(4)
            .map(|b| format!("{b:02x}"))
            .collect();
        write::Once {
            suffix: hex.concat(),
            tried: self.tried(place),
        }
    }

    /// Notes that it begins.
    ///
    /// # Errors
    /// 409 when another instance has taken the request over; 503 when the store does not answer.
    pub(super) async fn begin(&self, place: usize, entry: &Entry) -> Result<(), Error> {
        let digest = self.digest(entry);
        let (store, now) = (&self.app.store, self.app.clock.now());
        let ours = store
            .begin_bulk_operation(&self.of, &self.owner, column(place), &digest, now)
            .await?;
        if ours {
            return Ok(());
        }
        let text = "another instance has taken this bulk request over";
        Err(ScimError::new(Kind::Conflict, text).into())
    }

    /// Notes what it came to. What was refused counts as never begun; what may have been done
    /// stays as it is, to be looked for.
    pub(super) async fn end(&self, place: usize, outcome: &Outcome) {
        if outcome.status >= 500 {
            return;
        }
        let text = match outcome.is_done().then(|| serde_json::to_string(outcome)) {
            Some(Ok(text)) => Some(text),
            Some(Err(_)) => return,
            None => None,
        };
        let store = &self.app.store;
        let ended = store.end_bulk_operation(&self.of, column(place), text.as_deref());
        if let Err(error) = ended.await {
            tracing::warn!(error = %crate::base::chain::Chain(&error), "what a bulk operation came to is not kept");
        }
    }

    /// Keeps the request.
    pub(super) async fn renew(&self) {
        let (store, now) = (&self.app.store, self.app.clock.now());
        if let Err(error) = store.claim_bulk(&self.of, &self.owner, now, LEASE).await {
            tracing::warn!(error = %crate::base::chain::Chain(&error), "a bulk request could not be kept");
        }
    }

    /// Lets the next one have it.
    pub(super) async fn release(&self) {
        if let Err(error) = self.app.store.release_bulk(&self.of, &self.owner).await {
            tracing::warn!(error = %crate::base::chain::Chain(&error), "a bulk request was not given back");
        }
    }
}

fn column(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
