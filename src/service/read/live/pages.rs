//! Where the last page of a list ended. Graph has no offset: without this, a walk by `startIndex`
//! would read again, with every page, all that precedes it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

use crate::graph::NextLink;

/// How long a place is kept; Graph's page tokens live longer.
const LIFETIME: Duration = Duration::minutes(10);
/// How many places are kept; the oldest are forgotten first.
const CAPACITY: usize = 1_000;

/// Where a walk goes on.
#[derive(Clone, Debug)]
pub(super) struct Bookmark {
    pub(super) next: NextLink,
    /// `@odata.count`, as the first page told it.
    pub(super) total: Option<usize>,
    at: OffsetDateTime,
}

/// The bookmarks of one tenant: by the first page's URL and the 1-based index that comes next.
#[derive(Debug, Default)]
pub struct Pages {
    bookmarks: Mutex<HashMap<(String, usize), Bookmark>>,
}

impl Pages {
    /// Remembers that the item `start` of the list at `url` is the first behind `next`.
    pub(super) fn note(
        &self,
        url: &str,
        start: usize,
        next: NextLink,
        total: Option<usize>,
        now: OffsetDateTime,
    ) {
        let mut bookmarks = self
            .bookmarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if bookmarks.len() >= CAPACITY {
            let mut times: Vec<OffsetDateTime> = bookmarks.values().map(|m| m.at).collect();
            times.sort_unstable();
            let cut = times.get(CAPACITY / 10).copied().unwrap_or(now);
            bookmarks.retain(|_, m| m.at > cut && now - m.at < LIFETIME);
        }
        let bookmark = Bookmark {
            next,
            total,
            at: now,
        };
        bookmarks.insert((url.to_owned(), start), bookmark);
    }

    /// The bookmark at an item, if the walk has come by there lately.
    pub(super) fn at(&self, url: &str, start: usize, now: OffsetDateTime) -> Option<Bookmark> {
        let bookmarks = self
            .bookmarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let bookmark = bookmarks.get(&(url.to_owned(), start))?;
        (now - bookmark.at < LIFETIME).then(|| bookmark.clone())
    }

    /// Forgets a bookmark that has proved useless.
    pub(super) fn forget(&self, url: &str, start: usize) {
        let mut bookmarks = self
            .bookmarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        bookmarks.remove(&(url.to_owned(), start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_for_a_while_and_bounded() {
        let pages = Pages::default();
        let start = OffsetDateTime::UNIX_EPOCH;
        pages.note("u", 101, NextLink::from_stored("next"), Some(5), start);
        assert!(
            pages
                .at("u", 101, start)
                .is_some_and(|m| m.total == Some(5))
        );
        assert!(pages.at("u", 100, start).is_none());
        assert!(pages.at("u", 101, start + LIFETIME).is_none());
        for i in 0..(CAPACITY + 10) {
            let at = start + Duration::seconds(i64::try_from(i).unwrap());
            pages.note("v", i, NextLink::from_stored("next"), None, at);
        }
        assert!(pages.bookmarks.lock().unwrap().len() <= CAPACITY);
    }
}
