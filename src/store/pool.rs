//! The connections, and the one place that knows that there are two databases.

use std::{path::Path, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    error::Error,
    migrate,
    remembered::Remembered,
    settings::{Journal, Settings},
};

/// How long to wait for a connection, or for SQLite's lock held by another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pages that the lazy writer to SQLite keeps in memory: negative, in KiB.
const WRITER_CACHE: &str = "-24576";

/// Pages of the log after which the lazy writer puts them into the database: often enough to keep
/// the log below 64 MB, seldom enough to write each page of an index once rather than ten times.
const CHECKPOINT: &str = "16384";

/// The store: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: Pool,
    pub(super) remembered: Remembered,
}

#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite {
        /// One connection: SQLite has one writer at a time, so waiting happens here and in order.
        writer: SqlitePool,
        /// The same without waiting for the disk at each commit; not in memory.
        lazy: Option<SqlitePool>,
        /// Who has it may write, by whichever of the two.
        turn: Arc<Semaphore>,
        /// The same pool as `writer` when the database is in memory.
        reader: SqlitePool,
    },
    Postgres(PgPool),
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A transaction. Dropped without [`Tx::commit`] it is rolled back.
///
/// While it is open on `sqlite::memory:`, reads through the [`Store`] wait: there is only one
/// connection. Read through the transaction instead.
#[derive(Debug)]
pub struct Tx(pub(super) TxKind);

#[derive(Debug)]
pub(super) enum TxKind {
    Sqlite(Transaction<'static, Sqlite>, OwnedSemaphorePermit),
    Postgres(Transaction<'static, Postgres>),
}

/// Repeats `$body` per database with `$db` as the pool for reading.
macro_rules! reading {
    ($store:expr, $db:ident => $body:expr) => {
        match &$store.pool {
            $crate::store::pool::Pool::Sqlite { reader: $db, .. } => $body,
            $crate::store::pool::Pool::Postgres($db) => $body,
        }
    };
}

/// Repeats `$body` per database with `$db` as the transaction's connection.
macro_rules! within {
    ($tx:expr, $db:ident => $body:expr) => {
        match &mut $tx.0 {
            $crate::store::pool::TxKind::Sqlite(tx, _) => {
                let $db = &mut **tx;
                $body
            }
            $crate::store::pool::TxKind::Postgres(tx) => {
                let $db = &mut **tx;
                $body
            }
        }
    };
}

pub(super) use {reading, within};

impl Store {
    /// Opens the database at `url` (`sqlite://path`, `sqlite::memory:`, `postgres://…`) with the
    /// default settings. Tables are brought up to date by [`Store::migrate`].
    ///
    /// # Errors
    /// [`Error::Url`] when the URL is not understood, [`Error::Open`] when the database is out
    /// of reach.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::open(&Settings::new(url)).await
    }

    /// Opens the database.
    ///
    /// # Errors
    /// As [`Store::connect`].
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let url = settings.url.expose_secret();
        let pool = if url.starts_with("sqlite:") {
            sqlite(url, settings).await?
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            postgres(url, settings).await?
        } else {
            return Err(Error::Url(
                "it must begin with sqlite: or postgres:".to_owned(),
            ));
        };
        Ok(Self {
            pool,
            remembered: Remembered::default(),
        })
    }

    /// Brings the tables up to date. Safe to call from several instances at once.
    ///
    /// # Errors
    /// [`Error::Migrate`], also when the database was written by a newer version.
    pub async fn migrate(&self) -> Result<(), Error> {
        let migrator = migrate::migrator(self.backend());
        match &self.pool {
            Pool::Sqlite { writer, .. } => migrator.run(writer).await,
            Pool::Postgres(pool) => migrator.run(pool).await,
        }
        .map_err(Error::Migrate)?;
        self.set_statistics().await
    }

