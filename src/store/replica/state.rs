//! Where the reconcilers stand: links, cursors, counts; the lease; objects to be read again.

use super::{id, parts};
use crate::store::{
    error::Error,
    pool::{Store, Tx},
    statement::{Source, Statement, fetch},
};

/// A named state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Text: a link, a status document.
    pub value: String,
    /// A number: a count, a moment.
    pub number: i64,
    /// When it was set, in microseconds.
    pub at: i64,
}

async fn mark(from: Source<'_>, tenant: &str, name: &str) -> Result<Option<Mark>, Error> {
    let mut sql = Statement::new("SELECT value, number, at FROM replica_state WHERE tenant = ");
    sql.bind(tenant).push(" AND name = ").bind(name);
    let rows = fetch!(from, "read a state", sql, |row| Mark {
        value: row.try_get(0)?,
        number: row.try_get(1)?,
        at: row.try_get(2)?,
    })?;
    Ok(rows.into_iter().next())
}

impl Store {
    /// A named state.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn mark(&self, tenant: &str, name: &str) -> Result<Option<Mark>, Error> {
        mark(self.into(), tenant, name).await
    }

    /// The numbers of those of the named states that there are.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn numbers(&self, tenant: &str, names: &[&str]) -> Result<Vec<(String, i64)>, Error> {
        let mut sql = Statement::new("SELECT name, number FROM replica_state WHERE tenant = ");
        sql.bind(tenant).push(" AND name IN (");
        sql.bind_all(names.iter().copied()).push(")");
        fetch!(Source::from(self), "read numbers", sql, |row| (
            row.try_get::<String, _>(0)?,
            row.try_get::<i64, _>(1)?
        ))
    }

    /// The numbers of the named states whose names begin so.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn numbers_below(
        &self,
        tenant: &str,
        prefix: &str,
    ) -> Result<Vec<(String, i64)>, Error> {
        let mut sql = Statement::new("SELECT name, number FROM replica_state WHERE tenant = ");
        sql.bind(tenant).push(" AND substr(name, 1, ");
        sql.push(&prefix.chars().count().to_string());
        sql.push(") = ").bind(prefix);
        fetch!(Source::from(self), "read numbers", sql, |row| (
            row.try_get::<String, _>(0)?,
            row.try_get::<i64, _>(1)?
        ))
    }

    /// Sets a named state.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn set_mark(&self, tenant: &str, name: &str, mark: &Mark) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        tx.set_mark(tenant, name, mark).await?;
        tx.commit().await
    }

    /// Takes the lease, or holds it longer: whether it is ours until `until`. It is free when its
    /// time is over or it was given back.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn take_lease(
        &self,
        tenant: &str,
        holder: &str,
        now: i64,
        until: i64,
    ) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let mut sql =
            Statement::new("INSERT INTO replica_state (tenant, name, value, number, at) VALUES ");
        sql.row([
            tenant.into(),
            "lease".into(),
            holder.into(),
            until.into(),
            now.into(),
        ]);
        sql.push(
            " ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value,
                 number = excluded.number, at = excluded.at
                 WHERE replica_state.value = excluded.value OR replica_state.number < ",
        );
        sql.bind(now);
        let taken = sql.run(&mut tx, "take the lease").await?;
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn release_lease(&self, tenant: &str, holder: &str) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let mut sql = Statement::new(
            "UPDATE replica_state SET number = 0 WHERE name = 'lease' AND tenant = ",
        );
        sql.bind(tenant).push(" AND value = ").bind(holder);
        sql.run(&mut tx, "give the lease back").await?;
        tx.commit().await
    }

    /// Objects that are due to be read again, as (type, id).
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn rechecks(
        &self,
        tenant: &str,
        due: i64,
        limit: i64,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut sql = Statement::new("SELECT kind, id FROM replica_rechecks WHERE tenant = ");
        sql.bind(tenant)
            .push(" AND due <= ")
            .bind(due)
            .push(" ORDER BY due, kind, id LIMIT ")
            .bind(limit);
        fetch!(Source::from(self), "read rechecks", sql, |row| (
            row.try_get::<String, _>(0)?,
            id::from_bytes(&row.try_get::<Vec<u8>, _>(1)?)
        ))
    }

    /// How many objects are to be read again.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn count_rechecks(&self, tenant: &str) -> Result<i64, Error> {
        let mut sql = Statement::new("SELECT count(*) FROM replica_rechecks WHERE tenant = ");
        sql.bind(tenant);
        let rows = fetch!(Source::from(self), "count rechecks", sql, |row| row
            .try_get::<i64, _>(0)?)?;
        Ok(rows.first().copied().unwrap_or_default())
    }
}

