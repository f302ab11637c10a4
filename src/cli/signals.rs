//! When to stop.

use tokio::signal;

/// Completes at SIGTERM (as containers are stopped) or Ctrl-C.
///
/// # Errors
/// When signals cannot be listened to.
pub(super) async fn stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await
}
