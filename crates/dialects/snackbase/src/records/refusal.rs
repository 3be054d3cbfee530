//! What the records crate refuses, in SnackBase's words.

use crate::error::{ApiError, Detail};
use http::StatusCode;
use tidewire_records::RecordError;
use tidewire_records::error::{Fault, FieldErrors};

/// The answer to a single operation.
pub fn of(error: RecordError) -> ApiError {
    match error {
        RecordError::Invalid(faults) => match conflict(&faults) {
            Some(field) => not_unique(&field),
            None => ApiError::validation(&details(&faults)),
        },
        RecordError::Referenced => {
            let text = "Cannot delete record: it is referenced by other records";
            ApiError::message(StatusCode::CONFLICT, "Conflict", text)
        }
        other => other.into(),
    }
}

/// Faults of fields with SnackBase's codes.
pub fn details(faults: &FieldErrors) -> Vec<Detail> {
    let each = faults.0.iter().map(|(field, fault)| {
        let (code, message) = match fault {
            Fault::Field(error) => (error.code, error.message.as_str()),
            Fault::Nested(_) => ("", "Invalid value"),
        };
        match code {
            "validation_missing_rel_records" | "validation_missing_rel_collection" => {
                let message = format!("Referenced record for field '{field}' does not exist");
                Detail::new(field, message, "invalid_reference")
            }
            "validation_required" => {
                Detail::new(field, format!("Required field '{field}' cannot be null"), "required_null")
            }
            code => Detail::new(field, message, code.trim_start_matches("validation_")),
        }
    });
    each.collect()
}

/// The field whose value another record has already.
pub fn conflict(faults: &FieldErrors) -> Option<String> {
    let is_it = |fault: &Fault| matches!(fault, Fault::Field(error) if error.code == "validation_not_unique");
    faults.0.iter().find(|(_, fault)| is_it(fault)).map(|(field, _)| field.clone())
}

pub fn not_unique(field: &str) -> ApiError {
    ApiError::conflict(&format!("A record with this value for '{field}' already exists"), field)
}

/// Filters that cannot be understood.
pub fn of_filter(error: RecordError) -> ApiError {
    match error {
        RecordError::BadRequest(text) | RecordError::Forbidden(text) => {
            ApiError::message(StatusCode::BAD_REQUEST, "Invalid filter expression", &text)
        }
        other => of(other),
    }
}
