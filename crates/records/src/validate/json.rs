use crate::error::FieldError;
use tidewire_model::Value;
use tidewire_model::field::JsonOptions;

const DEFAULT_MAX_SIZE: u64 = 1 << 20;

pub(super) fn check(options: &JsonOptions, required: bool, value: &Value) -> Result<(), FieldError> {
    let Value::Json(json) = value else { return Ok(()) };
    let max = if options.max_size == 0 { DEFAULT_MAX_SIZE } else { options.max_size };
    if tidewire_model::json::to_string(json).len() as u64 > max {
        let message = format!("The maximum allowed JSON size is {max} bytes.");
        return Err(FieldError::new("validation_json_size_limit", message).with("maxSize", max));
    }
    super::required(required, value)
}
