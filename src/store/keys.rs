//! Secrets that the gateway makes for itself. All instances use the same ones.

use time::OffsetDateTime;

use super::{
    error::Error,
    moment,
    pool::Store,
    statement::{Source, Statement, fetch},
};

impl Store {
    /// The secret of that name; where there is none yet, `new` becomes it, unless another instance
    /// was quicker.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn key(
        &self,
        tenant: &str,
        name: &str,
        new: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, Error> {
        if let Some(known) = self.known_key(tenant, name).await? {
            return Ok(known);
        }
        let mut sql = Statement::new("INSERT INTO keys (tenant, name, value, created) VALUES (");
        sql.bind(tenant).push(", ").bind(name).push(", ").bind(new);
        sql.push(", ").bind(moment::to_column(now));
        sql.push(") ON CONFLICT (tenant, name) DO NOTHING");
        let mut tx = self.begin().await?;
        sql.run(&mut tx, "store a key").await?;
        tx.commit().await?;
        let known = self.known_key(tenant, name).await?;
        Ok(known.unwrap_or_else(|| new.to_vec()))
    }

    async fn known_key(&self, tenant: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut sql = Statement::new("SELECT value FROM keys WHERE tenant = ");
        sql.bind(tenant).push(" AND name = ").bind(name);
        let mut rows = fetch!(Source::from(self), "find a key", sql, |row| row
            .try_get::<Vec<u8>, _>(0)?)?;
        Ok(rows.pop())
    }
}
