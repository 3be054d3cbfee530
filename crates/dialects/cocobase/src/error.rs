use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value as Json, json};
use tidewire_auth::PasswordError;
use tidewire_connection::answer;
use tidewire_records::RecordError;
use tidewire_records::error::Fault;
use tidewire_store::StoreError;

/// An answer other than success: `{"detail": text}`, or a list of faults for a body that cannot be taken.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: StatusCode,
    pub detail: Json,
}

impl ApiError {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: Json::String(detail.into()) }
    }

    pub fn bad_request(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn unsupported(detail: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, detail)
    }

    /// One fault of a body or query.
    pub fn invalid(place: &[&str], kind: &str, message: &str) -> Self {
        let detail = json!([{ "type": kind, "loc": place, "msg": message }]);
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail }
    }

    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        answer::json(self.status, &json!({ "detail": self.detail }))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        RecordError::from(error).into()
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        RecordError::from(error).into()
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotFound => Self::not_found("Document not found"),
            RecordError::SuperusersOnly | RecordError::RuleFailed => Self::forbidden(FORBIDDEN),
            RecordError::Invalid(faults) => {
                let faults = faults.0.iter().map(|(field, fault)| {
                    json!({ "type": "value_error", "loc": ["body", field], "msg": message(fault) })
                });
                Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail: faults.collect() }
            }
            RecordError::Referenced => Self::bad_request("The document is part of a required relation"),
            RecordError::BadRequest(text) => Self::bad_request(&text),
            RecordError::Forbidden(text) => Self::forbidden(&text),
            RecordError::Refused { status, message } => {
                Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), message)
            }
            RecordError::Unsupported(what) => Self::unsupported(&format!("{what} are not supported yet")),
            RecordError::Password(PasswordError::Busy) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
            }
            RecordError::Password(PasswordError::TooLong) => {
                Self::invalid(&["body", "password"], "string_too_long", "The password is too long")
            }
            RecordError::Store(StoreError::NotUnique { .. }) => {
                Self::bad_request("A document with this id already exists")
            }
            other => {
                tracing::error!(error = %other, "a request failed");
                Self::internal()
            }
        }
    }
}

/// What somebody without the needed role or rule is told.
pub const FORBIDDEN: &str = "Insufficient permissions";

fn message(fault: &Fault) -> String {
    match fault {
        Fault::Field(error) => error.message.to_string(),
        _ => "Invalid value".to_owned(),
    }
}
