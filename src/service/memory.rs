//! How much memory answers may take: in all, and of one token half of it, so that no client takes
//! the others' room. A list asks for room before it is read, and keeps what its text takes until
//! the client has it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::Error;
use crate::scim::error::{Error as ScimError, Kind};

/// The unit in which room is counted.
const KIB: usize = 1 << 10;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// The room for answers.
#[derive(Debug)]
pub struct Memory {
    /// KiB
    most: u32,
    all: Arc<Semaphore>,
    /// Those of the tokens that have some.
    tokens: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// Room that is taken; dropping it gives it back.
#[derive(Debug, Default)]
pub struct Room(Vec<Share>);

#[derive(Debug)]
struct Share {
    of_all: OwnedSemaphorePermit,
    of_token: OwnedSemaphorePermit,
}

impl Memory {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        let kib = u32::try_from(bytes / KIB).unwrap_or(u32::MAX).max(2);
        Self {
            most: kib,
            all: Arc::new(Semaphore::new(usize::try_from(kib).unwrap_or(usize::MAX))),
            tokens: Mutex::default(),
        }
    }

    fn of_token(&self, token: &str) -> Arc<Semaphore> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tokens.get(token).and_then(Weak::upgrade) {
            return known;
        }
        tokens.retain(|_, semaphore| semaphore.strong_count() > 0);
        let half = usize::try_from(self.most / 2).unwrap_or(usize::MAX);
        let own = Arc::new(Semaphore::new(half));
        tokens.insert(token.to_owned(), Arc::downgrade(&own));
        own
    }

    /// Room for so many bytes, when there is some before the deadline.
    ///
    /// # Errors
    /// 413 when one token can never have so much, 503 when there is none now.
    pub async fn room(&self, token: &str, bytes: usize, deadline: Instant) -> Result<Room, Error> {
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        if kib > self.most / 2 {
            return Err(ScimError::new(
                Kind::TooLarge,
                "the answer needs more memory than one request may have: ask for fewer at once",
            )
            .into());
        }
        let own = self.of_token(token);
        let taken = async {
            // Who waits for a share of their own does not stand in the others' way.
            let of_token = own.acquire_many_owned(kib).await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_many_owned(kib).await.ok()?;
            Some(Share { of_all, of_token })
        };
        let over = deadline.min(Instant::now() + PATIENCE);
        match timeout_at(over, taken).await {
            Ok(Some(share)) => Ok(Room(vec![share])),
            _ => Err(Error {
                retry_after: Some(Duration::from_secs(5)),
                ..Error::from(ScimError::new(
                    Kind::Unavailable,
                    "too many large answers are being made or read at once",
                ))
            }),
        }
    }
}

impl Room {
    /// Bytes.
    pub fn size(&self) -> usize {
        let kib: usize = self.0.iter().map(|s| s.of_all.num_permits()).sum();
        kib * KIB
    }

    /// Adds another's.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Gives back what is not needed for so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let mut over = self.size().saturating_sub(bytes.div_ceil(KIB) * KIB) / KIB;
        while over > 0 {
            let Some(share) = self.0.last_mut() else {
                return;
            };
            let part = share.of_all.num_permits().min(over);
            drop((share.of_all.split(part), share.of_token.split(part)));
            over -= part;
            if share.of_all.num_permits() == 0 {
                self.0.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shares_hold_and_come_back() {
        let memory = Memory::new(100 * KIB);
        let soon = || Instant::now() + Duration::from_secs(1);
        let kind = |room: Result<Room, Error>| room.err().map(|e| e.scim.kind);
        let mut first = memory.room("a", 40 * KIB, soon()).await.unwrap();
        let second = memory.room("a", 20 * KIB, soon()).await;
        assert_eq!(
            kind(second),
            Some(Kind::Unavailable),
            "half is all a token gets"
        );
        let third = memory.room("b", 50 * KIB, soon()).await.unwrap();
        let fourth = memory.room("c", 20 * KIB, soon()).await;
        assert_eq!(kind(fourth), Some(Kind::Unavailable), "there is no more");
        first.shrink_to(5 * KIB + 1);
        assert_eq!(first.size(), 6 * KIB);
        first.merge(memory.room("a", 20 * KIB, soon()).await.unwrap());
        first.shrink_to(0);
        assert_eq!(first.size(), 0);
        let huge = memory.room("a", 51 * KIB, soon()).await;
        assert_eq!(kind(huge), Some(Kind::TooLarge));
        drop((first, third));
        assert_eq!(memory.all.available_permits(), 100);
        memory.room("d", KIB, soon()).await.unwrap();
        assert_eq!(
            memory.tokens.lock().unwrap().len(),
            1,
            "who has none is forgotten"
        );
    }
}
