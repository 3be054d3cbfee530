//! Answers as bytes.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value as Json;
use tidewire_model::json::{self, Escape};

/// An answer with this JSON.
pub fn json(status: StatusCode, json: &Json) -> Response {
    let mut text = Vec::with_capacity(256);
    json::write(&mut text, json, Escape::Minimal);
    raw_json(status, text)
}

/// An answer with JSON text that is ready.
pub fn raw_json(status: StatusCode, text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
