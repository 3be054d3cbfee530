//! Whether the server is up, and what it is.

use crate::wire;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    audit_logging_enabled: bool,
    encryption_key_configured: bool,
}

#[derive(Serialize)]
struct Api {
    name: &'static str,
    version: &'static str,
    api_version: &'static str,
}

const NAME: &str = "SnackBase";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `GET /health`
pub async fn health() -> Response {
    wire::ok(&Health {
        status: "healthy",
        service: NAME,
        version: VERSION,
        audit_logging_enabled: false,
        encryption_key_configured: true,
    })
}

/// `GET /ready`
pub async fn ready() -> Response {
    wire::ok(&serde_json::json!({ "status": "ready" }))
}

/// `GET /live`
pub async fn live() -> Response {
    wire::ok(&serde_json::json!({ "status": "alive" }))
}

/// `GET /api/v1`
pub async fn api() -> Response {
    wire::ok(&Api { name: NAME, version: VERSION, api_version: "v1" })
}
