//! What CocoBase has and Tidewire does not do yet: a plain answer instead of silence.

use crate::body;
use crate::call::Call;
use crate::error::ApiError;
use axum::response::Response;

/// Ways to sign in and to confirm an address that need a mailer or another service.
pub const USERS: [&str; 10] = [
    "/auth-collections/forgot-password",
    "/auth-collections/2fa/enable",
    "/auth-collections/2fa/disable",
    "/auth-collections/2fa/send-code",
    "/auth-collections/2fa/verify",
    "/auth-collections/verify-email/send",
    "/auth-collections/verify-email/verify",
    "/auth-collections/verify-email/resend",
    "/auth-collections/google-verify",
    "/auth-collections/github-verify",
];

pub async fn users(_: Call) -> Result<Response, ApiError> {
    Err(ApiError::unsupported("This way to sign in or to confirm an address is not supported yet"))
}

pub async fn files(call: Call) -> Result<Response, ApiError> {
    Err(body::refuse_files(call.into_body()).await)
}
