use crate::wire;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value as Json, json};
use tidewire_records::RecordError;
use tidewire_records::error::{Fault, FieldError, FieldErrors};
use tidewire_store::StoreError;

/// A refusal as PocketBase words it: `{"data":{…},"message":"…","status":N}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: StatusCode,
    pub message: String,
    /// faults by field name
    pub data: Map<String, Json>,
}

impl ApiError {
    /// The message becomes a sentence: a capital first, a dot last. An empty one becomes the default of the status.
    pub fn new(status: StatusCode, message: &str) -> Self {
        let message = if message.trim().is_empty() { default_message(status) } else { message };
        Self { status, message: sentence(message), data: Map::new() }
    }

    pub fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "")
    }

    pub fn too_many_requests() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "")
    }

    /// What user code refused with.
    pub fn refused(status: u16, message: &str) -> Self {
        Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), message)
    }

    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "")
    }

    /// Something of PocketBase's that Tidewire does not do yet.
    pub fn unsupported(what: &str) -> Self {
        Self::bad_request(&format!("{what}: not supported yet"))
    }

    pub fn with_faults(mut self, faults: &FieldErrors) -> Self {
        self.data = faults_json(faults);
        self
    }

    pub fn with_fault(mut self, field: &str, code: &str, message: &str) -> Self {
        self.data.insert(field.to_owned(), json!({ "code": code, "message": sentence(message) }));
        self
    }

    /// What an operation on records or collections was refused with; `failure` is the message when the data are at fault.
    pub fn of_record(error: RecordError, failure: &str) -> Self {
        match error {
            RecordError::NotFound => Self::not_found(""),
            RecordError::SuperusersOnly => Self::forbidden("Only superusers can perform this action."),
            RecordError::RuleFailed => Self::bad_request(failure),
            RecordError::Invalid(faults) => Self::bad_request(failure).with_faults(&faults),
            RecordError::Referenced => Self::bad_request(
                "Failed to delete record. Make sure that the record is not part of a required relation reference.",
            ),
            RecordError::BadRequest(_) => Self::bad_request(""),
            RecordError::Forbidden(message) => Self::forbidden(&message),
            RecordError::Unsupported(what) => Self::unsupported(what),
            RecordError::Refused { status, message } => Self::refused(status, &message),
            RecordError::Store(StoreError::NotUnique { fields }) => {
                fields.iter().fold(Self::bad_request(failure), |error, field| {
                    error.with_fault(field, "validation_not_unique", "Value must be unique")
                })
            }
            RecordError::Password(_) => Self::too_many_requests(),
            RecordError::Store(error) => Self::of_store(&error),
        }
    }

    pub fn of_store(error: &StoreError) -> Self {
        tracing::error!(%error, "the store refused a request");
        Self::internal()
    }

    pub fn to_json(&self) -> Json {
        json!({ "data": self.data, "message": self.message, "status": self.status.as_u16() })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = wire::json(self.status, &self.to_json());
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unsettled(_) => Self::of_record(error.into(), ""),
            other => Self::of_store(&other),
        }
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        Self::of_record(error, "")
    }
}

fn default_message(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Missing or invalid authentication.",
        StatusCode::FORBIDDEN => "You are not allowed to perform this request.",
        StatusCode::NOT_FOUND => "The requested resource wasn't found.",
        StatusCode::PAYLOAD_TOO_LARGE => "Request entity too large.",
        StatusCode::TOO_MANY_REQUESTS => "Too Many Requests.",
        _ => "Something went wrong while processing your request.",
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(characters).collect();
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}

fn faults_json(faults: &FieldErrors) -> Map<String, Json> {
    faults.0.iter().map(|(name, fault)| (name.clone(), fault_json(fault))).collect()
}

fn fault_json(fault: &Fault) -> Json {
    match fault {
        Fault::Nested(nested) => Json::Object(faults_json(nested)),
        Fault::Field(FieldError { code, message, params }) => {
            let mut item = json!({ "code": code, "message": sentence(message) });
            if !params.is_empty() {
                item["params"] = Json::Object(params.clone());
            }
            item
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn messages_are_sentences() {
        for (text, expected) in [
            ("failed to create record", "Failed to create record."),
            ("Done?", "Done?"),
            ("", "Something went wrong while processing your request."),
            ("  x ", "X."),
        ] {
            assert_eq!(ApiError::bad_request(text).message, expected);
        }
    }

    #[test]
    fn bodies_are_equal_to_the_byte() {
        let fault = FieldError {
            code: "validation_invalid_value",
            message: "Invalid value bad".into(),
            params: Map::from_iter([("value".to_owned(), json!("bad"))]),
        };
        let faults = FieldErrors(BTreeMap::from([("s".to_owned(), Fault::Field(fault))]));
        let nested =
            FieldErrors(BTreeMap::from([("subscriptions".to_owned(), Fault::Nested(faults.clone()))]));
        for (error, body) in [
            (
                ApiError::not_found("File not found."),
                r#"{"data":{},"message":"File not found.","status":404}"#,
            ),
            (
                ApiError::bad_request("Failed to create record.").with_faults(&faults),
                r#"{"data":{"s":{"code":"validation_invalid_value","message":"Invalid value bad.","params":{"value":"bad"}}},"message":"Failed to create record.","status":400}"#,
            ),
            (
                ApiError::bad_request("").with_faults(&nested),
                r#"{"data":{"subscriptions":{"s":{"code":"validation_invalid_value","message":"Invalid value bad.","params":{"value":"bad"}}}},"message":"Something went wrong while processing your request.","status":400}"#,
            ),
            (ApiError::too_many_requests(), r#"{"data":{},"message":"Too Many Requests.","status":429}"#),
        ] {
            assert_eq!(tidewire_model::json::to_string(&error.to_json()), body);
        }
    }
}
