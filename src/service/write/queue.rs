//! One writer at a time for each object: what a change is planned against must not move before it
//! is made. In the order of arrival.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use super::super::Error;
use crate::scim::error::{Error as ScimError, Kind};

type Key = (&'static str, String);
type Places = Arc<Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>>;

/// The writers of one tenant, by object.
#[derive(Clone, Default)]
pub struct Queue {
    objects: Places,
}

/// The turn to write to one object; the next writer's comes when it is dropped.
pub struct Turn {
    guard: Option<OwnedMutexGuard<()>>,
    key: Key,
    objects: Places,
}

impl Queue {
    /// Waits for the turn to write to an object of the type `kind`.
    ///
    /// # Errors
    /// 503 when it does not come before the deadline.
    pub async fn turn(
        &self,
        kind: &'static str,
        id: &str,
        deadline: Instant,
    ) -> Result<Turn, Error> {
        let key = (kind, id.to_ascii_lowercase());
        let place = {
            let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(objects.entry(key.clone()).or_default())
        };
        // Made before the wait: whoever gives up takes the place away as well.
        let mut turn = Turn {
            guard: None,
            key,
            objects: Arc::clone(&self.objects),
        };
        match timeout_at(deadline, place.lock_owned()).await {
            Ok(guard) => {
                turn.guard = Some(guard);
                Ok(turn)
            }
            Err(_) => Err(Error {
                retry_after: Some(Duration::from_secs(5)),
                ..Error::from(ScimError::new(
                    Kind::Unavailable,
                    "other writes to this object took all the time; nothing was changed",
                ))
            }),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.guard.take());
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if objects
            .get(&self.key)
            .is_some_and(|place| Arc::strong_count(place) == 1)
        {
            objects.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_for_each_object_and_nothing_is_left_behind() {
        let queue = Queue::default();
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = queue.turn("User", "a", soon()).await.unwrap();
        assert!(queue.turn("User", "A", soon()).await.is_err());
        let other = queue.turn("Group", "a", soon()).await.unwrap();
        drop(first);
        let second = queue.turn("User", "a", soon()).await.unwrap();
        drop((second, other));
        assert!(queue.objects.lock().unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_counter_under_many_writers_loses_nothing() {
        let queue = Queue::default();
        let counter = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let later = Instant::now() + Duration::from_secs(30);
        let writers: Vec<_> = (0..50)
            .map(|_| {
                let (queue, counter) = (queue.clone(), Arc::clone(&counter));
                tokio::spawn(async move {
                    let _turn = queue.turn("User", "a", later).await.unwrap();
                    let read = counter.load(std::sync::atomic::Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    counter.store(read + 1, std::sync::atomic::Ordering::SeqCst);
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(counter.load(std::sync::atomic::Ordering::SeqCst), 50);
        assert!(queue.objects.lock().unwrap().is_empty());
    }
}
