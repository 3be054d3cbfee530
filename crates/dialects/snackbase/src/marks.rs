//! Headers that every answer has.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use tidewire_model::id;

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const CORRELATION_BYTES_MAX: usize = 128;

/// A request keeps the name that it came with, or is given one; browsers are told what not to do with an answer.
pub async fn mark(request: Request, next: Next) -> Response {
    let own = request.headers().get(&CORRELATION).filter(|value| value.len() <= CORRELATION_BYTES_MAX);
    let name = own.cloned().or_else(|| HeaderValue::try_from(new_name()).ok());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.extend(name.map(|name| (CORRELATION, name)));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; frame-ancestors 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn new_name() -> String {
    format!("cid_{}", &id::hex(12))
}
