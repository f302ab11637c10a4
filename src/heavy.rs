//! Long pure work, on threads of its own: whoever has only a little to do does not wait for it, and
//! no more of it runs side by side than the machine has cores.

use std::sync::LazyLock;

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

/// With more bytes to read or write than this, the work is long.
pub const MANY_BYTES: usize = 32 << 10;

/// As many as there are cores: the async workers keep their share, because threads are scheduled
/// by the system.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism();
    Semaphore::new(cores.map_or(2, std::num::NonZeroUsize::get))
});

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The time was over first. Work that has begun ends by itself, unheard.
    #[error("the work did not end in time")]
    Late,
    /// The work panicked.
    #[error("the work panicked")]
    Panicked,
}

/// Runs `work`: at once if there is not `much` of it, else elsewhere, until `deadline`.
///
/// # Errors
/// [`Ended`]
pub async fn run<T: Send + 'static>(
    much: bool,
    deadline: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Ended> {
    if !much {
        return Ok(work());
    }
    let elsewhere = async {
        let place = PLACES.acquire().await.map_err(|_| Ended::Panicked)?;
        let span = tracing::Span::current();
        let working = tokio::task::spawn_blocking(move || {
            // Kept until the work ends, also when nobody waits for it any more.
            let _place = place;
            span.in_scope(work)
        });
        working.await.map_err(|_| Ended::Panicked)
    };
    timeout_at(deadline, elsewhere)
        .await
        .unwrap_or(Err(Ended::Late))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_ends_or_is_late() {
        let soon = || Instant::now() + Duration::from_secs(5);
        assert_eq!(run(false, soon(), || 1).await, Ok(1));
        assert_eq!(run(true, soon(), || 2).await, Ok(2));
        let now = Instant::now();
        let slow = || {
            let (sender, never) = std::sync::mpsc::channel::<()>();
            let heard = never.recv_timeout(Duration::from_millis(200));
            drop(sender);
            heard.is_ok()
        };
        assert_eq!(run(true, now, slow).await, Err(Ended::Late));
        let broken = run(true, soon(), move || {
            assert!(now.elapsed().is_zero(), "broken");
        })
        .await;
        assert_eq!(broken, Err(Ended::Panicked));
    }
}
