use crate::error::ApiError;
use crate::{App, cors, health, panic, wire};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, header};

/// Every path of the dialect, with the headers, the errors and the cross-origin answers that all of them share.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/health", get(health::health))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(from_fn(panic::recover))
        .layer(from_fn(cors::cors))
        .layer(map_response(common_headers))
        .with_state(app)
}

/// An unknown path, or one that is known with other methods.
async fn unknown(request: Request) -> Response {
    let message = match *request.method() {
        Method::GET | Method::HEAD => "File not found.",
        _ => "",
    };
    ApiError::not_found(message).into_response()
}

async fn common_headers(mut response: Response) -> Response {
    wire::secure(response.headers_mut());
    response.headers_mut().remove(header::ALLOW);
    response
}
