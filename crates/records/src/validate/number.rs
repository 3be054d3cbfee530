use super::plain;
use crate::error::FieldError;
use tidewire_model::field::NumberOptions;
use tidewire_model::{Value, json};

/// Zero passes every bound unless the field is required.
pub(super) fn check(options: &NumberOptions, required: bool, value: &Value) -> Result<(), FieldError> {
    let &Value::Number(number) = value else { return Ok(()) };
    if !number.is_finite() {
        return Err(FieldError::new(
            "validation_not_a_number",
            "The submitted number is not properly formatted.",
        ));
    }
    if number == 0.0 {
        return super::required(required, value);
    }
    if options.only_int && !is_integer(number) {
        return Err(FieldError::new("validation_only_int_constraint", "Decimal numbers are not allowed."));
    }
    if let Some(min) = options.min.filter(|min| number < *min) {
        let message = format!("Must be greater or equal than {}.", plain(min));
        return Err(
            FieldError::new("validation_min_number_constraint", message).with("min", json::number(min))
        );
    }
    if let Some(max) = options.max.filter(|max| number > *max) {
        let message = format!("Must be less or equal than {}.", plain(max));
        return Err(
            FieldError::new("validation_max_number_constraint", message).with("max", json::number(max))
        );
    }
    Ok(())
}

/// Whole, and small enough for 64 bits.
fn is_integer(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0
}
