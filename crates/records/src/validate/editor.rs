use crate::error::FieldError;
use tidewire_model::field::EditorOptions;

const DEFAULT_MAX_SIZE: u64 = 5 << 20;

pub(super) fn check(options: &EditorOptions, required: bool, text: &str) -> Result<(), FieldError> {
    if required && text.is_empty() {
        return Err(FieldError::required());
    }
    let max = if options.max_size == 0 { DEFAULT_MAX_SIZE } else { options.max_size };
    if text.len() as u64 > max {
        let message = format!("The maximum allowed content size is {max} bytes.");
        return Err(FieldError::new("validation_content_size_limit", message).with("maxSize", max));
    }
    Ok(())
}
