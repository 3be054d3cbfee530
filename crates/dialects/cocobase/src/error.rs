use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use tidewire_connection::answer;

/// An answer other than success: `{"detail": text}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: StatusCode,
    pub detail: String,
}

impl ApiError {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
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
