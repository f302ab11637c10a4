//! Who changed what: one row per write, begun before it and completed after.

use serde::Serialize;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use time::OffsetDateTime;

use super::{
    error::Error,
    moment,
    pool::{Store, Tx, reading, within},
};

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// The id of the token, when it was one.
    pub token: Option<String>,
    /// The token's name, or what else names the actor.
    pub name: String,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is under way; or its process ended, and nobody knows.
    Begun,
    /// Done.
    Done,
    /// A dry run: nothing was to be done.
    Planned,
    /// Refused, here or by Graph: the client's to change.
    Refused,
    /// Failed: not the client's fault.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Begun,
        Self::Done,
        Self::Planned,
        Self::Refused,
        Self::Failed,
    ];

    /// The name in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Planned => "planned",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One write, done or refused. Holds digests, never values: a log of who changed what must not
/// become a second directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Sortable by nothing: order by `at`.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who.
    pub actor: Actor,
    /// `create`, `replace`, `patch`, `delete`, …
    pub operation: String,
    /// The resource type, `User`, `Group`, …: `meta.resourceType`.
    pub resource_type: String,
    /// Which one; none when a create was refused.
    pub resource_id: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// The HTTP status answered; 0 while it is under way.
    pub status: u16,
    /// Why it was refused, without values.
    pub reason: Option<String>,
    /// The `x-request-id` of the answer, which the log has too.
    pub request_id: Option<String>,
    /// Digest of the document before.
    pub before: Option<String>,
    /// Digest of the document after.
    pub after: Option<String>,
    /// Graph's `request-id`s of the calls that were made for it.
    pub graph_requests: Vec<String>,
}

/// Which audit rows to list.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// The tenant.
    pub tenant: String,
    /// Only rows of this resource: type and id.
    pub resource: Option<(String, String)>,
    /// Only rows older than this.
    pub before: Option<OffsetDateTime>,
    /// At most so many.
    pub limit: u32,
}

/// A row as the database holds it.
struct Columns {
    id: String,
    tenant: String,
    at: i64,
    actor_token: Option<String>,
    actor_name: String,
    operation: String,
    resource_type: String,
    resource_id: Option<String>,
    outcome: String,
    status: i32,
    reason: Option<String>,
    request_id: Option<String>,
    before_digest: Option<String>,
    after_digest: Option<String>,
    graph_requests: String,
}

// By hand: the derive's crate would build the drivers, TLS and SQLite a second time, for the host.
impl<'r, R> FromRow<'r, R> for Columns
where
    R: Row,
    for<'a> &'a str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i32: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            tenant: row.try_get("tenant")?,
            at: row.try_get("at")?,
            actor_token: row.try_get("actor_token")?,
            actor_name: row.try_get("actor_name")?,
            operation: row.try_get("operation")?,
            resource_type: row.try_get("resource_type")?,
            resource_id: row.try_get("resource_id")?,
            outcome: row.try_get("outcome")?,
            status: row.try_get("status")?,
            reason: row.try_get("reason")?,
            request_id: row.try_get("request_id")?,
            before_digest: row.try_get("before_digest")?,
            after_digest: row.try_get("after_digest")?,
            graph_requests: row.try_get("graph_requests")?,
        })
    }
}

const TABLE: &str = "audit";

impl TryFrom<Columns> for AuditEntry {
    type Error = Error;

    fn try_from(row: Columns) -> Result<Self, Error> {
        let unreadable = |column| Error::Inconsistent {
            table: TABLE,
            column,
            id: row.id.clone(),
        };
        Ok(Self {
            at: moment::from_column(row.at, TABLE, "at", &row.id)?,
            outcome: Outcome::ALL
                .into_iter()
                .find(|outcome| outcome.as_str() == row.outcome)
                .ok_or_else(|| unreadable("outcome"))?,
            status: u16::try_from(row.status).map_err(|_| unreadable("status"))?,
            reason: row.reason,
            request_id: row.request_id,
            graph_requests: serde_json::from_str(&row.graph_requests)
                .map_err(|_| unreadable("graph_requests"))?,
            id: row.id,
            tenant: row.tenant,
            actor: Actor {
                token: row.actor_token,
                name: row.actor_name,
            },
            operation: row.operation,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            before: row.before_digest,
            after: row.after_digest,
        })
    }
}