    async fn set_statistics(&self) -> Result<(), Error> {
        let Pool::Sqlite {
            writer,
            lazy,
            reader,
            ..
        } = &self.pool
        else {
            return Ok(());
        };
        let at = || Error::at("tell SQLite of the edges");
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(at())?;
        for sql in migrate::SQLITE_STATISTICS {
            sqlx::query(sql).execute(&mut *tx).await.map_err(at())?;
        }
        tx.commit().await.map_err(at())?;
        for pool in [Some(writer), lazy.as_ref(), Some(reader)]
            .into_iter()
            .flatten()
        {
            let reload = sqlx::query(migrate::RELOAD_STATISTICS);
            reload.execute(pool).await.map_err(at())?;
        }
        Ok(())
    }

    /// Whether the newest migration has been applied.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn is_current(&self) -> Result<bool, Error> {
        let there: bool = reading!(self, db => {
            let sql = match self.backend() {
                Backend::Sqlite =>
                    "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
                Backend::Postgres =>
                    "SELECT count(*) FROM information_schema.tables
                     WHERE table_name = '_sqlx_migrations' AND table_schema = current_schema()",
            };
            sqlx::query_scalar::<_, i64>(sql).fetch_one(db).await
        })
        .map_err(Error::at("look for the table of migrations"))?
            > 0;
        if !there {
            return Ok(false);
        }
        let newest: Option<i64> = reading!(self, db =>
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(db)
                .await)
        .map_err(Error::at("read the newest migration"))?;
        Ok(newest >= Some(migrate::newest()))
    }

    /// How SQLite would carry out a statement, for tests of indexes; nothing on PostgreSQL, whose
    /// plans depend on what it has counted.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn explain(&self, sql: &str) -> Result<Vec<String>, Error> {
        use sqlx::Row as _;
        let Pool::Sqlite { reader, .. } = &self.pool else {
            return Ok(Vec::new());
        };
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(sql).fetch_all(reader).await;
        let rows = rows.map_err(Error::at("explain a statement"))?;
        let details = rows.iter().map(|row| row.try_get::<String, _>("detail"));
        details
            .collect::<Result<_, _>>()
            .map_err(Error::at("explain a statement"))
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn ping(&self) -> Result<(), Error> {
        reading!(self, db => sqlx::query("SELECT 1").execute(db).await.map(drop))
            .map_err(Error::at("ping"))
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match &self.pool {
            Pool::Sqlite { .. } => Backend::Sqlite,
            Pool::Postgres(_) => Backend::Postgres,
        }
    }

    /// Begins a transaction; on SQLite it holds the write lock from the start, because one
    /// taken later could fail half-way through.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn begin(&self) -> Result<Tx, Error> {
        self.begin_as(false).await
    }

    /// As [`Self::begin`], for what can be made again: when the machine stops, the last of these
    /// transactions may be undone, all of each, and none of them without those after it.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn begin_lazily(&self) -> Result<Tx, Error> {
        self.begin_as(true).await
    }

    async fn begin_as(&self, lazily: bool) -> Result<Tx, Error> {
        let kind = match &self.pool {
            Pool::Sqlite {
                writer, lazy, turn, ..
            } => {
                let waiting = tokio::time::timeout(PATIENCE * 2, Arc::clone(turn).acquire_owned());
                let turn = waiting
                    .await
                    .ok()
                    .and_then(Result::ok)
                    .ok_or(sqlx::Error::PoolTimedOut)
                    .map_err(Error::at("wait for the writer"))?;
                let pool = lazy.as_ref().filter(|_| lazily).unwrap_or(writer);
                let tx = pool.begin_with("BEGIN IMMEDIATE").await;
                tx.map(|tx| TxKind::Sqlite(tx, turn))
            }
            Pool::Postgres(pool) => pool.begin().await.map(TxKind::Postgres),
        };
        kind.map(Tx).map_err(Error::at("begin a transaction"))
    }

    /// Closes all connections, after those in use have been given back.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite {
                writer,
                reader,
                lazy,
                ..
            } => {
                reader.close().await;
                if let Some(lazy) = lazy {
                    lazy.close().await;
                }
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes what was done lasting.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn commit(self) -> Result<(), Error> {
        match self.0 {
            TxKind::Sqlite(tx, _turn) => tx.commit().await,
            TxKind::Postgres(tx) => tx.commit().await,
        }
        .map_err(Error::at("commit"))
    }
}