impl Tx {
    /// A named state, as this transaction sees it.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn mark(&mut self, tenant: &str, name: &str) -> Result<Option<Mark>, Error> {
        mark(self.into(), tenant, name).await
    }

    /// Sets a named state.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn set_mark(&mut self, tenant: &str, name: &str, mark: &Mark) -> Result<(), Error> {
        let mut sql =
            Statement::new("INSERT INTO replica_state (tenant, name, value, number, at) VALUES ");
        sql.row([
            tenant.into(),
            name.into(),
            mark.value.as_str().into(),
            mark.number.into(),
            mark.at.into(),
        ]);
        sql.push(
            " ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value,
                 number = excluded.number, at = excluded.at",
        );
        sql.run(self, "set a state").await?;
        Ok(())
    }

    /// Waits until no other transaction changes the tenant's replica, and keeps others waiting:
    /// what is read after it is what is changed. (SQLite has one writer anyway.)
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn lock_replica(&mut self, tenant: &str) -> Result<(), Error> {
        self.add_to_mark(tenant, "lock", 1, 0).await
    }

    /// Changes the number of a named state.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn add_to_mark(
        &mut self,
        tenant: &str,
        name: &str,
        by: i64,
        at: i64,
    ) -> Result<(), Error> {
        let mut sql =
            Statement::new("INSERT INTO replica_state (tenant, name, value, number, at) VALUES ");
        sql.row([tenant.into(), name.into(), "".into(), by.into(), at.into()]);
        sql.push(
            " ON CONFLICT (tenant, name) DO UPDATE
                 SET number = replica_state.number + excluded.number, at = excluded.at",
        );
        sql.run(self, "change a count").await?;
        Ok(())
    }

    /// As [`Self::add_to_mark`], of many.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn add_to_marks(
        &mut self,
        tenant: &str,
        marks: &[(String, i64)],
        at: i64,
    ) -> Result<(), Error> {
        for marks in parts(marks) {
            let mut sql = Statement::new(
                "INSERT INTO replica_state (tenant, name, value, number, at) VALUES ",
            );
            for (i, (name, by)) in marks.iter().enumerate() {
                if i > 0 {
                    sql.push(", ");
                }
                let row = [
                    tenant.into(),
                    name.as_str().into(),
                    "".into(),
                    (*by).into(),
                    at.into(),
                ];
                sql.row(row);
            }
            sql.push(
                " ON CONFLICT (tenant, name) DO UPDATE
                     SET number = replica_state.number + excluded.number, at = excluded.at",
            );
            sql.run(self, "change counts").await?;
        }
        Ok(())
    }

    /// Forgets all states whose names begin so.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn forget_marks(&mut self, tenant: &str, prefix: &str) -> Result<(), Error> {
        let mut sql = Statement::new("DELETE FROM replica_state WHERE tenant = ");
        sql.bind(tenant).push(" AND substr(name, 1, ");
        sql.push(&prefix.chars().count().to_string())
            .push(") = ")
            .bind(prefix);
        sql.run(self, "forget states").await?;
        Ok(())
    }

    /// Notes objects to be read again.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn recheck(
        &mut self,
        tenant: &str,
        kind: &str,
        ids: &[String],
        due: i64,
    ) -> Result<(), Error> {
        for id in ids {
            let mut sql =
                Statement::new("INSERT INTO replica_rechecks (tenant, kind, id, due) VALUES ");
            sql.row([
                tenant.into(),
                kind.into(),
                id::to_bytes(id).into(),
                due.into(),
            ]);
            sql.push(" ON CONFLICT (tenant, kind, id) DO UPDATE SET due = excluded.due");
            sql.run(self, "note a recheck").await?;
        }
        Ok(())
    }

    /// Forgets that an object is to be read again.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn rechecked(&mut self, tenant: &str, kind: &str, id: &str) -> Result<(), Error> {
        let mut sql = Statement::new("DELETE FROM replica_rechecks WHERE tenant = ");
        sql.bind(tenant)
            .push(" AND kind = ")
            .bind(kind)
            .push(" AND id = ")
            .bind(id::to_bytes(id));
        sql.run(self, "forget a recheck").await?;
        Ok(())
    }
}
