//! What goes on in one connection: how many of its requests are under way, from the whole head to
//! the last byte of the answer.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

/// The requests of one connection: under way, and so far.
#[derive(Debug)]
pub struct Activity(watch::Sender<(usize, u64)>);

/// A request under way; dropping it ends it.
#[derive(Debug)]
pub struct UnderWay(Arc<Activity>);

impl Activity {
    /// Nothing has come yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new((0, 0))))
    }

    /// A request has come.
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.0.send_modify(|(busy, served)| {
            *busy += 1;
            *served += 1;
        });
        UnderWay(Arc::clone(self))
    }

    /// Requests under way, and so far.
    pub fn now(&self) -> (usize, u64) {
        *self.0.borrow()
    }

    /// Completes when no request was under way for so long.
    pub async fn quiet_for(&self, time: Duration) {
        let mut seen = self.0.subscribe();
        loop {
            // The sender lives as long as `self`.
            if seen.wait_for(|(busy, _)| *busy == 0).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(time) => return,
                _ = seen.changed() => {}
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|(busy, _)| *busy -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn quiet_begins_anew_with_every_request() {
        let activity = Activity::new();
        let second = Duration::from_secs(1);
        let started = tokio::time::Instant::now();
        let other = Arc::clone(&activity);
        tokio::spawn(async move {
            let request = other.begin();
            tokio::time::sleep(7 * second).await;
            drop(request);
            tokio::time::sleep(5 * second).await;
            drop(other.begin());
        });
        activity.quiet_for(10 * second).await;
        assert_eq!(started.elapsed().as_secs(), 22);
        assert_eq!(activity.now(), (0, 2));
    }
}
