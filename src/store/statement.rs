//! A statement whose text is put together: its parts are ours, every value is bound.

use sqlx::{
    AssertSqlSafe, PgConnection, Postgres, Sqlite, SqliteConnection, postgres::PgArguments,
    query::Query, sqlite::SqliteArguments,
};

use super::{
    error::Error,
    pool::{Store, Tx, TxKind},
    replica::to_bytes,
};

/// A value to bind.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `TEXT`
    Text(String),
    /// `TEXT` that may be null.
    OptText(Option<String>),
    /// `BYTEA`
    Bytes(Vec<u8>),
    /// `BIGINT`
    Int(i64),
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<String>> for Arg {
    fn from(text: Option<String>) -> Self {
        Self::OptText(text)
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Arg {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// Stands for a value; each database has its own sign for it.
const PLACE: char = '\u{1}';

/// Text with places for values, and what stands in them, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    sql: String,
    args: Vec<Arg>,
}

impl Statement {
    /// Begins with a text.
    pub fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            args: Vec::new(),
        }
    }

    /// Adds text.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a value.
    pub fn bind(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.args.push(value.into());
        self.sql.push(PLACE);
        self
    }

    /// Adds values with commas between them.
    pub fn bind_all<A: Into<Arg>>(&mut self, values: impl IntoIterator<Item = A>) -> &mut Self {
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Adds ids with commas between them, for `IN (…)`: the last one again and again up to the next
    /// of a few numbers, so that few texts are prepared.
    pub fn bind_ids(&mut self, ids: &[String]) -> &mut Self {
        let sizes = [1, 10, 50, 200, 500];
        let size = sizes.into_iter().find(|size| *size >= ids.len());
        let size = size.unwrap_or(ids.len());
        let last = ids.last().map(|id| to_bytes(id));
        let all = ids.iter().map(|id| to_bytes(id));
        let all = all
            .chain(std::iter::repeat_n(last, size).flatten())
            .take(size);
        let all: Vec<Vec<u8>> = all.collect();
        self.bind_all(all)
    }

    /// Adds `(…)`, one row of values.
    pub fn row(&mut self, values: impl IntoIterator<Item = Arg>) -> &mut Self {
        self.push("(").bind_all(values).push(")")
    }

    pub(super) fn for_sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        // SQLite looks every `$1` and `?1` up among all others; a plain `?` it counts.
        let mut query = sqlx::query(AssertSqlSafe(self.sql.replace(PLACE, "?")));
        for arg in self.args {
            query = match arg {
                Arg::Text(value) => query.bind(value),
                Arg::OptText(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
                Arg::Int(value) => query.bind(value),
            };
        }
        query
    }

    pub(super) fn for_postgres(self) -> Query<'static, Postgres, PgArguments> {
        let mut sql = String::with_capacity(self.sql.len() + self.args.len() * 4);
        for (i, part) in self.sql.split(PLACE).enumerate() {
            if i > 0 {
                sql.push('$');
                sql.push_str(&i.to_string());
            }
            sql.push_str(part);
        }
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for arg in self.args {
            query = match arg {
                Arg::Text(value) => query.bind(value),
                Arg::OptText(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
                Arg::Int(value) => query.bind(value),
            };
        }
        query
    }

    /// Carries it out; how many rows it concerned.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub(super) async fn run(self, tx: &mut Tx, operation: &'static str) -> Result<u64, Error> {
        match &mut tx.0 {
            TxKind::Sqlite(tx, _) => {
                let db: &mut SqliteConnection = tx;
                let done = self.for_sqlite().execute(db).await;
                done.map(|done| done.rows_affected())
            }
            TxKind::Postgres(tx) => {
                let db: &mut PgConnection = tx;
                let done = self.for_postgres().execute(db).await;
                done.map(|done| done.rows_affected())
            }
        }
        .map_err(Error::at(operation))
    }
}

/// Where rows are read: through the pool, or within a transaction.
pub enum Source<'a> {
    /// The readers.
    Store(&'a Store),
    /// What the transaction sees.
    Tx(&'a mut Tx),
}

impl Source<'_> {
    /// The same once more.
    pub(super) fn again(&mut self) -> Source<'_> {
        match self {
            Self::Store(store) => Source::Store(store),
            Self::Tx(tx) => Source::Tx(tx),
        }
    }
}

impl<'a> From<&'a Store> for Source<'a> {
    fn from(store: &'a Store) -> Self {
        Self::Store(store)
    }
}

impl<'a> From<&'a mut Tx> for Source<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

/// Fetches all rows of a [`Statement`], each made a value by the closure's body, which is written
/// once and compiled for each database.
macro_rules! fetch {
    ($from:expr, $operation:expr, $statement:expr, |$row:ident| $value:expr) => {{
        use sqlx::Row as _;
        let statement: $crate::store::statement::Statement = $statement;
        let from: $crate::store::statement::Source<'_> = $from;
        let read = match from {
            $crate::store::statement::Source::Store(store) => match &store.pool {
                $crate::store::pool::Pool::Sqlite { reader, .. } => statement
                    .for_sqlite()
                    .fetch_all(reader)
                    .await
                    .and_then(|rows| rows.iter().map(|$row| Ok($value)).collect()),
                $crate::store::pool::Pool::Postgres(pool) => statement
                    .for_postgres()
                    .fetch_all(pool)
                    .await
                    .and_then(|rows| rows.iter().map(|$row| Ok($value)).collect()),
            },
            $crate::store::statement::Source::Tx(tx) => match &mut tx.0 {
                $crate::store::pool::TxKind::Sqlite(tx, _) => statement
                    .for_sqlite()
                    .fetch_all(&mut **tx)
                    .await
                    .and_then(|rows| rows.iter().map(|$row| Ok($value)).collect()),
                $crate::store::pool::TxKind::Postgres(tx) => statement
                    .for_postgres()
                    .fetch_all(&mut **tx)
                    .await
                    .and_then(|rows| rows.iter().map(|$row| Ok($value)).collect()),
            },
        };
        let read: Result<Vec<_>, sqlx::Error> = read;
        read.map_err($crate::store::error::Error::at($operation))
    }};
}

pub(super) use fetch;
