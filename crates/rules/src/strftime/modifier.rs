//! The modifiers that are known here; SQLite has a few more.

use crate::number::parse_number;
use crate::scalar::Scalar;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Modifier {
    Add(f64, Unit),
    StartOf(Span),
    EndOf(Span),
    Weekday { day: i64, back: bool },
    UnixEpoch,
    JulianDay,
    Auto,
    Ceiling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Month,
    Year,
}

/// Names with the number that must not be reached and the seconds in one.
const UNITS: [(&str, Unit, f64, f64); 6] = [
    ("second", Unit::Second, 4.6427e14, 1.0),
    ("minute", Unit::Minute, 7.7379e12, 60.0),
    ("hour", Unit::Hour, 1.2897e11, 3600.0),
    ("day", Unit::Day, 5_373_485.0, 86_400.0),
    ("month", Unit::Month, 176_546.0, 2_592_000.0),
    ("year", Unit::Year, 14_713.0, 31_536_000.0),
];

impl Unit {
    pub(super) fn seconds(self) -> f64 {
        UNITS.iter().find(|(_, unit, ..)| *unit == self).map_or(0.0, |(.., seconds)| *seconds)
    }
}

impl Modifier {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.as_str() {
            "start of day" => Some(Self::StartOf(Span::Day)),
            "start of month" => Some(Self::StartOf(Span::Month)),
            "start of year" => Some(Self::StartOf(Span::Year)),
            "end of day" => Some(Self::EndOf(Span::Day)),
            "end of month" => Some(Self::EndOf(Span::Month)),
            "end of year" => Some(Self::EndOf(Span::Year)),
            "unixepoch" => Some(Self::UnixEpoch),
            "julianday" => Some(Self::JulianDay),
            "auto" => Some(Self::Auto),
            "ceiling" => Some(Self::Ceiling),
            _ => weekday(&text).or_else(|| add(&text)),
        }
    }
}

fn weekday(text: &str) -> Option<Modifier> {
    let day = text.strip_prefix("weekday ")?;
    match parse_number(day)? {
        Scalar::Int(number @ -6..=6) => {
            Some(Modifier::Weekday { day: number.abs(), back: day.contains('-') })
        }
        _ => None,
    }
}

fn add(text: &str) -> Option<Modifier> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) {
        return None;
    }
    let (number, name) = text.split_once(|character: char| character.is_ascii_whitespace())?;
    let number = match parse_number(number)? {
        Scalar::Int(int) => int as f64,
        Scalar::Real(real) => real,
        _ => return None,
    };
    let name = name.trim_start();
    let singular = name.strip_suffix('s').unwrap_or(name);
    let (_, unit, limit, _) = UNITS.iter().find(|(known, ..)| *known == singular)?;
    (number.abs() < *limit).then_some(Modifier::Add(number, *unit))
}
