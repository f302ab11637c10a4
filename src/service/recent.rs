//! What this process wrote moments ago: Graph replicates with a delay, so a 404 for an object
//! that was just created here is not believed, and an object that was just deleted here is gone.
//!
//! Source: Microsoft's description of directory replication; no delay is promised, 20 minutes
//! have been seen.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

/// How long a write is remembered.
const WINDOW: Duration = Duration::minutes(20);
/// How many writes are remembered at most; the oldest are forgotten first.
const CAPACITY: usize = 50_000;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Created here.
    Created,
    /// Deleted here.
    Deleted,
}

/// The memory of recent creates and deletes of one tenant.
#[derive(Debug, Default)]
pub struct Recent {
    writes: Mutex<HashMap<String, (Fate, OffsetDateTime)>>,
}

impl Recent {
    /// Remembers what was done to the object.
    pub fn note(&self, id: &str, fate: Fate, now: OffsetDateTime) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.len() >= CAPACITY {
            let mut times: Vec<OffsetDateTime> = writes.values().map(|(_, at)| *at).collect();
            times.sort_unstable();
            let cut = times.get(CAPACITY / 10).copied().unwrap_or(now);
            writes.retain(|_, (_, at)| *at > cut && now - *at < WINDOW);
        }
        writes.insert(id.to_ascii_lowercase(), (fate, now));
    }

    /// What was done to the object within the last minutes.
    pub fn fate(&self, id: &str, now: OffsetDateTime) -> Option<Fate> {
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let (fate, at) = writes.get(&id.to_ascii_lowercase())?;
        (now - *at < WINDOW).then_some(*fate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_for_a_while_and_within_bounds() {
        let recent = Recent::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        recent.note("A", Fate::Created, start);
        assert_eq!(
            recent.fate("a", start + Duration::minutes(19)),
            Some(Fate::Created)
        );
        assert_eq!(recent.fate("a", start + Duration::minutes(20)), None);
        for i in 0..(CAPACITY + 10) {
            recent.note(
                &i.to_string(),
                Fate::Deleted,
                start + Duration::seconds(1 + i64::try_from(i).unwrap() / 100),
            );
        }
        assert!(recent.writes.lock().unwrap().len() <= CAPACITY);
    }
}