impl Store {
    /// Stores one audit row.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the id is there already.
    pub async fn record_audit(&self, entry: &AuditEntry) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        tx.record_audit(entry).await?;
        tx.commit().await
    }

    /// Completes the row of a write that has ended.
    ///
    /// # Errors
    /// [`Error::RowsAffected`] when there is no such row.
    pub async fn complete_audit(&self, entry: &AuditEntry) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        tx.complete_audit(entry).await?;
        tx.commit().await
    }

    /// How many writes of a tenant were begun before a moment and never completed.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_begun(&self, tenant: &str, before: OffsetDateTime) -> Result<i64, Error> {
        reading!(self, db =>
            sqlx::query_scalar(
                "SELECT count(*) FROM audit WHERE tenant = $1 AND outcome = $2 AND at < $3",
            )
            .bind(tenant)
            .bind(Outcome::Begun.as_str())
            .bind(moment::to_column(before))
            .fetch_one(db)
            .await)
        .map_err(Error::at("count writes that were begun"))
    }

    /// Lists audit rows, newest first.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Inconsistent`].
    pub async fn list_audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, Error> {
        let before = query.before.map_or(i64::MAX, moment::to_column);
        let limit = i64::from(query.limit);
        let rows: Result<Vec<Columns>, _> = match &query.resource {
            None => reading!(self, db =>
                sqlx::query_as(
                    "SELECT * FROM audit WHERE tenant = $1 AND at < $2
                     ORDER BY at DESC, id DESC LIMIT $3",
                )
                .bind(&query.tenant)
                .bind(before)
                .bind(limit)
                .fetch_all(db)
                .await),
            Some((kind, id)) => reading!(self, db =>
                sqlx::query_as(
                    "SELECT * FROM audit
                     WHERE tenant = $1 AND at < $2 AND resource_type = $4 AND resource_id = $5
                     ORDER BY at DESC, id DESC LIMIT $3",
                )
                .bind(&query.tenant)
                .bind(before)
                .bind(limit)
                .bind(kind)
                .bind(id)
                .fetch_all(db)
                .await),
        };
        rows.map_err(Error::at("list audit rows"))?
            .into_iter()
            .map(AuditEntry::try_from)
            .collect()
    }

    /// Forgets audit rows of a tenant older than `before`; says how many.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_audit(&self, tenant: &str, before: OffsetDateTime) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let affected = within!(tx, db =>
            sqlx::query("DELETE FROM audit WHERE tenant = $1 AND at < $2")
                .bind(tenant)
                .bind(moment::to_column(before))
                .execute(db)
                .await
                .map(|done| done.rows_affected()))
        .map_err(Error::at("forget audit rows"))?;
        tx.commit().await?;
        Ok(affected)
    }
}

impl Tx {
    /// As [`Store::complete_audit`], within this transaction.
    ///
    /// # Errors
    /// [`Error::RowsAffected`] when there is no such row.
    pub async fn complete_audit(&mut self, entry: &AuditEntry) -> Result<(), Error> {
        let operation = "complete an audit row";
        let graph_requests = serde_json::Value::from(entry.graph_requests.clone()).to_string();
        let affected = within!(self, db =>
            sqlx::query(
                "UPDATE audit SET resource_id = $3, outcome = $4, status = $5, reason = $6,
                     before_digest = $7, after_digest = $8, graph_requests = $9
                 WHERE tenant = $1 AND id = $2",
            )
            .bind(&entry.tenant)
            .bind(&entry.id)
            .bind(&entry.resource_id)
            .bind(entry.outcome.as_str())
            .bind(i32::from(entry.status))
            .bind(&entry.reason)
            .bind(&entry.before)
            .bind(&entry.after)
            .bind(&graph_requests)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))
        .map_err(Error::at(operation))?;
        if affected != 1 {
            return Err(Error::RowsAffected {
                operation,
                expected: 1,
                affected,
            });
        }
        Ok(())
    }

    /// As [`Store::record_audit`], within this transaction.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the id is there already.
    pub async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), Error> {
        let operation = "record an audit row";
        // A list of strings always has a JSON form.
        let graph_requests = serde_json::Value::from(entry.graph_requests.clone()).to_string();
        let affected = within!(self, db =>
            sqlx::query(
                "INSERT INTO audit (tenant, id, at, actor_token, actor_name, operation,
                     resource_type, resource_id, status, before_digest, after_digest,
                     graph_requests, outcome, reason, request_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            )
            .bind(&entry.tenant)
            .bind(&entry.id)
            .bind(moment::to_column(entry.at))
            .bind(&entry.actor.token)
            .bind(&entry.actor.name)
            .bind(&entry.operation)
            .bind(&entry.resource_type)
            .bind(&entry.resource_id)
            .bind(i32::from(entry.status))
            .bind(&entry.before)
            .bind(&entry.after)
            .bind(&graph_requests)
            .bind(entry.outcome.as_str())
            .bind(&entry.reason)
            .bind(&entry.request_id)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))
        .map_err(Error::at(operation))?;
        if affected == 1 {
            Ok(())
        } else {
            Err(Error::RowsAffected {
                operation,
                expected: 1,
                affected,
            })
        }
    }
}
