use crate::wire;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value as Json, json};
use tidewire_auth::PasswordError;
use tidewire_records::RecordError;
use tidewire_store::StoreError;

/// An answer other than success, with the body that SnackBase gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: StatusCode,
    /// JSON text
    pub body: String,
    pub header: Option<(HeaderName, HeaderValue)>,
}

/// One fault of one field, as `details` lists them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    pub field: String,
    pub message: String,
    pub code: String,
}

impl Detail {
    pub fn new(field: &str, message: impl Into<String>, code: &str) -> Self {
        Self { field: field.to_owned(), message: message.into(), code: code.to_owned() }
    }
}

impl ApiError {
    /// Members of objects come in the order of `body`'s serialization.
    pub fn new(status: StatusCode, body: impl Serialize) -> Self {
        Self { status, body: serde_json::to_string(&body).unwrap_or_default(), header: None }
    }

    /// `{"detail": text}`
    pub fn detail(status: StatusCode, text: &str) -> Self {
        Self::new(status, json!({ "detail": text }))
    }

    /// `{"error": error, "message": message}`
    pub fn message(status: StatusCode, error: &str, message: &str) -> Self {
        Self::new(status, json!({ "error": error, "message": message }))
    }

    /// 400 with faults by field.
    pub fn validation(details: &[Detail]) -> Self {
        #[derive(Serialize)]
        struct Faults<'a> {
            error: &'static str,
            details: &'a [Detail],
        }
        Self::new(StatusCode::BAD_REQUEST, Faults { error: "Validation error", details })
    }

    /// 409 for a value that another one has already.
    pub fn conflict(message: &str, field: &str) -> Self {
        #[derive(Serialize)]
        struct Conflict<'a> {
            error: &'static str,
            message: &'a str,
            field: &'a str,
        }
        Self::new(StatusCode::CONFLICT, Conflict { error: "Conflict", message, field })
    }

    /// 401 of a request that shows no token, or a bad one.
    pub fn unauthorized(text: &str) -> Self {
        let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Self { header: Some(challenge), ..Self::detail(StatusCode::UNAUTHORIZED, text) }
    }

    /// 401 of a sign-in.
    pub fn not_authenticated(message: &str) -> Self {
        Self::message(StatusCode::UNAUTHORIZED, "Authentication failed", message)
    }

    pub fn forbidden(text: &str) -> Self {
        Self::detail(StatusCode::FORBIDDEN, text)
    }

    /// `{"error": "Not found", "message": message}`
    pub fn not_found(message: &str) -> Self {
        Self::message(StatusCode::NOT_FOUND, "Not found", message)
    }

    /// 422 with what the request model says of the request.
    pub fn unprocessable(faults: &[Json]) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": faults }))
    }

    pub fn too_many_requests(message: &str, seconds: u64) -> Self {
        let wait = (header::RETRY_AFTER, HeaderValue::from(seconds));
        Self {
            header: Some(wait),
            ..Self::message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", message)
        }
    }

    pub fn internal() -> Self {
        #[derive(Serialize)]
        struct Internal {
            error: &'static str,
            detail: &'static str,
        }
        let body = Internal { error: "Internal server error", detail: "An unexpected error occurred" };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, body)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = wire::raw_json(self.status, self.body.into_bytes());
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Unsettled(_) = error {
            return RecordError::from(error).into();
        }
        tracing::error!(%error, "the store failed");
        Self::internal()
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::too_many_requests("Too many sign-ins are waiting.", 1),
            PasswordError::TooLong => {
                let fault = Detail::new("password", "Password is too long", "password_too_long");
                Self::validation(&[fault])
            }
            PasswordError::Failed => Self::internal(),
        }
    }
}

/// Where a handler knows of nothing better to say.
impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotFound => Self::not_found("Record not found"),
            RecordError::SuperusersOnly => Self::forbidden("Permission denied"),
            RecordError::RuleFailed => {
                Self::detail(StatusCode::BAD_REQUEST, "Record does not satisfy collection rules")
            }
            RecordError::BadRequest(text) => Self::detail(StatusCode::BAD_REQUEST, &text),
            RecordError::Forbidden(text) => Self::forbidden(&text),
            RecordError::Refused { status, message } => {
                Self::detail(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), &message)
            }
            RecordError::Password(error) => error.into(),
            RecordError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "a write failed");
                Self::internal()
            }
        }
    }
}
