use crate::error::ApiError;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub async fn recover(request: Request, next: Next) -> Response {
    tidewire_connection::panic::recover(request, next, || ApiError::internal().into_response()).await
}
