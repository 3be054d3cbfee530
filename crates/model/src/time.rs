//! Moments in time: milliseconds since 1970 UTC inside, "YYYY-MM-DD HH:MM:SS.mmmZ" on the wire.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// Milliseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// "2026-11-22 02:43:39.174Z"
    pub fn to_text(self) -> String {
        let Ok(moment) = jiff::Timestamp::from_millisecond(self.0) else { return String::new() };
        let at = TimeZone::UTC.to_datetime(moment);
        let mut text = String::with_capacity(24);
        let _ = write!(text, "{:04}", at.year());
        for (separator, number) in
            [('-', at.month()), ('-', at.day()), (' ', at.hour()), (':', at.minute()), (':', at.second())]
        {
            text.push(separator);
            push_digits(&mut text, number.unsigned_abs().into(), 10);
        }
        text.push('.');
        push_digits(&mut text, at.subsec_nanosecond().unsigned_abs() / 1_000_000, 100);
        text.push('Z');
        text
    }

    /// Reads what a date field accepts: RFC 3339 (`T` or a space, seconds present), or a bare date. Zones are
    /// converted to UTC, anything finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() == 10 {
            let date: jiff::civil::Date = text.parse().ok()?;
            return Self::from_utc(date.at(0, 0, 0, 0));
        }
        if !has_seconds(text) {
            return None;
        }
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Some(Self(moment.as_millisecond()));
        }
        Self::from_utc(text.parse::<DateTime>().ok()?)
    }

    fn from_utc(at: DateTime) -> Option<Self> {
        Some(Self(TimeZone::UTC.to_timestamp(at).ok()?.as_millisecond()))
    }
}

/// As many digits as `place`, the worth of the first one, has.
fn push_digits(text: &mut String, number: u32, mut place: u32) {
    while place > 0 {
        text.push(char::from(b'0' + (number / place % 10) as u8));
        place /= 10;
    }
}

fn has_seconds(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_pocketbase_reads_them() {
        for (input, expected) in [
            ("2024-05-05T10:00:00+02:00", Some("2024-05-05 08:00:00.000Z")),
            ("2025-01-01", Some("2025-01-01 00:00:00.000Z")),
            ("2024-02-29T23:59:59Z", Some("2024-02-29 23:59:59.000Z")),
            ("2024-06-01 00:00:00.123Z", Some("2024-06-01 00:00:00.123Z")),
            ("2024-06-01 00:00:00.123999Z", Some("2024-06-01 00:00:00.123Z")),
            ("1969-12-31 23:59:59.007Z", Some("1969-12-31 23:59:59.007Z")),
            ("0000-01-01T00:00:00.040+02:00", Some("-001-12-31 22:00:00.040Z")),
            ("2024-01-01 10:00:00", Some("2024-01-01 10:00:00.000Z")),
            ("2024-05-05 10:00", None),
            ("2024-02-30", None),
            ("nope", None),
            ("", None),
        ] {
            assert_eq!(Timestamp::parse(input).map(Timestamp::to_text).as_deref(), expected, "{input}");
        }
    }
}
