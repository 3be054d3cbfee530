use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value as Json, json};
use tidewire_connection::answer;

/// An answer other than success, with the body that SnackBase gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: StatusCode,
    pub body: Json,
}

impl ApiError {
    pub fn new(status: StatusCode, body: Json) -> Self {
        Self { status, body }
    }

    /// `{"detail": text}`
    pub fn detail(status: StatusCode, text: &str) -> Self {
        Self::new(status, json!({ "detail": text }))
    }

    /// `{"error": error, "message": message}`
    pub fn message(status: StatusCode, error: &str, message: &str) -> Self {
        Self::new(status, json!({ "error": error, "message": message }))
    }

    pub fn internal() -> Self {
        let body = json!({ "error": "Internal server error", "detail": "An unexpected error occurred" });
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, body)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        answer::json(self.status, &self.body)
    }
}
