use crate::error::FieldError;
use tidewire_model::Value;

pub(super) fn check(required: bool, value: &Value) -> Result<(), FieldError> {
    let Value::Geo(point) = value else { return Ok(()) };
    if !(-90.0..=90.0).contains(&point.lat) {
        return Err(FieldError::new(
            "validation_invalid_latitude",
            "Latitude must be between -90 and 90 degrees.",
        ));
    }
    if !(-180.0..=180.0).contains(&point.lon) {
        return Err(FieldError::new(
            "validation_invalid_longitude",
            "Longitude must be between -180 and 180 degrees.",
        ));
    }
    super::required(required, value)
}
