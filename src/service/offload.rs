//! Long pure work of a request leaves the async workers; the request's deadline ends it.

use std::time::Duration;

use super::{Context, Error};
use crate::{
    heavy::{self, Ended},
    scim::error::{Error as ScimError, Kind},
};

/// Runs `work`, on a thread of its own when there is `much` of it.
///
/// # Errors
/// 503 when it does not end before the request's deadline; 500 when it panicked.
pub(super) async fn offload<T: Send + 'static>(
    cx: &Context,
    much: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    heavy::run(much, cx.call.deadline, work)
        .await
        .map_err(|ended| match ended {
            Ended::Late => Error {
                retry_after: Some(Duration::from_secs(5)),
                ..Error::from(ScimError::new(
                    Kind::Unavailable,
                    "the request took too long",
                ))
            },
            Ended::Panicked => ScimError::new(Kind::Internal, "internal error").into(),
        })
}
