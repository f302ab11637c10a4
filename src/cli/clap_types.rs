//! Values of arguments that need more than a number or a word.

use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// When a token expires, as given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Never.
    Never,
    /// So long from now.
    In(Duration),
    /// At that moment.
    At(OffsetDateTime),
}

impl Expiry {
    /// The moment, seen from `now`; an error when it has passed.
    pub(super) fn from(self, now: OffsetDateTime) -> anyhow::Result<Option<OffsetDateTime>> {
        let at = match self {
            Self::Never => return Ok(None),
            Self::In(duration) => now
                .checked_add(duration)
                .ok_or_else(|| anyhow::anyhow!("this expiry is too far away"))?,
            Self::At(at) => at,
        };
        anyhow::ensure!(at > now, "this expiry has passed");
        Ok(Some(at))
    }
}

impl std::str::FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected never, a time such as 90d or 12h, or a date such as 2030-01-31";
        if text == "never" {
            return Ok(Self::Never);
        }
        for (unit, seconds) in [('d', 86_400), ('h', 3_600)] {
            if let Some(number) = text.strip_suffix(unit) {
                let number: u32 = number.parse().map_err(|_| expected.to_owned())?;
                return Ok(Self::In(Duration::seconds(i64::from(number) * seconds)));
            }
        }
        if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self::At(at));
        }
        let day = time::macros::format_description!("[year]-[month]-[day]");
        Date::parse(text, &day)
            .map(|date| Self::At(date.midnight().assume_utc()))
            .map_err(|_| expected.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn expiries() {
        let now = datetime!(2030-01-01 00:00 UTC);
        for (text, expected) in [
            ("never", Some(None)),
            ("90d", Some(Some(datetime!(2030-04-01 00:00 UTC)))),
            ("12h", Some(Some(datetime!(2030-01-01 12:00 UTC)))),
            ("2030-01-31", Some(Some(datetime!(2030-01-31 00:00 UTC)))),
            (
                "2030-01-31T01:00:00+01:00",
                Some(Some(datetime!(2030-01-31 00:00 UTC))),
            ),
            ("2029-12-31", None),
            ("0d", None),
            ("-1d", None),
            ("4294967295d", None),
            ("soon", None),
            ("", None),
        ] {
            let got = text.parse::<Expiry>().ok().and_then(|e| e.from(now).ok());
            assert_eq!(got, expected, "{text}");
        }
    }
}
