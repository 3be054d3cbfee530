//! WebSocket `/api/v1/realtime/ws` and event stream `/api/v1/realtime/subscribe`.

mod admission;
mod command;
mod encoder;
mod frame;
mod interest;
mod options;
mod permission;
mod snapshot;
mod start;
mod stream;
mod subscriptions;
mod wanted;
mod websocket;

pub use options::Options;

use crate::App;
use crate::error::ApiError;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use tidewire_auth::{Attempts, Bounds};
use tidewire_connection::snapshot::Snapshots;

/// Refused connects of one address before it is told to wait: SDKs come back for ever.
const REFUSALS: Bounds = Bounds { per_identity: 120, per_address: 120, window: 60, entries: 20_000 };

/// The realtime side of the dialect.
pub struct Realtime {
    pub options: Options,
    refusals: Attempts,
    snapshots: Snapshots,
}

impl Realtime {
    pub fn new(options: Options) -> Self {
        let refusals = Attempts::new(options.rate_limit.then_some(REFUSALS));
        Self { options, refusals, snapshots: Snapshots::default() }
    }
}

pub fn routes() -> Router<App> {
    Router::new()
        .route("/realtime/ws", get(websocket::connect))
        .route("/realtime/subscribe", get(stream::connect))
}

/// The address was refused too often.
fn too_many() -> Response {
    let seconds = REFUSALS.window;
    let text = format!("Rate limit exceeded. Try again in {seconds} seconds.");
    let body = serde_json::json!({ "error": "Too Many Requests", "detail": text });
    let mut response = ApiError::new(StatusCode::TOO_MANY_REQUESTS, body).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
