//! Faults of definitions with PocketBase's codes and texts.

use crate::error::{Fault, FieldError, FieldErrors};
use serde_json::{Value as Json, json};

/// Faults by path; of several on one path the first stays.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) FieldErrors);

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    pub(crate) fn add(&mut self, path: &[&str], fault: Fault) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut level = &mut self.0;
        for parent in parents {
            let slot =
                level.0.entry((*parent).to_string()).or_insert_with(|| Fault::Nested(FieldErrors::default()));
            let Fault::Nested(nested) = slot else { return };
            level = nested;
        }
        level.0.entry((*last).to_string()).or_insert(fault);
    }

    /// Adds the fault if there is one.
    pub(crate) fn check(&mut self, path: &[&str], fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.add(path, fault);
        }
    }
}

pub(crate) fn fault(code: &'static str, message: impl Into<String>) -> Fault {
    with(code, message, Json::Null)
}

/// A fault with parameters; anything but an object means none.
pub(crate) fn with(code: &'static str, message: impl Into<String>, params: Json) -> Fault {
    let params = match params {
        Json::Object(params) => params,
        _ => serde_json::Map::new(),
    };
    Fault::Field(FieldError { code, message: message.into(), params })
}

pub(crate) fn required() -> Fault {
    fault("validation_required", "Cannot be blank.")
}

pub(crate) fn in_list() -> Fault {
    fault("validation_in_invalid", "Must be a valid value.")
}

pub(crate) fn not_in_list() -> Fault {
    fault("validation_not_in_invalid", "Must not be in list.")
}

pub(crate) fn format() -> Fault {
    fault("validation_match_invalid", "Must be in a valid format.")
}

pub(crate) fn blank() -> Fault {
    fault("validation_empty", "Must be blank.")
}

pub(crate) fn length(text: &str, min: usize, max: usize) -> Option<Fault> {
    let fits = text.is_empty() || (min..=max).contains(&text.len());
    let message = || format!("The length must be between {min} and {max}.");
    (!fits).then(|| with("validation_length_out_of_range", message(), json!({ "max": max, "min": min })))
}

pub(crate) fn at_least(threshold: u64) -> Fault {
    with(
        "validation_min_greater_equal_than_required",
        format!("Must be no less than {threshold}."),
        json!({ "threshold": threshold }),
    )
}

pub(crate) fn at_most(threshold: u64) -> Fault {
    with(
        "validation_max_less_equal_than_required",
        format!("Must be no greater than {threshold}."),
        json!({ "threshold": threshold }),
    )
}

/// Bounds of an option for which 0 means unset.
pub(crate) fn range(value: u64, min: u64, max: u64) -> Option<Fault> {
    if value == 0 {
        None
    } else if value < min {
        Some(at_least(min))
    } else if value > max {
        Some(at_most(max))
    } else {
        None
    }
}

/// True for `\w+`.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name would read as a back relation.
pub(crate) fn has_via(text: &str) -> Option<Fault> {
    text.to_lowercase()
        .contains("_via_")
        .then(|| fault("validation_found_via", "The value cannot contain \"_via_\"."))
}
