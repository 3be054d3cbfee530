use super::at_most;
use crate::error::FieldError;
use tidewire_model::Value;
use tidewire_model::field::FileOptions;

/// Bytes of a name that an error repeats.
const SHOWN_NAME: usize = 250;

/// Only names that the record has already may be set: files cannot be uploaded yet.
pub(super) fn check(
    options: &FileOptions,
    required: bool,
    value: &Value,
    old: Option<&Value>,
) -> Result<(), FieldError> {
    let names = value.items();
    if names.is_empty() {
        return super::required(required, value);
    }
    let known = old.map(Value::items).unwrap_or_default();
    let invalid: Vec<&str> =
        names.iter().filter(|name| !known.contains(name)).map(|name| shorten(name)).collect();
    if !invalid.is_empty() {
        let message = format!("Invalid new files: [{}].", invalid.join(" "));
        return Err(FieldError::new("validation_invalid_file", message).with("invalidFiles", invalid));
    }
    let max = at_most(options.max_select);
    if names.len() > max {
        let message = format!("The maximum allowed files is {max}.");
        return Err(FieldError::new("validation_too_many_files", message).with("maxSelect", max));
    }
    Ok(())
}

fn shorten(name: &str) -> &str {
    let end = (0..=SHOWN_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or(0)]
}
