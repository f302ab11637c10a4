//! How to open the store.

use std::{num::NonZeroU32, str::FromStr};

use secrecy::SecretString;

/// Where the database is and how it is opened.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite://path`, `sqlite::memory:` or `postgres://user:password@host/database`.
    pub url: SecretString,
    /// The most connections held at once: to PostgreSQL, or by the readers of SQLite.
    pub max_connections: NonZeroU32,
    /// SQLite's journal; PostgreSQL has its own.
    pub journal: Journal,
}

impl Settings {
    /// Settings for `url` with the defaults: ten connections, write-ahead log.
    pub fn new(url: &str) -> Self {
        Self {
            url: SecretString::from(url),
            max_connections: NonZeroU32::MIN.saturating_add(9),
            journal: Journal::Wal,
        }
    }
}

/// SQLite's journal mode.
///
/// Source: <https://www.sqlite.org/wal.html>: the write-ahead log needs shared memory and so
/// does not work on a network file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// Write-ahead log: readers never wait for the writer. Local disks only.
    Wal,
    /// Rollback journal: works on network file systems too, slower.
    Delete,
}

impl FromStr for Journal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "wal" => Ok(Self::Wal),
            "delete" => Ok(Self::Delete),
            _ => Err("expected \"wal\" or \"delete\"".to_owned()),
        }
    }
}
