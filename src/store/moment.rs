//! Moments as the database keeps them: microseconds since 1970, UTC.

use time::OffsetDateTime;

use super::error::Error;

/// The moment as a column value; what is finer than a microsecond is cut off.
pub(super) fn to_column(at: OffsetDateTime) -> i64 {
    // i64 microseconds reach past the year 290,000, `OffsetDateTime` ends with 9999.
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The column value as a moment.
pub(super) fn from_column(
    micros: i64,
    table: &'static str,
    column: &'static str,
    id: &str,
) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).map_err(|_| {
        Error::Inconsistent {
            table,
            column,
            id: id.to_owned(),
        }
    })
}
