use crate::error::FieldError;
use tidewire_model::Timestamp;
use tidewire_model::field::DateOptions;

pub(super) fn check(options: &DateOptions, required: bool, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return if required { Err(FieldError::required()) } else { Ok(()) };
    }
    let value = Timestamp::parse(text);
    if let Some(min) = Timestamp::parse(&options.min).filter(|min| value < Some(*min)) {
        let message = format!("Must be no less than {}.", spelled(min));
        return Err(bound("validation_min_greater_equal_than_required", message, min));
    }
    if let Some(max) = Timestamp::parse(&options.max).filter(|max| value > Some(*max)) {
        let message = format!("Must be no greater than {}.", spelled(max));
        return Err(bound("validation_max_less_equal_than_required", message, max));
    }
    Ok(())
}

fn bound(code: &'static str, message: String, at: Timestamp) -> FieldError {
    let threshold = format!("{}Z", short(at).replace(' ', "T"));
    FieldError::new(code, message).with("threshold", threshold)
}

/// "2024-01-01 00:00:00 +0000 UTC"
fn spelled(at: Timestamp) -> String {
    format!("{} +0000 UTC", short(at))
}

/// Without zone and without zeros at the end of the fraction.
fn short(at: Timestamp) -> String {
    at.to_text().trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.').to_owned()
}
