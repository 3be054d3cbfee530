//! A date and time as SQLite computes with it: milliseconds since noon of day zero, or the parts, or both.

use super::modifier::{Modifier, Span, Unit};
use crate::number::parse_number;
use crate::scalar::Scalar;
use tidewire_model::Timestamp;

const DAY: i64 = 86_400_000;
const NOON: i64 = DAY / 2;
/// 1970-01-01
const UNIX: i64 = 210_866_760_000_000;
/// 9999-12-31 23:59:59.999
const LAST: i64 = 464_269_060_799_999;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    millis: Option<i64>,
    date: Option<(i32, i32, i32)>,
    time: Option<(i32, i32, f64)>,
    /// minutes east of Greenwich
    zone: i32,
    /// a plain number whose meaning a modifier may still change
    raw: Option<f64>,
    modified: bool,
}

impl Moment {
    pub(super) fn of(now: Timestamp) -> Self {
        Self { millis: Some(now.0.saturating_add(UNIX)), ..Self::default() }
    }

    pub(super) fn read(value: &Scalar<'_>, now: Timestamp) -> Option<Self> {
        match value {
            Scalar::Null => None,
            Scalar::Int(int) => Some(Self::raw(*int as f64)),
            Scalar::Real(real) => Some(Self::raw(*real)),
            Scalar::Text(text) => {
                let text = text.split('\0').next().unwrap_or_default();
                read_date(text)
                    .or_else(|| read_time(text).map(Self::before_midnight))
                    .or_else(|| is_now(text).then(|| Self::of(now)))
                    .or_else(|| read_number(text))
            }
        }
    }

    /// 24:00 is the beginning of the next day.
    fn before_midnight(self) -> Self {
        match self.time {
            Some((24, minute, second)) => {
                Self { date: Some((2000, 1, 2)), time: Some((0, minute, second)), ..self }
            }
            _ => self,
        }
    }

    /// A number of days.
    fn raw(number: f64) -> Self {
        let millis = (0.0..5_373_484.5).contains(&number).then_some((number * DAY as f64 + 0.5) as i64);
        Self { millis, raw: Some(number), ..Self::default() }
    }

    pub(super) fn modified(mut self, modifiers: &[Modifier]) -> Option<Self> {
        for (index, modifier) in modifiers.iter().enumerate() {
            self = self.with(*modifier, index == 0)?;
            self.modified = true;
        }
        Some(self)
    }

    fn with(self, modifier: Modifier, first: bool) -> Option<Self> {
        match modifier {
            Modifier::Add(number, unit) => self.add(number, unit),
            Modifier::StartOf(span) => self.start_of(span),
            Modifier::EndOf(span) => self.end_of(span),
            Modifier::Weekday { day, back } => self.weekday(day, back),
            Modifier::UnixEpoch => self.unix_epoch(first),
            Modifier::JulianDay => {
                let is_day = first && self.millis.is_some() && self.raw.is_some();
                is_day.then_some(Self { raw: None, ..self })
            }
            Modifier::Auto if !first => None,
            Modifier::Auto => Some(self.auto()),
            Modifier::Ceiling => Some(Self::at(self.computed()?)),
        }
    }

    fn at(millis: i64) -> Self {
        Self { millis: Some(millis), modified: true, ..Self::default() }
    }

    fn unix_epoch(self, first: bool) -> Option<Self> {
        let raw = self.raw.filter(|_| first)?;
        let millis = raw * 1000.0 + UNIX as f64;
        (0.0..LAST as f64 + 1.0).contains(&millis).then(|| Self::at((millis + 0.5) as i64))
    }

    /// Small numbers are days, others seconds since 1970.
    fn auto(self) -> Self {
        let Some(raw) = self.raw else { return self };
        if self.millis.is_some() {
            return Self { raw: None, ..self };
        }
        let millis = raw * 1000.0 + UNIX as f64;
        let is_time = (-210_866_760_000.0..=253_402_300_799.0).contains(&raw);
        if is_time { Self::at((millis + 0.5) as i64) } else { self }
    }

    fn add(self, number: f64, unit: Unit) -> Option<Self> {
        let mut number = number;
        let rounder = if number < 0.0 { -0.5 } else { 0.5 };
        let millis = match unit {
            Unit::Month | Unit::Year => {
                let whole = number as i32;
                let parts = if self.zone == 0 { self } else { Self::at(self.computed()?) }.with_parts()?;
                let ((mut year, mut month, day), time) = (parts.date(), parts.time());
                if unit == Unit::Year {
                    year += whole;
                } else {
                    month += whole;
                    let years = if month > 0 { (month - 1) / 12 } else { (month - 12) / 12 };
                    year += years;
                    month -= years * 12;
                }
                number -= f64::from(whole);
                let moved = Self { date: Some((year, month, day)), time: Some(time), ..Self::default() };
                moved.computed()?
            }
            _ => self.computed()?,
        };
        Some(Self::at(millis.saturating_add((number * 1000.0 * unit.seconds() + rounder) as i64)))
    }