async fn sqlite(url: &str, settings: &Settings) -> Result<Pool, Error> {
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    let journal = match settings.journal {
        Journal::Wal => SqliteJournalMode::Wal,
        Journal::Delete => SqliteJournalMode::Delete,
    };
    let options: SqliteConnectOptions = url.parse().map_err(|e: sqlx::Error| bad_url(&e))?;
    let mut options = options.foreign_keys(true).busy_timeout(PATIENCE);
    let target = if in_memory {
        "in memory".to_owned()
    } else {
        options = options
            .create_if_missing(true)
            .journal_mode(journal)
            // FULL under WAL survives power loss; NORMAL would lose the last commits.
            .synchronous(SqliteSynchronous::Full);
        options.get_filename().display().to_string()
    };
    let open = |source| Error::Open {
        target: target.clone(),
        source,
    };
    if !in_memory
        && let Some(folder) = options.get_filename().parent()
        && !folder.as_os_str().is_empty()
    {
        std::fs::create_dir_all(folder).map_err(|e| open(sqlx::Error::Io(e)))?;
    }
    if !in_memory {
        keep_private(options.get_filename()).map_err(|e| open(sqlx::Error::Io(e)))?;
    }
    let pool = |size: u32| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(PATIENCE * 2)
            // A database in memory lives as long as its connection.
            .min_connections(u32::from(in_memory))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let writer = pool(1).connect_with(options.clone()).await.map_err(open)?;
    let lazy = if in_memory {
        None
    } else {
        let lazy = options
            .clone()
            .pragma("cache_size", WRITER_CACHE)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", CHECKPOINT);
        Some(pool(1).connect_with(lazy).await.map_err(open)?)
    };
    let reader = if in_memory {
        writer.clone()
    } else {
        pool(settings.max_connections.get())
            .connect_with(options)
            .await
            .map_err(open)?
    };
    Ok(Pool::Sqlite {
        writer,
        lazy,
        turn: Arc::new(Semaphore::new(1)),
        reader,
    })
}

/// Makes the database's file readable by its owner alone, before anything is in it; what SQLite
/// puts beside it has the same mode. One that others may read is left so, and told of.
fn keep_private(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let new = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file);
        match new {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let mode = std::fs::metadata(file)?.permissions().mode();
                if mode & 0o077 != 0 {
                    tracing::warn!(
                        file = %file.display(),
                        mode = format!("{:o}", mode & 0o777),
                        "others may read or write the database: chmod 600"
                    );
                }
            }
            Err(error) => return Err(error),
        }
    }
    #[cfg(not(unix))]
    drop(file);
    Ok(())
}

async fn postgres(url: &str, settings: &Settings) -> Result<Pool, Error> {
    let options: PgConnectOptions = url.parse().map_err(|e: sqlx::Error| bad_url(&e))?;
    let options = options.application_name("entra-scim");
    let target = format!(
        "postgres at {}:{}, database {}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or("(default)")
    );
    let open = |source| Error::Open { target, source };
    // The pool would try again until its patience is over and then not say why.
    let probe = PgConnection::connect_with(&options);
    match tokio::time::timeout(PATIENCE, probe).await {
        Ok(Ok(connection)) => connection.close().await.map_err(open)?,
        Ok(Err(source)) => return Err(open(source)),
        Err(_) => {
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
            return Err(open(sqlx::Error::Io(late)));
        }
    }
    Ok(Pool::Postgres(
        PgPoolOptions::new()
            .max_connections(settings.max_connections.get())
            .acquire_timeout(PATIENCE * 2)
            .connect_lazy_with(options),
    ))
}

/// The parser's complaint, without the URL itself.
fn bad_url(error: &sqlx::Error) -> Error {
    Error::Url(error.to_string())
}
