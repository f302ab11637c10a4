//! What operations of bulk requests came to, for clients that send a request again under its
//! `Idempotency-Key`.

use time::{Duration, OffsetDateTime};

use super::{
    error::Error,
    moment,
    pool::Store,
    statement::{Source, Statement, fetch},
};

/// The place of the row that stands for the request as a whole: its owner, and until when.
const WHOLE: i64 = -1;

/// Which bulk request.
#[derive(Clone, Debug)]
pub struct BulkKey {
    /// Where.
    pub tenant: String,
    /// The id of the token that sent it.
    pub token: String,
    /// A digest of the key that the client chose.
    pub key: Vec<u8>,
}

/// One operation that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRow {
    /// Its place in the request.
    pub place: i64,
    /// What was asked for.
    pub digest: Vec<u8>,
    /// When it was first begun.
    pub begun: OffsetDateTime,
    /// What it came to; `None` while that is not known.
    pub result: Option<String>,
}

impl Store {
    /// Takes the request for `owner` for a while, unless another owner still has it.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn claim_bulk(
        &self,
        of: &BulkKey,
        owner: &str,
        now: OffsetDateTime,
        time: Duration,
    ) -> Result<bool, Error> {
        let mut sql = Statement::new(
            "INSERT INTO bulk_operations (tenant, token, key, place, digest, begun, result) VALUES (",
        );
        sql.bind(of.tenant.as_str()).push(", ");
        sql.bind(of.token.as_str())
            .push(", ")
            .bind(of.key.as_slice());
        sql.push(", ").bind(WHOLE).push(", ").bind(Vec::new());
        sql.push(", ").bind(moment::to_column(now + time));
        sql.push(", ").bind(owner);
        sql.push(
            ") ON CONFLICT (tenant, token, key, place) DO UPDATE SET begun = excluded.begun, \
             result = excluded.result WHERE bulk_operations.result = ",
        );
        sql.bind(owner).push(" OR bulk_operations.begun < ");
        sql.bind(moment::to_column(now));
        self.run_bulk(sql, "claim a bulk request")
            .await
            .map(|rows| rows > 0)
    }

    /// Gives the request back.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn release_bulk(&self, of: &BulkKey, owner: &str) -> Result<(), Error> {
        let mut sql = Statement::new("UPDATE bulk_operations SET begun = 0 WHERE result = ");
        sql.bind(owner);
        of.narrow(&mut sql);
        sql.push(" AND place = ").bind(WHOLE);
        self.run_bulk(sql, "release a bulk request").await?;
        Ok(())
    }

    /// The operations of the request that were begun.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn bulk_rows(&self, of: &BulkKey) -> Result<Vec<BulkRow>, Error> {
        let mut sql = Statement::new(
            "SELECT place, digest, begun, result FROM bulk_operations WHERE place <> ",
        );
        sql.bind(WHOLE);
        of.narrow(&mut sql);
        let rows = fetch!(Source::from(self), "read a bulk request", sql, |row| (
            row.try_get::<i64, _>(0)?,
            row.try_get::<Vec<u8>, _>(1)?,
            row.try_get::<i64, _>(2)?,
            row.try_get::<Option<String>, _>(3)?,
        ))?;
        rows.into_iter()
            .map(|(place, digest, begun, result)| {
                let id = place.to_string();
                Ok(BulkRow {
                    place,
                    digest,
                    begun: moment::from_column(begun, "bulk_operations", "begun", &id)?,
                    result,
                })
            })
            .collect()
    }

    /// Notes that an operation begins; `false` when the request is no longer this owner's.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn begin_bulk_operation(
        &self,
        of: &BulkKey,
        owner: &str,
        place: i64,
        digest: &[u8],
        now: OffsetDateTime,
    ) -> Result<bool, Error> {
        let mut sql = Statement::new(
            "INSERT INTO bulk_operations (tenant, token, key, place, digest, begun, result) \
             SELECT tenant, token, key, ",
        );
        sql.bind(place).push(", ").bind(digest).push(", ");
        sql.bind(moment::to_column(now));
        sql.push(", NULL FROM bulk_operations WHERE result = ")
            .bind(owner);
        of.narrow(&mut sql);
        sql.push(" AND place = ").bind(WHOLE);
        sql.push(" ON CONFLICT (tenant, token, key, place) DO UPDATE SET result = NULL");
        let rows = self.run_bulk(sql, "begin a bulk operation").await?;
        Ok(rows > 0)
    }

    /// Notes what an operation came to; without a result it counts as never begun.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn end_bulk_operation(
        &self,
        of: &BulkKey,
        place: i64,
        result: Option<&str>,
    ) -> Result<(), Error> {
        let mut sql = match result {
            Some(result) => {
                let mut sql = Statement::new("UPDATE bulk_operations SET result = ");
                sql.bind(result);
                sql
            }
            None => Statement::new("DELETE FROM bulk_operations"),
        };
        sql.push(" WHERE place = ").bind(place);
        of.narrow(&mut sql);
        self.run_bulk(sql, "end a bulk operation").await?;
        Ok(())
    }

    /// Forgets what is older.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_bulk(&self, tenant: &str, before: OffsetDateTime) -> Result<(), Error> {
        let mut sql = Statement::new("DELETE FROM bulk_operations WHERE tenant = ");
        sql.bind(tenant).push(" AND begun < ");
        sql.bind(moment::to_column(before));
        self.run_bulk(sql, "forget bulk requests").await?;
        Ok(())
    }

    async fn run_bulk(&self, sql: Statement, what: &'static str) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let rows = sql.run(&mut tx, what).await?;
        tx.commit().await?;
        Ok(rows)
    }
}

impl BulkKey {
    fn narrow(&self, sql: &mut Statement) {
        sql.push(" AND tenant = ").bind(self.tenant.as_str());
        sql.push(" AND token = ").bind(self.token.as_str());
        sql.push(" AND key = ").bind(self.key.as_slice());
    }
}