    fn start_of(self, span: Span) -> Option<Self> {
        let (year, month, day) = self.bare_date()?;
        let date = match span {
            Span::Day => (year, month, day),
            Span::Month => (year, month, 1),
            Span::Year => (year, 1, 1),
        };
        Some(Self { date: Some(date), time: Some((0, 0, 0.0)), modified: true, ..Self::default() })
    }

    fn end_of(self, span: Span) -> Option<Self> {
        let (year, month, day) = self.bare_date()?;
        let date = match span {
            Span::Day => (year, month, day),
            Span::Month if month == 12 => (year + 1, 1, 1),
            Span::Month => (year, month + 1, 1),
            Span::Year => (year, 12, 31),
        };
        let end = Self { date: Some(date), time: Some((23, 59, 59.999)), modified: true, ..Self::default() };
        if span == Span::Month { Some(Self::at(end.computed()? - DAY)) } else { Some(end) }
    }

    /// The date as it stands, though the zone was not yet taken into account.
    fn bare_date(self) -> Option<(i32, i32, i32)> {
        if self.millis.is_none() && self.date.is_none() && self.time.is_none() {
            return None;
        }
        match (self.date, self.millis) {
            (Some(date), _) => Some(date),
            (None, Some(millis)) => date_of(millis),
            (None, None) => Some((2000, 1, 1)),
        }
    }

    fn weekday(self, day: i64, back: bool) -> Option<Self> {
        let parts = self.with_parts()?;
        let millis = Self { date: parts.date, time: parts.time, ..Self::default() }.computed()?;
        let today = (millis + DAY + NOON) / DAY % 7;
        if today == day {
            return Some(Self::at(millis));
        }
        let today = if today > day { today - 7 } else { today };
        let forward = millis + (day - today) * DAY;
        Some(Self::at(if back { forward - 7 * DAY } else { forward }))
    }

    /// Both parts, from the milliseconds where they are not given.
    fn with_parts(self) -> Option<Self> {
        let date = match (self.date, self.millis) {
            (Some(date), _) => date,
            (None, Some(millis)) => date_of(millis)?,
            (None, None) => (2000, 1, 1),
        };
        let time = match self.time {
            Some(time) => time,
            None => time_of(self.computed()?),
        };
        Some(Self { date: Some(date), time: Some(time), ..self })
    }

    fn computed(self) -> Option<i64> {
        if let Some(millis) = self.millis {
            return Some(millis);
        }
        let (year, month, day) = self.date.unwrap_or((2000, 1, 1));
        if !(-4713..=9999).contains(&year) || self.raw.is_some() {
            return None;
        }
        let (hour, minute, second) = self.time.unwrap_or((0, 0, 0.0));
        let of_day =
            i64::from(hour) * 3_600_000 + i64::from(minute) * 60_000 + (second * 1000.0 + 0.5) as i64;
        let zone = if self.time.is_some() { i64::from(self.zone) * 60_000 } else { 0 };
        Some(days(year, month, day) + if self.time.is_some() { of_day - zone } else { 0 })
    }

    /// The moment with all of its parts, if it is one that SQLite can write.
    pub(super) fn settled(self) -> Option<Self> {
        let millis = self.computed()?;
        if !(0..=LAST).contains(&millis) {
            return None;
        }
        let overflows = self.date.is_some_and(|(.., day)| day > 28) && !self.modified;
        let is_given = self.zone == 0 && !overflows;
        let date = self.date.filter(|_| is_given).map_or_else(|| date_of(millis), Some)?;
        let time = self.time.filter(|_| self.zone == 0).unwrap_or_else(|| time_of(millis));
        Some(Self { millis: Some(millis), date: Some(date), time: Some(time), ..Self::default() })
    }

    pub(super) fn date(&self) -> (i32, i32, i32) {
        self.date.unwrap_or((2000, 1, 1))
    }

    pub(super) fn time(&self) -> (i32, i32, f64) {
        self.time.unwrap_or_default()
    }

    fn millis(&self) -> i64 {
        self.millis.unwrap_or_default()
    }

    pub(super) fn unix_seconds(&self) -> i64 {
        self.millis() / 1000 - UNIX / 1000
    }

    pub(super) fn after_monday(&self) -> i64 {
        (self.millis() + NOON) / DAY % 7
    }

    pub(super) fn after_sunday(&self) -> i64 {
        (self.millis() + DAY + NOON) / DAY % 7
    }

    /// Days since the first of January.
    pub(super) fn day_of_year(&self) -> i64 {
        let first = days(self.date().0, 1, 1);
        let (hour, minute, second) = self.time();
        let of_day =
            i64::from(hour) * 3_600_000 + i64::from(minute) * 60_000 + (second * 1000.0 + 0.5) as i64;
        (self.millis() - (first + of_day) + NOON) / DAY
    }

    /// The Thursday of the same week, Monday to Sunday.
    pub(super) fn thursday(&self) -> Self {
        let millis = self.millis() + (3 - self.after_monday()) * DAY;
        Self { millis: Some(millis), date: date_of(millis), ..*self }
    }
}

