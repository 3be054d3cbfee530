//! Faults of fields, for bodies that are checked here.

use serde_json::{Map, Value as Json, json};
use tidewire_records::error::{Fault, FieldError};

pub fn fault(code: &'static str, message: &str, params: Map<String, Json>) -> Fault {
    Fault::Field(FieldError { code, message: message.to_owned(), params })
}

pub fn blank() -> Fault {
    fault("validation_required", "Cannot be blank.", Map::new())
}

/// For values that have no least length.
pub fn too_long(max: usize) -> Fault {
    let params = Map::from_iter([("max".to_owned(), json!(max)), ("min".to_owned(), json!(0))]);
    fault("validation_length_too_long", &format!("The length must be no more than {max}."), params)
}

/// For values between one and `max` long.
pub fn out_of_range(max: usize) -> Fault {
    let params = Map::from_iter([("max".to_owned(), json!(max)), ("min".to_owned(), json!(1))]);
    fault("validation_length_out_of_range", &format!("The length must be between 1 and {max}."), params)
}
