//! Whether a body may become a record: JSON types are taken strictly, nothing is converted.

use crate::error::Detail;
use crate::field_type::FieldType;
use crate::record_json::is_system;
use serde_json::Value as Json;
use tidewire_model::{Collection, Field};
use tidewire_records::Body;
use tidewire_records::mask::BULLETS;
use tidewire_records::validate::{email::is_email, iso, url::is_url};

/// What a file field's metadata must have.
const FILE_KEYS: [&str; 4] = ["filename", "size", "mime_type", "path"];

/// What a body is for: that decides what may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Create,
    /// PUT: required fields must be there
    Replace,
    /// PATCH
    Change,
}

/// A fault of a value, not yet of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueFault {
    pub message: String,
    pub code: &'static str,
}

/// All faults: unknown fields first, then in the order of the schema.
pub fn body(collection: &Collection, body: &Body, purpose: Purpose) -> Vec<Detail> {
    let mut details: Vec<Detail> = body.keys().filter_map(|name| unknown(collection, name)).collect();
    for field in &collection.fields {
        if field.hidden || is_system(&field.name) || field.formula().is_some() {
            continue;
        }
        let fault = match body.get(&*field.name) {
            None => missing(field, purpose),
            Some(Json::Null) => required_null(field),
            Some(value) => self::value(field, value).err(),
        };
        details.extend(fault.map(|fault| Detail::new(&field.name, fault.message, fault.code)));
    }
    details
}

/// One value that is not null.
pub fn value(field: &Field, value: &Json) -> Result<(), ValueFault> {
    let kind = FieldType::of(field);
    let encrypted = field.extra.as_ref().is_some_and(|extra| extra.encrypted);
    if encrypted && value == BULLETS {
        return Ok(());
    }
    let of_type = match kind {
        FieldType::Number => value.is_number(),
        FieldType::Boolean => value.is_boolean(),
        FieldType::Json => return json(field, value),
        FieldType::File => return file(field, value),
        FieldType::Computed => true,
        _ => value.is_string(),
    };
    if !of_type {
        return Err(wrong_type(kind.name(), value));
    }
    let (name, text) = (&field.name, value.as_str().unwrap_or(""));
    let fault = match kind {
        FieldType::Email if !is_email(text) => ("invalid_email_format", "Invalid email format"),
        FieldType::Url if !is_url(text) => ("invalid_url_format", "Invalid URL format"),
        FieldType::Datetime if !iso::is_datetime(text) => {
            ("invalid_datetime_format", "Invalid datetime format, expected ISO 8601")
        }
        FieldType::Date if !iso::is_date(text) => {
            ("invalid_date_format", "Invalid date format, expected YYYY-MM-DD")
        }
        FieldType::Reference | FieldType::User if text.is_empty() => {
            ("empty_reference", "Reference cannot be empty")
        }
        _ => return Ok(()),
    };
    Err(ValueFault { message: format!("{} for field '{name}'", fault.1), code: fault.0 })
}

fn unknown(collection: &Collection, name: &str) -> Option<Detail> {
    let known = match collection.field(name) {
        Some(field) => !field.hidden,
        // any key may be one of a document
        None => collection.open,
    };
    let message = || format!("Unknown field '{name}' not defined in collection schema");
    (!known).then(|| Detail::new(name, message(), "unknown_field"))
}

fn missing(field: &Field, purpose: Purpose) -> Option<ValueFault> {
    let has_default = field.extra.as_ref().is_some_and(|extra| !extra.default.is_null());
    let faulty = field.required && !has_default && purpose != Purpose::Change;
    faulty.then(|| ValueFault {
        message: format!("Required field '{}' is missing", field.name),
        code: "required_missing",
    })
}

fn required_null(field: &Field) -> Option<ValueFault> {
    field.required.then(|| ValueFault {
        message: format!("Required field '{}' cannot be null", field.name),
        code: "required_null",
    })
}

/// A text must be JSON itself.
fn json(field: &Field, value: &Json) -> Result<(), ValueFault> {
    let valid = value.as_str().is_none_or(|text| serde_json::from_str::<Json>(text).is_ok());
    if valid {
        return Ok(());
    }
    Err(ValueFault { message: format!("Invalid JSON for field '{}'", field.name), code: "invalid_json" })
}

fn file(field: &Field, value: &Json) -> Result<(), ValueFault> {
    let name = &field.name;
    let Some(metadata) = value.as_object() else { return Err(wrong_type("file", value)) };
    for key in FILE_KEYS {
        let valid = match metadata.get(key) {
            None => {
                let message = format!("Missing file metadata '{key}' for field '{name}'");
                return Err(ValueFault { message, code: "missing_file_metadata" });
            }
            Some(value) if key == "size" => value.is_u64(),
            Some(value) => value.is_string(),
        };
        if !valid {
            let message = format!("Invalid file metadata '{key}' for field '{name}'");
            return Err(ValueFault { message, code: "invalid_file_metadata" });
        }
    }
    Ok(())
}

fn wrong_type(expected: &str, value: &Json) -> ValueFault {
    let found = match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    };
    ValueFault { message: format!("Expected {expected} value, got {found}"), code: "invalid_type" }
}
