use super::at_most;
use crate::error::FieldError;
use tidewire_model::Value;
use tidewire_model::field::SelectOptions;

pub(super) fn check(options: &SelectOptions, required: bool, value: &Value) -> Result<(), FieldError> {
    let items = value.items();
    if items.is_empty() {
        return super::required(required, value);
    }
    let max = at_most(options.max_select);
    if items.len() > max {
        return Err(too_many(max));
    }
    if let Some(unknown) = items.iter().find(|item| !options.values.iter().any(|value| &**value == **item)) {
        let message = format!("Invalid value {unknown}.");
        return Err(FieldError::new("validation_invalid_value", message).with("value", *unknown));
    }
    Ok(())
}

pub(super) fn too_many(max: usize) -> FieldError {
    FieldError::new("validation_too_many_values", format!("Select no more than {max}."))
        .with("maxSelect", max)
}
