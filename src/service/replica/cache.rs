//! Finished texts that were answered lately. A text is good as long as its object's moment, and what
//! other objects lend it (names of members, nesting of groups: the epochs), are as they were: both
//! are looked up for each answer, and cost a fraction of making the text.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

/// Bytes of texts that are kept.
const CAPACITY: usize = 16 << 20;
/// Longer texts are not kept.
const LONGEST: usize = 64 << 10;
/// What an entry takes beside its text.
const OVERHEAD: usize = 200;

/// What a text depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// [`crate::store::replica::ObjectRow::modified`]
    pub(crate) modified: i64,
    /// How often what others lend it has changed.
    pub(crate) epoch: i64,
    /// The SCIM base of its links.
    pub(crate) base: Arc<str>,
}

type Key = (&'static str, String);
type Texts = HashMap<Key, (Stamp, Bytes)>;

#[derive(Default)]
struct Generations {
    young: Texts,
    old: Texts,
    /// Bytes of the young ones.
    size: usize,
}

/// The texts of one tenant.
#[derive(Default)]
pub(crate) struct TextCache(Mutex<Generations>);

impl std::fmt::Debug for TextCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextCache").finish_non_exhaustive()
    }
}

impl TextCache {
    /// The text of an object, if it is good.
    pub(crate) fn get(&self, kind: &'static str, id: &str, stamp: &Stamp) -> Option<Bytes> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, id.to_owned());
        if let Some((known, text)) = all.young.get(&key) {
            return (known == stamp).then(|| text.clone());
        }
        let (known, text) = all.old.remove(&key)?;
        if known != *stamp {
            return None;
        }
        all.put(key, known, text.clone());
        Some(text)
    }

    /// Keeps a text.
    pub(crate) fn put(&self, kind: &'static str, id: &str, stamp: Stamp, text: Bytes) {
        if text.len() <= LONGEST {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.put((kind, id.to_owned()), stamp, text);
        }
    }
}

impl Generations {
    fn put(&mut self, key: Key, stamp: Stamp, text: Bytes) {
        self.size += text.len() + OVERHEAD;
        self.young.insert(key, (stamp, text));
        if self.size > CAPACITY / 2 {
            self.old = std::mem::take(&mut self.young);
            self.size = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(modified: i64) -> Stamp {
        Stamp {
            modified,
            epoch: 0,
            base: "http://x".into(),
        }
    }

    #[test]
    fn only_what_is_as_it_was_is_good() {
        let cache = TextCache::default();
        let text = Bytes::from_static(b"{}");
        cache.put("User", "1", stamp(5), text.clone());
        assert_eq!(cache.get("User", "1", &stamp(5)), Some(text));
        assert_eq!(cache.get("User", "1", &stamp(6)), None);
        assert_eq!(cache.get("Group", "1", &stamp(5)), None);
        let other = Stamp {
            epoch: 1,
            ..stamp(5)
        };
        assert_eq!(cache.get("User", "1", &other), None);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let cache = TextCache::default();
        let text = Bytes::from(vec![b'x'; 10_000]);
        for i in 0..20_000 {
            cache.put("User", &i.to_string(), stamp(1), text.clone());
        }
        let all = cache.0.lock().unwrap();
        assert!((all.young.len() + all.old.len()) * 10_200 <= CAPACITY + 20_400);
        drop(all);
        assert!(cache.get("User", "19999", &stamp(1)).is_some());
        assert!(cache.get("User", "0", &stamp(1)).is_none());
    }
}
