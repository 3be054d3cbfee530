use crate::error::ApiError;
use crate::unsupported::{file, file_token, maintenance, sign_in};
use crate::{App, auth, batch, collections, cors, health, oauth2, panic, realtime, records, settings, wire};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::{Method, header};

/// Every path of the dialect, with the headers, the errors and the cross-origin answers that all of them share.
pub fn routes(app: App) -> Router {
    let origins = from_fn_with_state(app.clone(), cors::cors);
    // nested, so that the layers also see the header that axum adds where the method is unknown
    Router::new()
        .fallback_service(paths().with_state(app))
        .layer(from_fn(panic::recover))
        .layer(origins)
        .layer(map_response(common_headers))
}

fn paths() -> Router<App> {
    Router::new()
        .route("/api/health", get(health::health))
        .route("/api/batch", post(batch::batch))
        .route("/api/settings", get(settings::view).patch(settings::update))
        .merge(collection_routes())
        .merge(record_routes())
        .merge(auth_routes())
        .merge(missing_routes())
        .merge(realtime::routes())
        .route("/api/oauth2-redirect", get(oauth2::redirect::redirect).post(oauth2::redirect::redirect))
        .route("/_/", get(oauth2::page))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
}

fn collection_routes() -> Router<App> {
    let one = get(collections::view).patch(collections::update).delete(collections::delete);
    Router::new()
        .route("/api/collections", get(collections::list).post(collections::create))
        .route("/api/collections/import", one.clone().put(collections::import))
        .route("/api/collections/meta/scaffolds", get(collections::scaffolds))
        .route("/api/collections/meta/oauth2-providers", get(oauth2::providers))
        .route("/api/collections/{collection}", one)
        .route("/api/collections/{collection}/truncate", delete(collections::truncate))
}

fn record_routes() -> Router<App> {
    let one = get(records::view).patch(records::update).delete(records::delete);
    Router::new()
        .route("/api/collections/{collection}/records", get(records::list).post(records::create))
        .route("/api/collections/{collection}/records/count", get(records::count))
        .route("/api/collections/{collection}/records/{id}", one)
}

fn auth_routes() -> Router<App> {
    let below = |path: &str| format!("/api/collections/{{collection}}/{path}");
    let mut router = Router::new()
        .route(&below("auth-with-password"), post(auth::with_password))
        .route(&below("auth-with-oauth2"), post(oauth2::sign_in))
        .route(&below("auth-refresh"), post(auth::refresh))
        .route(&below("auth-methods"), get(auth::methods))
        .route(&below("impersonate/{id}"), post(auth::impersonate));
    for path in [
        "auth-with-otp",
        "request-otp",
        "request-verification",
        "confirm-verification",
        "request-password-reset",
        "confirm-password-reset",
        "request-email-change",
        "confirm-email-change",
    ] {
        router = router.route(&below(path), post(sign_in));
    }
    router
}

/// Paths of what does not exist yet.
fn missing_routes() -> Router<App> {
    Router::new()
        .route("/api/files/token", post(file_token))
        .route("/api/files/{collection}/{record}/{file}", get(file))
        .route("/api/collections/meta/dry-run-view", post(maintenance))
        .route("/api/settings/test/s3", post(maintenance))
        .route("/api/settings/test/email", post(maintenance))
        .route("/api/settings/apple/generate-client-secret", post(maintenance))
        .route("/api/logs", get(maintenance).delete(maintenance))
        .route("/api/logs/stats", get(maintenance))
        .route("/api/logs/{id}", get(maintenance))
        .route("/api/crons", get(maintenance))
        .route("/api/crons/{id}", post(maintenance))
        .route("/api/backups", get(maintenance).post(maintenance))
        .route("/api/backups/upload", post(maintenance))
        .route("/api/backups/{key}", get(maintenance).delete(maintenance))
        .route("/api/backups/{key}/restore", post(maintenance))
        .route("/api/sql", post(maintenance))
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
