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

/// The number of the newest migration.
pub(super) fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.0).max().unwrap_or(0)
}
