//! How far receivers of security events have acknowledged them.

use time::OffsetDateTime;

use super::{
    error::Error,
    moment,
    pool::Store,
    statement::{Source, Statement, fetch},
};

/// Where a receiver stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStream {
    /// All changes up to this number are acknowledged, or not for this receiver.
    pub position: i64,
    /// Those behind it that are, in their order.
    pub acked: Vec<i64>,
    /// Counts its changes; 0 before it is stored.
    pub version: i64,
}

impl Store {
    /// Where the receiver with this token stands; `None` before its first poll.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn event_stream(
        &self,
        tenant: &str,
        token: &str,
    ) -> Result<Option<EventStream>, Error> {
        let mut sql =
            Statement::new("SELECT position, acked, version FROM event_streams WHERE tenant = ");
        sql.bind(tenant).push(" AND token = ").bind(token);
        let mut rows = fetch!(Source::from(self), "read an event stream", sql, |row| (
            row.try_get::<i64, _>(0)?,
            row.try_get::<String, _>(1)?,
            row.try_get::<i64, _>(2)?,
        ))?;
        let Some((position, acked, version)) = rows.pop() else {
            return Ok(None);
        };
        let acked = serde_json::from_str(&acked).map_err(|_| Error::Inconsistent {
            table: "event_streams",
            column: "acked",
            id: token.to_owned(),
        })?;
        Ok(Some(EventStream {
            position,
            acked,
            version,
        }))
    }

    /// Stores where it stands, unless somebody else has since it was read; whether that was so.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn move_event_stream(
        &self,
        tenant: &str,
        token: &str,
        stream: &EventStream,
        now: OffsetDateTime,
    ) -> Result<bool, Error> {
        let mut sql = Statement::new(
            "INSERT INTO event_streams (tenant, token, position, acked, version, polled) VALUES (",
        );
        sql.bind(tenant).push(", ").bind(token);
        sql.push(", ").bind(stream.position);
        sql.push(", ")
            .bind(serde_json::Value::from(stream.acked.clone()).to_string());
        sql.push(", ").bind(stream.version + 1);
        sql.push(", ").bind(moment::to_column(now));
        sql.push(
            ") ON CONFLICT (tenant, token) DO UPDATE SET position = excluded.position, \
             acked = excluded.acked, version = excluded.version, polled = excluded.polled \
             WHERE event_streams.version = ",
        );
        sql.bind(stream.version);
        let mut tx = self.begin().await?;
        let rows = sql.run(&mut tx, "move an event stream").await?;
        tx.commit().await?;
        Ok(rows > 0)
    }
}
