use crate::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tidewire_connection::panic;

/// Every path of the dialect.
pub fn routes(app: App) -> Router {
    Router::new()
        .nest("/api/v1", paths().fallback(unknown).method_not_allowed_fallback(wrong_method))
        .layer(from_fn(recover))
        .with_state(app)
}

fn paths() -> Router<App> {
    Router::new()
}

async fn unknown() -> Response {
    ApiError::detail(StatusCode::NOT_FOUND, "Not Found").into_response()
}

async fn wrong_method() -> Response {
    ApiError::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response()
}

async fn recover(request: Request, next: Next) -> Response {
    panic::recover(request, next, || ApiError::internal().into_response()).await
}
