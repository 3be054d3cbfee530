use crate::error::FieldError;
use crate::pattern;
use tidewire_model::field::PasswordOptions;

/// Characters, if the field does not say.
const DEFAULT_MAX: u64 = 71;

/// Checks a password as it was typed. Its faults carry no parameters.
pub(crate) fn plain(options: &PasswordOptions, password: &str) -> Result<(), FieldError> {
    if password.is_empty() {
        return Ok(());
    }
    let length = password.chars().count() as u64;
    if length < options.min {
        let message = format!("Must be at least {} character(s).", options.min);
        return Err(FieldError::new("validation_min_text_constraint", message));
    }
    let max = if options.max == 0 { DEFAULT_MAX } else { options.max };
    if length > max {
        let message = format!("Must be less than {max} character(s).");
        return Err(FieldError::new("validation_max_text_constraint", message));
    }
    if !options.pattern.is_empty() && !pattern::matches(&options.pattern, password) {
        return Err(FieldError::new("validation_invalid_format", "Invalid value format."));
    }
    Ok(())
}
