//! The change feed: what became of which object, when, and by whom. Numbered per tenant, without
//! gaps and in the order in which changes become visible.

use super::{id, parts};
use crate::store::{
    error::Error,
    pool::{Store, Tx},
    statement::{Source, Statement, fetch},
};

/// A change to be told of.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// `User`, `Group`, …
    pub kind: String,
    /// Of which object.
    pub id: String,
    /// `created`, `updated`, `deleted`
    pub change: &'static str,
    /// The names of the attributes that changed.
    pub attributes: Vec<String>,
    /// Who: a caller of this gateway, or `directory`.
    pub cause: String,
}

/// A change as it stands in the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeRow {
    /// Its number.
    pub seq: i64,
    /// When it was seen or made, in microseconds.
    pub at: i64,
    /// `User`, `Group`, …
    pub kind: String,
    /// Of which object.
    pub id: String,
    /// `created`, `updated`, `deleted`
    pub change: String,
    /// The names of the attributes that changed, as a JSON array.
    pub attributes: String,
    /// Who.
    pub cause: String,
}

/// Which changes to read.
#[derive(Clone, Debug)]
pub struct ChangeQuery<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// Only behind this number.
    pub after: i64,
    /// Only of these types.
    pub kinds: &'a [&'a str],
    /// At most so many.
    pub limit: i64,
}

const SEQUENCE: &str = "feed";

impl Tx {
    /// Adds changes to the feed. Whoever adds holds the tenant's number until the transaction
    /// ends, so that no smaller number appears behind a greater one.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn add_changes(
        &mut self,
        tenant: &str,
        at: i64,
        changes: &[Change],
    ) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
        let mut sql =
            Statement::new("INSERT INTO replica_state (tenant, name, value, number, at) VALUES ");
        sql.row([
            tenant.into(),
            SEQUENCE.into(),
            "".into(),
            count.into(),
            at.into(),
        ]);
        sql.push(
            " ON CONFLICT (tenant, name) DO UPDATE
                 SET number = replica_state.number + excluded.number, at = excluded.at",
        );
        sql.run(self, "number changes").await?;
        let last = self
            .mark(tenant, SEQUENCE)
            .await?
            .map_or(count, |mark| mark.number);
        let mut seq = last - count;
        for changes in parts(changes) {
            let mut sql = Statement::new(
                "INSERT INTO replica_changes (tenant, seq, at, kind, id, change, attributes, cause) VALUES ",
            );
            for (i, change) in changes.iter().enumerate() {
                if i > 0 {
                    sql.push(", ");
                }
                seq += 1;
                let names = serde_json::Value::from(change.attributes.clone()).to_string();
                sql.row([
                    tenant.into(),
                    seq.into(),
                    at.into(),
                    change.kind.as_str().into(),
                    id::to_bytes(&change.id).into(),
                    change.change.into(),
                    names.into(),
                    change.cause.as_str().into(),
                ]);
            }
            sql.run(self, "add changes").await?;
        }
        Ok(())
    }
}

impl Store {
    /// Changes in their order.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn changes(&self, query: &ChangeQuery<'_>) -> Result<Vec<ChangeRow>, Error> {
        let mut sql = Statement::new(
            "SELECT seq, at, kind, id, change, attributes, cause FROM replica_changes WHERE tenant = ",
        );
        sql.bind(query.tenant)
            .push(" AND seq > ")
            .bind(query.after)
            .push(" AND kind IN (");
        sql.bind_all(query.kinds.iter().copied());
        sql.push(") ORDER BY seq LIMIT ").bind(query.limit);
        fetch!(Source::from(self), "read changes", sql, |row| ChangeRow {
            seq: row.try_get(0)?,
            at: row.try_get(1)?,
            kind: row.try_get(2)?,
            id: id::from_bytes(&row.try_get::<Vec<u8>, _>(3)?),
            change: row.try_get(4)?,
            attributes: row.try_get(5)?,
            cause: row.try_get(6)?,
        })
    }

    /// The numbers of the first and the last change that the feed has, and how many there are.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn change_range(&self, tenant: &str) -> Result<(i64, i64, i64), Error> {
        let mut sql = Statement::new(
            "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0), count(*) FROM replica_changes WHERE tenant = ",
        );
        sql.bind(tenant);
        let rows = fetch!(Source::from(self), "measure the feed", sql, |row| (
            row.try_get::<i64, _>(0)?,
            row.try_get::<i64, _>(1)?,
            row.try_get::<i64, _>(2)?
        ))?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// Forgets changes and tombstones that are older than `before`, and what was removed here before
    /// `settled`.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_changes(
        &self,
        tenant: &str,
        before: i64,
        settled: i64,
    ) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let mut sql = Statement::new("DELETE FROM replica_edges WHERE removed = 1 AND tenant = ");
        sql.bind(tenant).push(" AND written < ").bind(settled);
        let mut forgotten = sql.run(&mut tx, "forget removed edges").await?;
        for table in ["replica_changes", "replica_tombstones"] {
            let mut sql = Statement::new(&format!("DELETE FROM {table} WHERE tenant = "));
            sql.bind(tenant).push(" AND at < ").bind(before);
            forgotten += sql.run(&mut tx, "forget changes").await?;
        }
        tx.commit().await?;
        Ok(forgotten)
    }
}
