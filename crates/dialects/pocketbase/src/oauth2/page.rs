//! Where a redirect ends: two texts, of which the address after `#` shows one. No script is needed for that.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};

const HTML: &str = include_str!("page.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /_/`
pub async fn page() -> Response {
    let mut response = Html(HTML).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
