//! Time macros: `@now` and its like, all in UTC.

use crate::scalar::Scalar;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use std::borrow::Cow;
use tidewire_model::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Macro {
    Now,
    Yesterday,
    Tomorrow,
    TodayStart,
    TodayEnd,
    MonthStart,
    MonthEnd,
    YearStart,
    YearEnd,
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Year,
}

const NAMES: [(&str, Macro); 16] = [
    ("@now", Macro::Now),
    ("@yesterday", Macro::Yesterday),
    ("@tomorrow", Macro::Tomorrow),
    ("@todayStart", Macro::TodayStart),
    ("@todayEnd", Macro::TodayEnd),
    ("@monthStart", Macro::MonthStart),
    ("@monthEnd", Macro::MonthEnd),
    ("@yearStart", Macro::YearStart),
    ("@yearEnd", Macro::YearEnd),
    ("@second", Macro::Second),
    ("@minute", Macro::Minute),
    ("@hour", Macro::Hour),
    ("@day", Macro::Day),
    ("@month", Macro::Month),
    ("@weekday", Macro::Weekday),
    ("@year", Macro::Year),
];

impl Macro {
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    }

    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, of)| *of == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn value(self, now: Timestamp) -> Scalar<'static> {
        const DAY: i64 = 86_400_000;
        let moment = match self {
            Self::Now => now,
            Self::Yesterday => Timestamp(now.0 - DAY),
            Self::Tomorrow => Timestamp(now.0 + DAY),
            _ => return self.of_date(civil(now)),
        };
        Scalar::Text(Cow::Owned(moment.to_text()))
    }

    fn of_date(self, at: DateTime) -> Scalar<'static> {
        let today = at.date();
        let number = match self {
            Self::Second => at.second().into(),
            Self::Minute => at.minute().into(),
            Self::Hour => at.hour().into(),
            Self::Day => at.day().into(),
            Self::Month => at.month().into(),
            Self::Weekday => at.weekday().to_sunday_zero_offset().into(),
            Self::Year => at.year().into(),
            Self::TodayStart => return start(today),
            Self::TodayEnd => return end(today),
            Self::MonthStart => return start(today.first_of_month()),
            Self::MonthEnd => return end(today.last_of_month()),
            Self::YearStart => return start(date(today.year(), 1, 1)),
            _ => return end(date(today.year(), 12, 31)),
        };
        Scalar::Int(number)
    }
}

fn civil(now: Timestamp) -> DateTime {
    let moment = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
    TimeZone::UTC.to_datetime(moment)
}

fn start(day: Date) -> Scalar<'static> {
    Scalar::Text(Cow::Owned(format!("{day} 00:00:00.000Z")))
}

fn end(day: Date) -> Scalar<'static> {
    Scalar::Text(Cow::Owned(format!("{day} 23:59:59.999Z")))
}
