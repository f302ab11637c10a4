//! `xsd:dateTime`, as RFC 7643 §2.3.5 has it: read as an instant, so that offsets and fractions
//! of any length compare as what they mean.

use time::{Date, Month, OffsetDateTime, format_description::well_known::Rfc3339};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i128);

const SECOND: i128 = 1_000_000_000;

impl Instant {
    /// The one spelling of it: UTC, no fraction that is zero, none of its trailing zeros.
    /// `None` when its year has not four digits.
    pub fn text(self) -> Option<String> {
        let at = OffsetDateTime::from_unix_timestamp_nanos(self.0).ok()?;
        at.format(&Rfc3339).ok()
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub fn nanoseconds(self) -> i128 {
        self.0
    }

    /// Without the part of a second.
    pub fn whole_seconds(self) -> Self {
        Self(self.0.div_euclid(SECOND) * SECOND)
    }
}

/// The instant that `text` names, or `None` when it is no date with a time.
///
/// `T` and `Z` may be small letters; without an offset the time is UTC; digits of the fraction
/// past the ninth are dropped; `24:00:00` is the end of the day and second 60 a leap second.
pub fn instant(text: &str) -> Option<Instant> {
    let bytes = text.as_bytes();
    let number = |from: usize, len: usize| -> Option<u32> {
        let digits = bytes.get(from..from + len)?;
        digits.iter().try_fold(0, |sum: u32, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u32::from(digit - b'0'))
        })
    };
    let is = |at: usize, wanted: u8| {
        bytes
            .get(at)
            .is_some_and(|b| b.eq_ignore_ascii_case(&wanted))
    };
    if !(is(4, b'-') && is(7, b'-') && is(10, b't') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let month = Month::try_from(u8::try_from(number(5, 2)?).ok()?).ok()?;
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(number(8, 2)?).ok()?).ok()?;
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute, second) != (0, 0)) {
        return None;
    }
    let mut at = 19;
    let mut nanos: i128 = 0;
    if is(at, b'.') {
        at += 1;
        let digits = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        let mut scale: i128 = 100_000_000;
        for digit in &bytes[at..at + digits] {
            nanos += i128::from(digit - b'0') * scale;
            scale /= 10;
        }
        at += digits;
    }
    let offset = match bytes.get(at..)? {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if hours > 14 || minutes > 59 {
                return None;
            }
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let days = i64::from(date.to_julian_day() - Date::MIN.to_julian_day());
    let in_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let epoch = i64::from(2_440_588 - Date::MIN.to_julian_day());
    let seconds = (days - epoch) * 86_400 + in_day - offset;
    Some(Instant(i128::from(seconds) * SECOND + nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let rows = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01t00:00:01z", Some(1_000_000_000)),
            ("1970-01-01T00:00:00.0000001Z", Some(100)),
            ("1970-01-01T00:00:00.1234567899Z", Some(123_456_789)),
            ("1970-01-01T05:00:00.0000000+05:00", Some(0)),
            ("1969-12-31T19:30:00-04:30", Some(0)),
            ("1970-01-01T00:00:00", Some(0)),
            ("1969-12-31T24:00:00Z", Some(0)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000_000_000)),
            (
                "0001-01-03T00:00:00.0000000Z",
                Some(-62_135_424_000_000_000_000),
            ),
            ("2026-01-01", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-02-30T00:00:00Z", None),
            ("2026-01-01T25:00:00Z", None),
            ("2026-01-01T24:00:01Z", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01T00:00:00+5:00", None),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01T00:00:00ZZ", None),
            ("2026-01-01T00:00Z", None),
            ("日本日本日本日本", None),
            ("", None),
        ];
        for (text, nanos) in rows {
            assert_eq!(instant(text), nanos.map(Instant), "{text}");
        }
    }

    #[test]
    fn texts() {
        // (as written, canonical, to the second)
        let rows = [
            (
                "2026-01-01T00:00:00+02:00",
                "2025-12-31T22:00:00Z",
                "2025-12-31T22:00:00Z",
            ),
            (
                "2026-01-01T00:00:00.1200000z",
                "2026-01-01T00:00:00.12Z",
                "2026-01-01T00:00:00Z",
            ),
            (
                "1969-12-31T23:59:59.5Z",
                "1969-12-31T23:59:59.5Z",
                "1969-12-31T23:59:59Z",
            ),
            (
                "2026-01-01T24:00:00",
                "2026-01-02T00:00:00Z",
                "2026-01-02T00:00:00Z",
            ),
            (
                "0001-01-01T00:00:00.0000000Z",
                "0001-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
            ),
        ];
        for (written, canonical, whole) in rows {
            let at = instant(written).unwrap();
            assert_eq!(at.text().as_deref(), Some(canonical), "{written}");
            assert_eq!(
                at.whole_seconds().text().as_deref(),
                Some(whole),
                "{written}"
            );
            assert_eq!(instant(canonical), Some(at), "{written}");
        }
        let outside = instant("9999-12-31T23:00:00-05:00").unwrap();
        assert_eq!(outside.text(), None);
    }
}
