//! Long pure work leaves the async workers, so that nobody else waits for it.

use super::Error;
use crate::scim::error::{Error as ScimError, Kind};

/// Runs `work`, on a thread of its own when there is `much` of it.
///
/// # Errors
/// When the work panicked.
pub(super) async fn offload<T: Send + 'static>(
    much: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if !much {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ScimError::new(Kind::Internal, "internal error").into())
}
