//! What PocketBase has and Tidewire does not yet: refused in so many words.

use crate::call::Call;
use crate::error::ApiError;
use crate::records::MISSING_OR_INVALID;

/// `GET /api/files/{collection}/{record}/{file}`
pub async fn file(call: Call) -> Result<(), ApiError> {
    call.collection(MISSING_OR_INVALID)?;
    Err(ApiError::not_found("Files: not supported yet"))
}

/// `POST /api/files/token`
pub async fn file_token(call: Call) -> Result<(), ApiError> {
    call.require_auth()?;
    Err(ApiError::unsupported("Files"))
}

/// Ways to sign in, and mails.
pub async fn sign_in(call: Call) -> Result<(), ApiError> {
    crate::auth::auth_collection(&call, MISSING_OR_INVALID)?;
    Err(ApiError::unsupported("This way to authenticate"))
}

/// What only superusers reach: logs, crons, backups, view queries, …
pub async fn maintenance(call: Call) -> Result<(), ApiError> {
    call.require_superuser()?;
    Err(ApiError::unsupported("This operation"))
}
