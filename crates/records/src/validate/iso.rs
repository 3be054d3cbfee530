//! Dates and times that are kept as the ISO 8601 text they came as.

use crate::error::FieldError;
use jiff::civil::{Date, DateTime};

/// Checks the text of a field that has one of these labels.
pub(super) fn check(label: &str, text: &str) -> Result<(), FieldError> {
    let valid = match label {
        "datetime" => is_datetime(text),
        "date" => is_date(text),
        _ => true,
    };
    if valid {
        Ok(())
    } else {
        Err(FieldError::new("validation_invalid_date", "Must be a valid ISO 8601 date."))
    }
}

/// With or without a zone; a date alone is its midnight.
pub fn is_datetime(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok() || text.parse::<DateTime>().is_ok() || is_date(text)
}

/// YYYY-MM-DD
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_texts_are_told_from_others() {
        for (text, date, datetime) in [
            ("2026-01-02", true, true),
            ("2026-01-02T03:04:05Z", false, true),
            ("2026-01-02 03:04:05.123456+02:00", false, true),
            ("2026-01-02T03:04", false, true),
            ("2026-13-02", false, false),
            ("20260102xx", false, false),
            ("tomorrow", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_date(text), is_datetime(text)), (date, datetime), "{text}");
        }
    }
}
