//! Texts, numbers and moments that JSON values stand for.

use crate::number::parse_number;
use crate::scalar::Scalar;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Number, Value as Json};
use std::borrow::Cow;

/// A value of a document as text; lists and objects are compact JSON.
pub(super) fn text(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        Json::Number(number) => Cow::Owned(number_text(number)),
        other => Cow::Owned(other.to_string()),
    }
}

/// Whole numbers have no dot.
pub(super) fn number_text(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let mut out = Vec::new();
    tidewire_model::json::write_number(&mut out, number.as_f64().unwrap_or(0.0));
    String::from_utf8(out).unwrap_or_default()
}

pub(super) fn number(number: &Number) -> Scalar<'static> {
    match number.as_i64() {
        Some(int) => Scalar::Int(int),
        None => Scalar::Real(number.as_f64().unwrap_or(0.0)),
    }
}

/// The number that a text is as a whole, without spaces around it.
pub(super) fn parsed(text: &str) -> Option<Scalar<'static>> {
    if text.starts_with(|first: char| first.is_ascii_whitespace())
        || text.ends_with(|last: char| last.is_ascii_whitespace())
    {
        return None;
    }
    match parse_number(text)? {
        Scalar::Real(real) if !real.is_finite() => None,
        number => Some(number.into_owned()),
    }
}

/// Nanoseconds since 1970 of an ISO date or timestamp; without a zone it is UTC.
pub(super) fn instant(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let looks_right = bytes.len() >= 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[..4].iter().all(u8::is_ascii_digit);
    if !looks_right {
        return None;
    }
    if bytes.len() == 10 {
        let date: Date = text.parse().ok()?;
        return utc(date.at(0, 0, 0, 0));
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_nanosecond());
    }
    // a zoned form that is no timestamp is no civil time either
    if bytes.get(10).is_some_and(|separator| matches!(separator, b'T' | b't' | b' ')) {
        return utc(text.parse::<DateTime>().ok()?);
    }
    None
}

fn utc(at: DateTime) -> Option<i128> {
    Some(TimeZone::UTC.to_timestamp(at).ok()?.as_nanosecond())
}

/// A stored time as documents show it: "2026-11-22T02:43:39.174000+00:00".
pub fn shown_time(stored: &str) -> String {
    match stored.strip_suffix('Z') {
        Some(time) if time.len() == 23 => format!("{}000+00:00", time.replacen(' ', "T", 1)),
        _ => stored.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, millis) in [
            ("1970-01-02", Some(86_400_000)),
            ("1970-01-01T00:00:01", Some(1000)),
            ("1970-01-01 00:00:01", Some(1000)),
            ("1970-01-01T00:00", Some(0)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:00:00.5Z", Some(500)),
            ("1970-01-01T00:00:00.123000+00:00", Some(123)),
            ("1970-13-01", None),
            ("not-a-date", None),
            ("12", None),
            ("", None),
        ] {
            assert_eq!(instant(text), millis.map(|millis: i128| millis * 1_000_000), "{text}");
        }
    }

    #[test]
    fn stored_times_are_shown_with_microseconds_and_a_zone() {
        assert_eq!(shown_time("2026-11-22 02:43:39.174Z"), "2026-11-22T02:43:39.174000+00:00");
        assert_eq!(shown_time(""), "");
    }
}