/// Milliseconds at the beginning of a day; a day or month too large goes over into the next.
fn days(year: i32, month: i32, day: i32) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 12) } else { (year, month) };
    let century = (year + 4800) / 100;
    let leap = 38 - century + century / 4;
    let of_years = 36525 * (year + 4716) / 100;
    let of_months = 306_001 * (month + 1) / 10_000;
    ((f64::from(of_years + of_months + day + leap) - 1524.5) * DAY as f64) as i64
}

fn date_of(millis: i64) -> Option<(i32, i32, i32)> {
    if !(0..=LAST).contains(&millis) {
        return None;
    }
    let day = ((millis + NOON) / DAY) as i32;
    let alpha = ((f64::from(day) + 32044.75) / 36524.25) as i32 - 52;
    let a = day + 1 + alpha - (alpha + 100) / 4 + 25;
    let b = a + 1524;
    let c = ((f64::from(b) - 122.1) / 365.25) as i32;
    let d = 36525 * (c & 32767) / 100;
    let e = (f64::from(b - d) / 30.6001) as i32;
    let month = if e < 14 { e - 1 } else { e - 13 };
    let year = if month > 2 { c - 4716 } else { c - 4715 };
    Some((year, month, b - d - (30.6001 * f64::from(e)) as i32))
}

fn time_of(millis: i64) -> (i32, i32, f64) {
    let of_day = ((millis + NOON) % DAY) as i32;
    let minutes = of_day / 60_000;
    (minutes / 60, minutes % 60, f64::from(of_day % 60_000) / 1000.0)
}

fn is_now(text: &str) -> bool {
    ["now", "subsec", "subsecond"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn read_number(text: &str) -> Option<Moment> {
    match parse_number(text)? {
        Scalar::Int(int) => Some(Moment::raw(int as f64)),
        Scalar::Real(real) => Some(Moment::raw(real)),
        _ => None,
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

/// `count` digits between `low` and `high`, and what follows them.
fn digits(text: &str, count: usize, low: i32, high: i32) -> Option<(i32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let number: i32 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    (low..=high).contains(&number).then_some((number, rest))
}

/// `[-]YYYY-MM-DD[ T]HH:MM…`
fn read_date(text: &str) -> Option<Moment> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (year, rest) = digits(text, 4, 0, 14_712)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2, 1, 12)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2, 1, 31)?;
    let rest = rest.trim_start_matches(|character| is_space(character) || character == 'T');
    let mut moment = if rest.is_empty() { Moment::default() } else { read_time(rest)? };
    let mut date = (year, month, day);
    if let Some((24, minute, second)) = moment.time {
        moment.time = Some((0, minute, second));
        date = next_day(date);
    }
    moment.date = Some((if negative { -date.0 } else { date.0 }, date.1, date.2));
    if moment.zone != 0 {
        return Some(Moment { millis: Some(moment.computed()?), ..Moment::default() });
    }
    Some(moment)
}

fn next_day((year, month, day): (i32, i32, i32)) -> (i32, i32, i32) {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    match (day + 1 > length, month) {
        (false, _) => (year, month, day + 1),
        (true, 12) => (year + 1, 1, day + 1 - length),
        (true, _) => (year, month + 1, day + 1 - length),
    }
}

/// `HH:MM[:SS[.FFF]][zone]`
fn read_time(text: &str) -> Option<Moment> {
    let (hour, rest) = digits(text, 2, 0, 24)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2, 0, 59)?;
    let (mut second, mut fraction) = (0, 0.0);
    if let Some(seconds) = rest.strip_prefix(':') {
        (second, rest) = digits(seconds, 2, 0, 59)?;
        (fraction, rest) = read_fraction(rest);
    }
    if hour == 24 && (minute != 0 || second != 0 || fraction != 0.0) {
        return None;
    }
    let zone = read_zone(rest)?;
    let time = Some((hour, minute, f64::from(second) + fraction));
    Some(Moment { time, zone, ..Moment::default() })
}

fn read_fraction(text: &str) -> (f64, &str) {
    let Some(after) = text.strip_prefix('.') else { return (0.0, text) };
    let count = after.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return (0.0, text);
    }
    let (mut number, mut scale) = (0.0, 1.0);
    for byte in after.bytes().take(count) {
        number = number * 10.0 + f64::from(byte) - f64::from(b'0');
        scale *= 10.0;
    }
    let fraction: f64 = number / scale;
    (if fraction > 0.999 { 0.999 } else { fraction }, &after[count..])
}

/// Minutes east of Greenwich; nothing else may follow.
fn read_zone(text: &str) -> Option<i32> {
    let text = text.trim_matches(is_space);
    let (sign, rest) = match text.chars().next() {
        None | Some('Z' | 'z') if text.len() <= 1 => return Some(0),
        Some('+') => (1, &text[1..]),
        Some('-') => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2, 0, 14)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2, 0, 59)?;
    rest.is_empty().then_some(sign * (minutes + hours * 60))
}
