//! Comparison without case, without allocating where the text is ASCII.
//!
//! Folding is `char::to_lowercase`, one character at a time, so that it does not depend on what
//! stands around a character. A *needle* is folded once, by [`fold`]; a *hay* is as stored.

use std::cmp::Ordering;

/// The folded form of `text`.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether `hay` is `needle`, but for case.
pub fn equals(hay: &str, needle: &str) -> bool {
    if hay.is_ascii() {
        return hay.eq_ignore_ascii_case(needle);
    }
    hay.chars().flat_map(char::to_lowercase).eq(needle.chars())
}

/// Whether `hay` begins with `needle`, but for case.
pub fn starts_with(hay: &str, needle: &str) -> bool {
    if hay.is_ascii() {
        let needle = needle.as_bytes();
        return hay
            .as_bytes()
            .get(..needle.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(needle));
    }
    fold(hay).starts_with(needle)
}

/// Whether `hay` ends with `needle`, but for case.
pub fn ends_with(hay: &str, needle: &str) -> bool {
    if hay.is_ascii() {
        let (hay, needle) = (hay.as_bytes(), needle.as_bytes());
        return hay
            .len()
            .checked_sub(needle.len())
            .is_some_and(|at| hay[at..].eq_ignore_ascii_case(needle));
    }
    fold(hay).ends_with(needle)
}

/// Whether `hay` holds `needle`, but for case.
pub fn contains(hay: &str, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    if hay.is_ascii() {
        let needle = needle.as_bytes();
        return hay
            .as_bytes()
            .windows(needle.len())
            .any(|window| window.eq_ignore_ascii_case(needle));
    }
    fold(hay).contains(needle)
}

/// The order of `hay` against `needle`, by code point, without case.
pub fn compare(hay: &str, needle: &str) -> Ordering {
    hay.chars().flat_map(char::to_lowercase).cmp(needle.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_without_case() {
        // (hay, needle, equals, starts, ends, contains)
        let rows = [
            ("Adam", "ADAM", true, true, true, true),
            ("Adam", "ad", false, true, false, true),
            ("Adam", "AM", false, false, true, true),
            ("Adam", "da", false, false, false, true),
            ("Adam", "adamant", false, false, false, false),
            ("ŽOFIE", "žofie", true, true, true, true),
            ("ŽOFIE", "ofi", false, false, false, true),
            ("abc", "ž", false, false, false, false),
            ("", "", true, true, true, true),
            ("日本", "日", false, true, false, true),
            ("ΟΔΟΣ", "οδοσ", true, true, true, true),
        ];
        for (hay, needle, eq, sw, ew, co) in rows {
            let needle = fold(needle);
            let got = (
                equals(hay, &needle),
                starts_with(hay, &needle),
                ends_with(hay, &needle),
                contains(hay, &needle),
            );
            assert_eq!(got, (eq, sw, ew, co), "{hay} {needle}");
            assert_eq!(
                compare(hay, &needle) == Ordering::Equal,
                eq,
                "{hay} {needle}"
            );
        }
        assert_eq!(compare("B", "a"), Ordering::Greater);
        assert_eq!(compare("a", "b"), Ordering::Less);
    }
}
