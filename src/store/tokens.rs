//! Rows of clients' tokens. What a token may do is decided in `service::tokens`.

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use time::OffsetDateTime;

use super::{
    audit::AuditEntry,
    error::Error,
    moment,
    pool::{Store, Tx, reading, within},
};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The tenant it gives access to.
    pub tenant: String,
    /// Its id: not secret, for lists and for revocation.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the token itself.
    pub hash: TokenHash,
    /// What it allows, as text.
    pub scopes: String,
    /// When it was made.
    pub created: OffsetDateTime,
    /// From when on it is refused.
    pub expires: Option<OffsetDateTime>,
}

/// A stored token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `NewToken`")]
pub struct TokenRow {
    pub tenant: String,
    pub id: String,
    pub name: String,
    pub hash: TokenHash,
    pub scopes: String,
    pub created: OffsetDateTime,
    pub expires: Option<OffsetDateTime>,
    /// Since when it is refused.
    pub revoked: Option<OffsetDateTime>,
    /// When it was last accepted, to within a minute.
    pub last_used: Option<OffsetDateTime>,
}

/// A row as the database holds it.
struct Columns {
    tenant: String,
    id: String,
    name: String,
    hash: Vec<u8>,
    scopes: String,
    created: i64,
    expires: Option<i64>,
    revoked: Option<i64>,
    last_used: Option<i64>,
}

// By hand, as in `audit`.
impl<'r, R> FromRow<'r, R> for Columns
where
    R: Row,
    for<'a> &'a str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            tenant: row.try_get("tenant")?,
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            hash: row.try_get("hash")?,
            scopes: row.try_get("scopes")?,
            created: row.try_get("created")?,
            expires: row.try_get("expires")?,
            revoked: row.try_get("revoked")?,
            last_used: row.try_get("last_used")?,
        })
    }
}

const TABLE: &str = "tokens";

impl TryFrom<Columns> for TokenRow {
    type Error = Error;

    fn try_from(row: Columns) -> Result<Self, Error> {
        let at = |column, value: i64| moment::from_column(value, TABLE, column, &row.id);
        let maybe = |column, value: Option<i64>| value.map(|v| at(column, v)).transpose();
        Ok(Self {
            hash: TokenHash::try_from(row.hash.as_slice()).map_err(|_| Error::Inconsistent {
                table: TABLE,
                column: "hash",
                id: row.id.clone(),
            })?,
            created: at("created", row.created)?,
            expires: maybe("expires", row.expires)?,
            revoked: maybe("revoked", row.revoked)?,
            last_used: maybe("last_used", row.last_used)?,
            tenant: row.tenant,
            id: row.id,
            name: row.name,
            scopes: row.scopes,
        })
    }
}

impl Store {
    /// Stores a token.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the hash or the id is there already.
    pub async fn create_token(&self, token: &NewToken) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        tx.create_token(token).await?;
        tx.commit().await
    }

    /// The token with this hash, of whatever tenant and state.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Inconsistent`].
    pub async fn find_token_by_hash(&self, hash: &TokenHash) -> Result<Option<TokenRow>, Error> {
        let row: Option<Columns> = reading!(self, db =>
            sqlx::query_as("SELECT * FROM tokens WHERE hash = $1")
                .bind(hash.as_slice())
                .fetch_optional(db)
                .await)
        .map_err(Error::at("find a token"))?;
        row.map(TokenRow::try_from).transpose()
    }

    /// As [`Self::find_token_by_hash`], from memory when it was read within the last seconds. A
    /// revocation through this store counts at once, one by another process within five seconds.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Inconsistent`].
    pub async fn token(&self, hash: &TokenHash) -> Result<Option<TokenRow>, Error> {
        if let Some(row) = self.remembered.get(hash) {
            return Ok(Some(row));
        }
        let ticket = self.remembered.ticket();
        let row = self.find_token_by_hash(hash).await?;
        if let Some(row) = &row {
            self.remembered.put(row, ticket);
        }
        Ok(row)
    }

    /// All tokens of a tenant, revoked ones too, oldest first.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Inconsistent`].
    pub async fn list_tokens(&self, tenant: &str) -> Result<Vec<TokenRow>, Error> {
        let rows: Vec<Columns> = reading!(self, db =>
            sqlx::query_as("SELECT * FROM tokens WHERE tenant = $1 ORDER BY created, id")
                .bind(tenant)
                .fetch_all(db)
                .await)
        .map_err(Error::at("list tokens"))?;
        rows.into_iter().map(TokenRow::try_from).collect()
    }

    /// Refuses the token from now on. A token revoked before keeps its first moment.
    ///
    /// # Errors
    /// [`Error::Gone`] when the tenant has no such token.
    pub async fn revoke_token(
        &self,
        tenant: &str,
        id: &str,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        self.revoke_token_with(tenant, id, now, None).await
    }

    /// As [`Self::revoke_token`], with the audit row of it in one transaction.
    ///
    /// # Errors
    /// As [`Self::revoke_token`].
    pub async fn revoke_token_with(
        &self,
        tenant: &str,
        id: &str,
        now: OffsetDateTime,
        trace: Option<&AuditEntry>,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let affected = within!(tx, db =>
            sqlx::query(
                "UPDATE tokens SET revoked = coalesce(revoked, $3) WHERE tenant = $1 AND id = $2",
            )
            .bind(tenant)
            .bind(id)
            .bind(moment::to_column(now))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))
        .map_err(Error::at("revoke a token"))?;
        match affected {
            1 => {
                if let Some(trace) = trace {
                    tx.record_audit(trace).await?;
                }
                let done = tx.commit().await;
                self.remembered.forget(tenant, id);
                done
            }
            0 => Err(Error::Gone {
                table: TABLE,
                id: id.to_owned(),
            }),
            _ => Err(Error::RowsAffected {
                operation: "revoke a token",
                expected: 1,
                affected,
            }),
        }
    }

    /// Notes that the token was used at `now`; an older moment never replaces a newer one.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn touch_token(
        &self,
        tenant: &str,
        id: &str,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        // Another instance may have written a newer moment: then no row changes, rightly.
        within!(tx, db =>
            sqlx::query(
                "UPDATE tokens SET last_used = $3
                 WHERE tenant = $1 AND id = $2 AND (last_used IS NULL OR last_used < $3)",
            )
            .bind(tenant)
            .bind(id)
            .bind(moment::to_column(now))
            .execute(db)
            .await
            .map(drop))
        .map_err(Error::at("note a token's use"))?;
        tx.commit().await?;
        self.remembered.forget(tenant, id);
        Ok(())
    }
}

impl Tx {
    /// As [`Store::create_token`], within this transaction.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the hash or the id is there already.
    pub async fn create_token(&mut self, token: &NewToken) -> Result<(), Error> {
        let operation = "create a token";
        let affected = within!(self, db =>
            sqlx::query(
                "INSERT INTO tokens (tenant, id, name, hash, scopes, created, expires)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&token.tenant)
            .bind(&token.id)
            .bind(&token.name)
            .bind(token.hash.as_slice())
            .bind(&token.scopes)
            .bind(moment::to_column(token.created))
            .bind(token.expires.map(moment::to_column))
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
