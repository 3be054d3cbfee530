//! What SnackBase does by mail. There is no mailer: nothing is sent, so no such token exists.

use crate::call::Call;
use crate::error::ApiError;
use crate::wire;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

const PASSWORD_LENGTH: (usize, usize) = (8, 255);

#[derive(Serialize)]
struct ResetToken {
    valid: bool,
    expires_at: Option<String>,
}

/// `POST /auth/forgot-password`: the same answer for everybody.
pub async fn forgot_password(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    form.email("email");
    form.optional_text("account");
    form.check()?;
    let text = "If an account exists with this email, a password reset link has been sent.";
    Ok(wire::message(StatusCode::OK, text))
}

/// `POST /auth/reset-password`
pub async fn reset_password(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    form.text("token");
    form.sized_text("new_password", PASSWORD_LENGTH.0, PASSWORD_LENGTH.1);
    form.check()?;
    Err(ApiError::detail(StatusCode::BAD_REQUEST, "Invalid or expired reset token"))
}

/// `GET /auth/verify-reset-token/{token}`
pub async fn verify_reset_token() -> Response {
    wire::ok(&ResetToken { valid: false, expires_at: None })
}

/// `POST /auth/send-verification` and `/auth/resend-verification`
pub async fn send_verification(call: Call) -> Result<Response, ApiError> {
    let identity = call.user()?;
    if identity.record.bool("verified") {
        return Ok(wire::message(StatusCode::OK, "Email is already verified"));
    }
    let text = "This server sends no mail; a superadmin can verify the address";
    Err(ApiError::detail(StatusCode::BAD_REQUEST, text))
}

/// `POST /auth/verify-email`
pub async fn verify_email(mut call: Call) -> Result<Response, ApiError> {
    let mut form = call.form().await?;
    form.text("token");
    form.check()?;
    Err(ApiError::detail(StatusCode::BAD_REQUEST, "Invalid or expired verification token"))
}
