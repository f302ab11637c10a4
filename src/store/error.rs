//! What can go wrong in the store.

use sqlx::error::ErrorKind;

/// An error of the store. `Display` never shows the database's address: it holds a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database's address cannot be understood, or asks for something unsupported.
    #[error("the store's URL is not usable: {0}")]
    Url(String),
    /// The database could not be opened.
    #[error("cannot open the store ({target})")]
    Open {
        /// The file, or host, port and database; never user or password.
        target: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed, or the database was written by another version.
    #[error("cannot bring the store's tables up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A value that must be unique is there already.
    #[error("{table}.{column} already holds this value")]
    Conflict {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The row to change is not there.
    #[error("there is no such row in {table}: {id}")]
    Gone {
        /// The table.
        table: &'static str,
        /// Its id.
        id: String,
    },
    /// A statement changed another number of rows than it must.
    #[error("{operation} changed {affected} rows, expected {expected}")]
    RowsAffected {
        /// The operation.
        operation: &'static str,
        /// How many it must change.
        expected: u64,
        /// How many it changed.
        affected: u64,
    },
    /// A stored value cannot be read back.
    #[error("{table}.{column} of {id} holds a value that cannot be read")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
    },
    /// The database refused or failed.
    #[error("the store failed at: {operation}")]
    Driver {
        /// The operation.
        operation: &'static str,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
}

impl Error {
    /// Puts the operation's name to a driver error; unique violations become [`Error::Conflict`].
    pub(super) fn at(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| match unique_violation(&source) {
            Some((table, column)) => Self::Conflict { table, column },
            None => Self::Driver { operation, source },
        }
    }

    /// Whether trying again may help: the database is busy, restarting or out of reach.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Driver { source, .. } => match source {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                    // SQLITE_BUSY and SQLITE_LOCKED with their extensions; PostgreSQL's classes
                    // 08 (connection), 40 (rollback), 53 (resources), 57P (shutdown).
                    let sqlite = code
                        .parse::<u32>()
                        .is_ok_and(|c| code.len() != 5 && matches!(c & 0xff, 5 | 6));
                    sqlite
                        || (code.len() == 5
                            && ["08", "40", "53", "57P"]
                                .iter()
                                .any(|c| code.starts_with(c)))
                }),
                _ => false,
            },
            Self::Url(_)
            | Self::Migrate(_)
            | Self::Conflict { .. }
            | Self::Gone { .. }
            | Self::RowsAffected { .. }
            | Self::Inconsistent { .. } => false,
        }
    }
}

/// Table and column of a unique violation. PostgreSQL names the constraint (ours are spelled
/// `table_column_key`, or `table_pkey`), SQLite says `… failed: table.column, table.column`.
fn unique_violation(error: &sqlx::Error) -> Option<(String, String)> {
    let database = error.as_database_error()?;
    if database.kind() != ErrorKind::UniqueViolation {
        return None;
    }
    if let Some(constraint) = database.constraint() {
        let (table, rest) = constraint.split_once('_')?;
        let column = rest.strip_suffix("_key").unwrap_or("id");
        return Some((table.to_owned(), column.to_owned()));
    }
    let columns = database.message().rsplit_once(": ")?.1;
    let (table, column) = columns.rsplit(", ").next()?.split_once('.')?;
    Some((table.to_owned(), column.to_owned()))
}
