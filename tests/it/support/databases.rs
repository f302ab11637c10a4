//! Fresh stores on every backend there is.

use entra_scim::store::Store;
use tempfile::TempDir;

use super::pg;

/// A fresh database.
pub struct Database {
    /// For messages.
    pub name: &'static str,
    /// How to open it (again).
    pub url: String,
    _folder: Option<TempDir>,
}

impl Database {
    /// In a file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            name: "sqlite",
            url: format!("sqlite://{}/store.db", folder.path().display()),
            _folder: Some(folder),
        }
    }

    /// SQLite in memory.
    pub fn memory() -> Self {
        Self {
            name: "sqlite in memory",
            url: "sqlite::memory:".to_owned(),
            _folder: None,
        }
    }

    /// PostgreSQL, where it is installed.
    pub async fn postgres() -> Option<Self> {
        Some(Self {
            name: "postgres",
            url: pg::database().await?,
            _folder: None,
        })
    }

    /// One of each kind that keeps what it is told.
    pub async fn lasting() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        all.extend(Self::postgres().await);
        all
    }

    /// One of each kind.
    pub async fn all() -> Vec<Self> {
        let mut all = Self::lasting().await;
        all.push(Self::memory());
        all
    }

    /// Opens it and brings its tables up to date.
    pub async fn open(&self) -> Store {
        let store = Store::connect(&self.url).await.unwrap();
        store.migrate().await.unwrap();
        store
    }
}
