//! What a walk through candidates keeps: of each that may stand on the page, what it is ordered by
//! and enough to find it again; of the others, that they were there.

use std::cmp::Ordering;

use crate::scim::sort::{SortKey, Sorter};

/// The first `reach` of all that was pushed, in order.
pub(super) struct Keep<T> {
    sorter: Option<Sorter>,
    reach: usize,
    total: usize,
    kept: Vec<Kept<T>>,
    /// Whether `kept` is in order, and no longer than `reach`.
    settled: bool,
}

struct Kept<T> {
    key: Option<SortKey>,
    /// In the order of Graph's list.
    place: u64,
    item: T,
}

impl<T> Keep<T> {
    /// In the sorter's order, else by place.
    pub(super) fn new(sorter: Option<Sorter>, reach: usize) -> Self {
        Self {
            sorter,
            reach,
            total: 0,
            kept: Vec::new(),
            settled: true,
        }
    }

    /// One more. `item` is only made when it may be among the first.
    pub(super) fn push(&mut self, key: Option<SortKey>, place: u64, item: impl FnOnce() -> T) {
        self.total += 1;
        if self.kept.len() >= self.reach && self.settled {
            let after_all = self
                .kept
                .last()
                .is_none_or(|last| self.order((&key, place), (&last.key, last.place)).is_ge());
            if after_all {
                return;
            }
        }
        let item = item();
        self.kept.push(Kept { key, place, item });
        self.settled = false;
        if self.kept.len() >= self.reach.saturating_mul(2).max(64) {
            self.settle();
        }
    }

    fn order(&self, a: (&Option<SortKey>, u64), b: (&Option<SortKey>, u64)) -> Ordering {
        let by_key = match (&self.sorter, a.0, b.0) {
            (Some(sorter), Some(a), Some(b)) => sorter.compare(a, b),
            _ => Ordering::Equal,
        };
        by_key.then(a.1.cmp(&b.1))
    }

    fn settle(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by(|a, b| self.order((&a.key, a.place), (&b.key, b.place)));
        kept.truncate(self.reach);
        self.kept = kept;
        self.settled = true;
    }

    /// How many were pushed, and the items from the 0-based `start` on.
    pub(super) fn finish(mut self, start: usize) -> (usize, Vec<T>) {
        self.settle();
        let items = self.kept.into_iter().skip(start).map(|kept| kept.item);
        (self.total, items.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        resources::users::USERS,
        scim::{attr::AttrPath, sort::SortOrder},
        translation::{Mapping, presets},
    };

    fn users() -> Mapping {
        Mapping::compile_for(&USERS, &presets::of(&USERS.rules, "standard").unwrap()).unwrap()
    }

    proptest! {
        /// The same as sorting everything and cutting the page out.
        #[test]
        fn as_if_all_were_kept(
            titles in proptest::collection::vec(proptest::option::of(0_u8..20), 0..300),
            start in 0_usize..40,
            count in 0_usize..40,
            sorted in any::<bool>(),
            descending in any::<bool>(),
        ) {
            static MAPPING: std::sync::LazyLock<Mapping> = std::sync::LazyLock::new(users);
            let schema = MAPPING.schema();
            let order = if descending { SortOrder::Descending } else { SortOrder::Ascending };
            let sorter = Sorter::new(&AttrPath::core("title"), order, schema);
            let doc = |title: &Option<u8>| {
                let doc = match title {
                    Some(title) => json!({"title": format!("{title:02}")}),
                    None => json!({}),
                };
                doc.as_object().cloned().unwrap_or_default()
            };
            let mut keep = Keep::new(sorted.then(|| sorter.clone()), start + count);
            let mut all: Vec<(usize, _)> = Vec::new();
            for (place, title) in titles.iter().enumerate() {
                let key = sorted.then(|| sorter.key(&doc(title)));
                keep.push(key, u64::try_from(place).unwrap(), || place);
                all.push((place, sorter.key(&doc(title))));
            }
            if sorted {
                all.sort_by(|(_, a), (_, b)| sorter.compare(a, b));
            }
            let expected: Vec<usize> =
                all.iter().map(|(place, _)| *place).skip(start).take(count).collect();
            prop_assert_eq!(keep.finish(start), (titles.len(), expected));
        }

        #[test]
        fn no_more_than_twice_the_reach(titles in proptest::collection::vec(0_u8..20, 500)) {
            let mut keep: Keep<()> = Keep::new(None, 40);
            let mut most = 0;
            for place in 0..titles.len() {
                keep.push(None, u64::try_from(place).unwrap(), || ());
                most = most.max(keep.kept.len());
            }
            prop_assert!(most <= 80);
        }
    }
}
