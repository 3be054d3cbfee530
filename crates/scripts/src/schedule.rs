use jiff::civil::DateTime;
use std::str::FromStr;

/// When a cron is due: minute, hour, day, month and weekday of UTC, as cron reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// day and weekday are both given: one of them is enough
    either: bool,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    #[error("{0:?} is no schedule: five fields are expected (minute, hour, day, month, weekday)")]
    Fields(String),
    #[error(
        "{text:?} is no {what}: {least} to {most}, as \"*\", \"a\", \"a-b\", with \"/step\", separated by commas"
    )]
    Field { text: String, what: &'static str, least: u8, most: u8 },
}

struct Field {
    what: &'static str,
    least: u8,
    most: u8,
    /// of the values from `least` on
    names: &'static [&'static str],
}

const MINUTE: Field = Field { what: "minute", least: 0, most: 59, names: &[] };
const HOUR: Field = Field { what: "hour", least: 0, most: 23, names: &[] };
const DAY: Field = Field { what: "day", least: 1, most: 31, names: &[] };
const MONTH: Field = Field {
    what: "month",
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// Sunday is 0 and 7.
const WEEKDAY: Field =
    Field { what: "weekday", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Schedule {
    pub fn read(text: &str) -> Result<Self, ScheduleError> {
        let plain = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = plain.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ScheduleError::Fields(text.to_owned()));
        };
        let weekdays = WEEKDAY.read(weekday)?;
        Ok(Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: weekdays | weekdays >> 7 & 1,
            either: !day.starts_with('*') && !weekday.starts_with('*'),
        })
    }

    /// Whether it is due in the minute of this time.
    pub fn is_due(&self, at: DateTime) -> bool {
        let has = |set: u64, value: i8| u32::try_from(value).is_ok_and(|value| set >> value & 1 == 1);
        let day = has(self.days, at.day());
        let weekday = has(self.weekdays, at.weekday().to_sunday_zero_offset());
        has(self.minutes, at.minute())
            && has(self.hours, at.hour())
            && has(self.months, at.month())
            && if self.either { day || weekday } else { day && weekday }
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        Self::read(text)
    }
}

impl Field {
    /// A bit for each value.
    fn read(&self, text: &str) -> Result<u64, ScheduleError> {
        let fault = || ScheduleError::Field {
            text: text.to_owned(),
            what: self.what,
            least: self.least,
            most: self.most,
        };
        text.split(',').try_fold(0, |set, part| Ok(set | self.part(part).ok_or_else(fault)?))
    }

    fn part(&self, text: &str) -> Option<u64> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, step.parse::<u8>().ok().filter(|step| *step > 0)?),
            None => (text, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None if range == "*" => (self.least, self.most),
            None if text.contains('/') => (self.value(range)?, self.most),
            None => (self.value(range)?, self.value(range)?),
        };
        if first > last {
            return None;
        }
        Some((first..=last).step_by(step.into()).fold(0, |set, value| set | 1 << value))
    }

    fn value(&self, text: &str) -> Option<u8> {
        if let Some(place) = self.names.iter().position(|name| text.eq_ignore_ascii_case(name)) {
            return u8::try_from(place).ok().map(|place| place + self.least);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|value| digits && (self.least..=self.most).contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_due_when_cron_says_so() {
        for (schedule, at, due) in [
            ("* * * * *", "2026-11-28T18:51", true),
            ("*/5 * * * *", "2026-11-28T18:50", true),
            ("*/5 * * * *", "2026-11-28T18:51", false),
            ("3/10 * * * *", "2026-11-28T18:53", true),
            ("3/10 * * * *", "2026-11-28T18:50", false),
            ("10-20/5 * * * *", "2026-11-28T18:15", true),
            ("10-20/5 * * * *", "2026-11-28T18:16", false),
            ("0,30 9-17 * * mon-fri", "2026-11-27T09:30", true),
            ("0,30 9-17 * * mon-fri", "2026-11-28T09:30", false),
            ("0 0 * * 7", "2026-11-29T00:00", true),
            ("0 0 * * 0", "2026-11-29T00:00", true),
            ("0 0 * * 5-7", "2026-11-29T00:00", true),
            ("0 0 * * 5-7", "2026-11-30T00:00", false),
            ("0 0 1 JAN *", "2026-01-01T00:00", true),
            ("0 0 1 JAN *", "2026-02-01T00:00", false),
            // day or weekday, if both are given
            ("0 0 1 * mon", "2026-11-30T00:00", true),
            ("0 0 1 * mon", "2026-12-01T00:00", true),
            ("0 0 1 * mon", "2026-12-02T00:00", false),
            ("@hourly", "2026-11-28T18:00", true),
            ("@daily", "2026-11-28T18:00", false),
            ("@weekly", "2026-11-29T00:00", true),
            ("@monthly", "2026-11-01T00:00", true),
            ("@yearly", "2026-01-01T00:00", true),
        ] {
            let at: DateTime = at.parse().unwrap();
            assert_eq!(Schedule::read(schedule).unwrap().is_due(at), due, "{schedule} at {at}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "+5 * * * *",
            "a * * * *",
            ", * * * *",
            "@never",
            "1-2-3 * * * *",
            "*/300 * * * *",
        ] {
            assert!(Schedule::read(text).is_err(), "{text:?}");
        }
    }
}
