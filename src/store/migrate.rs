//! The tables' history, compiled in; one text for both databases.

use std::borrow::Cow;

use super::pool::Backend;
use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// Number, name and text. Never edited once released: a change is a further entry.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (
        1,
        "tokens and audit",
        include_str!("../../migrations/0001_tokens_and_audit.sql"),
    ),
    (
        2,
        "audit outcome",
        include_str!("../../migrations/0002_audit_outcome.sql"),
    ),
    (
        3,
        "replica",
        include_str!("../../migrations/0003_replica.sql"),
    ),
    (
        4,
        "keys and bulk",
        include_str!("../../migrations/0004_keys_and_bulk.sql"),
    ),
    (
        5,
        "event streams",
        include_str!("../../migrations/0005_event_streams.sql"),
    ),
];

/// The migrations as sqlx runs them: each in a transaction, under a lock on PostgreSQL, with
/// checksums compared to what was applied before.
pub(super) fn migrator(backend: Backend) -> Migrator {
    let clustered = match backend {
        Backend::Sqlite => "WITHOUT ROWID",
        Backend::Postgres => "",
    };
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|&(version, name, sql)| {
                Migration::new(
                    version,
                    Cow::Borrowed(name),
                    MigrationType::Simple,
                    AssertSqlSafe(sql.replace("/* clustered */", clustered)).into_sql_str(),
                    false,
                )
            })
            .collect(),
    )
}

/// What SQLite is to believe of the edges: that a tenant and a relation alone tell few of them apart.
/// Left to itself, it reads all memberships where it looks for those of one user.
pub(super) const SQLITE_STATISTICS: [&str; 4] = [
    "ANALYZE sqlite_schema",
    "DELETE FROM sqlite_stat1 WHERE tbl = 'replica_edges'",
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
         ('replica_edges', 'replica_edges', '5000000 5000000 1000000 50 1 1'),
         ('replica_edges', 'replica_edges_to_idx', '5000000 5000000 1000000 5 1')",
    RELOAD_STATISTICS,
];

/// Lets a connection that is open take the statistics over.
pub(super) const RELOAD_STATISTICS: &str = "ANALYZE sqlite_schema";

/// The number of the newest migration.
pub(super) fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.0).max().unwrap_or(0)
}
