//! The first page: what Tidewire is, seen moving. Everything it needs is embedded.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};

const HTML: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");

/// Nothing is loaded from elsewhere, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `demo`: whether the collection of that name is kept in motion.
pub fn routes<S: Clone + Send + Sync + 'static>(demo: bool) -> Router<S> {
    let html = HTML.replace("{{demo}}", if demo { "on" } else { "off" });
    Router::new()
        .route("/", get(async move || file("text/html; charset=utf-8", html)))
        .route("/_/tidewire.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/_/tidewire.css", get(async || file("text/css; charset=utf-8", STYLE)))
}

fn file(kind: &'static str, content: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    ];
    (headers, content).into_response()
}
