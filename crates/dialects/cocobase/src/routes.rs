use crate::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tidewire_connection::panic;

/// Every path of the dialect.
pub fn routes(app: App) -> Router {
    paths().layer(from_fn(recover)).with_state(app)
}

fn paths() -> Router<App> {
    Router::new().merge(crate::realtime::paths())
}

async fn recover(request: Request, next: Next) -> Response {
    panic::recover(request, next, || ApiError::internal().into_response()).await
}
