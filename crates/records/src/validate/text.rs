use crate::error::FieldError;
use crate::pattern;
use tidewire_model::field::TextOptions;

/// Characters, if the field does not say.
const DEFAULT_MAX: u64 = 5000;
/// Not allowed in ids of collections with a pattern of their own: ids become paths.
const FORBIDDEN: &str = "./\\|\"'`<>:?*%$\0\t\n\r ";
/// Names that some file systems keep for themselves.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

pub(super) fn check(options: &TextOptions, required: bool, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return if required || options.primary_key { Err(FieldError::required()) } else { Ok(()) };
    }
    let length = text.chars().count() as u64;
    if options.min > 0 && length < options.min {
        let message = format!("Must be at least {} character(s).", options.min);
        return Err(FieldError::new("validation_min_text_constraint", message).with("min", options.min));
    }
    let max = if options.max == 0 { DEFAULT_MAX } else { options.max };
    if length > max {
        let message = format!("Must be no more than {max} character(s).");
        return Err(FieldError::new("validation_max_text_constraint", message).with("max", max));
    }
    if !options.pattern.is_empty() && !pattern::matches(&options.pattern, text) {
        return Err(FieldError::new("validation_invalid_format", "Invalid value format."));
    }
    if options.primary_key && &*options.pattern != pattern::RECORD_ID {
        return id(text);
    }
    Ok(())
}

fn id(text: &str) -> Result<(), FieldError> {
    if let Some(character) = FORBIDDEN.chars().find(|character| text.contains(*character)) {
        let message = format!("'{character}' is not a valid primary key character.");
        return Err(
            FieldError::new("validation_forbidden_pk_character", message).with("ch", character.to_string())
        );
    }
    if is_reserved(&text.to_ascii_lowercase()) {
        let reserved = text.to_ascii_uppercase();
        let message = format!("The primary key '{reserved}' is reserved and cannot be used.");
        return Err(FieldError::new("validation_reserved_pk", message).with("reserved", reserved));
    }
    Ok(())
}

fn is_reserved(lower: &str) -> bool {
    let port = lower.strip_prefix("com").or_else(|| lower.strip_prefix("lpt"));
    RESERVED.contains(&lower) || port.is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
}
