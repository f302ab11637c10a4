//! Lists of relations as they were read a moment ago. The answer to a PATCH shows groups and roles
//! that the PATCH has not touched, and a client has mostly read, or made, the object just before:
//! reading them again costs more than the change itself. Plans and plain reads never use it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use time::{Duration, OffsetDateTime};

/// How long a list serves the answer of a write.
const LIFETIME: Duration = Duration::seconds(30);
/// How many relations are kept; all are forgotten when there are more.
const CAPACITY: usize = 20_000;
/// Longer lists are not kept.
const LONGEST: usize = 200;

/// A resource type's name, a relation's name, an id in lower case.
type Key = (&'static str, &'static str, String);
/// The lists of one relation of one object.
pub type Lists = Arc<Vec<Vec<Value>>>;

/// The memory of one tenant.
#[derive(Default)]
pub struct RecentRelations {
    lists: Mutex<HashMap<Key, (Lists, OffsetDateTime)>>,
}

impl RecentRelations {
    /// Remembers the lists of a relation that were read at `now`.
    pub fn remember(
        &self,
        kind: &'static str,
        relation: &'static str,
        id: &str,
        lists: Vec<Vec<Value>>,
        now: OffsetDateTime,
    ) {
        if lists.iter().map(Vec::len).sum::<usize>() > LONGEST {
            self.forget(kind, relation, id);
            return;
        }
        let mut all = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY {
            all.clear();
        }
        let key = (kind, relation, id.to_ascii_lowercase());
        all.insert(key, (Arc::new(lists), now));
    }

    /// Forgets a relation that was seen otherwise since.
    pub fn forget(&self, kind: &'static str, relation: &'static str, id: &str) {
        let mut all = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(kind, relation, id.to_ascii_lowercase()));
    }

    /// The lists, if they were read within the last half minute.
    pub fn get(
        &self,
        kind: &'static str,
        relation: &'static str,
        id: &str,
        now: OffsetDateTime,
    ) -> Option<Lists> {
        let all = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let (lists, read) = all.get(&(kind, relation, id.to_ascii_lowercase()))?;
        (now - *read < LIFETIME).then(|| Arc::clone(lists))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_serve_for_half_a_minute_and_only_short_ones() {
        let memory = RecentRelations::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        let lists = vec![vec![json!({"id": "g"})], Vec::new()];
        memory.remember("User", "groups", "A", lists.clone(), start);
        let later = |seconds| start + Duration::seconds(seconds);
        assert_eq!(
            memory.get("User", "groups", "a", later(29)).as_deref(),
            Some(&lists)
        );
        assert_eq!(memory.get("User", "groups", "a", later(30)), None);
        assert_eq!(memory.get("User", "roles", "a", start), None);
        memory.remember(
            "User",
            "roles",
            "a",
            vec![vec![json!(1); LONGEST + 1]],
            start,
        );
        assert_eq!(memory.get("User", "roles", "a", start), None);
    }
}
