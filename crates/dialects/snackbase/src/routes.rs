use crate::error::ApiError;
use crate::{
    App, accounts, api_keys, auth, collections, cors, groups, health, invitations, marks, realtime, records,
    roles, users,
};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use tidewire_connection::panic;

/// Where all paths but those of health are.
pub const PREFIX: &str = "/api/v1";

/// Every path of the dialect, with the headers, the errors and the cross-origin answers that all of them share.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/live", get(health::live))
        .nest(
            PREFIX,
            paths().fallback(unknown).method_not_allowed_fallback(wrong_method).layer(from_fn(no_socket)),
        )
        .layer(from_fn(recover))
        .layer(from_fn_with_state(app.clone(), cors::cors))
        .layer(from_fn(marks::mark))
        .with_state(app)
}

fn paths() -> Router<App> {
    Router::new()
        .route("/", get(health::api))
        .merge(accounts::routes())
        .merge(api_keys::routes())
        .merge(collections::routes())
        .merge(records::routes())
        .merge(auth::routes())
        .merge(groups::routes())
        .merge(invitations::routes())
        .merge(roles::routes())
        .merge(users::routes())
        .merge(realtime::routes())
}

async fn unknown() -> Response {
    ApiError::detail(StatusCode::NOT_FOUND, "Not Found").into_response()
}

async fn wrong_method() -> Response {
    ApiError::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into_response()
}

/// Only one path is a WebSocket's.
async fn no_socket(request: Request, next: Next) -> Response {
    let upgrade = request.headers().get(header::UPGRADE);
    let is_socket = upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if is_socket && request.uri().path() != "/realtime/ws" {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

async fn recover(request: Request, next: Next) -> Response {
    panic::recover(request, next, || ApiError::internal().into_response()).await
}
