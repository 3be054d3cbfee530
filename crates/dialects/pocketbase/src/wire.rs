//! Answers as bytes: JSON without a trailing newline, and the headers that every answer carries.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value as Json};
pub use tidewire_connection::answer::{json, no_content, raw_json};
use tidewire_model::json::{self, Escape};

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// An answer with the keys of the outer object in PocketBase's order; those not named come last.
pub fn ordered_json(status: StatusCode, json: &Json, order: &[&str]) -> Response {
    let mut text = Vec::with_capacity(1024);
    match json {
        Json::Object(map) => write_in_order(&mut text, map, order),
        other => json::write(&mut text, other, Escape::Minimal),
    }
    raw_json(status, text)
}

/// Adds what stands on every answer.
pub fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (OPENER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::X_XSS_PROTECTION, "1; mode=block"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

pub(crate) fn write_in_order(out: &mut Vec<u8>, map: &Map<String, Json>, order: &[&str]) {
    let named = order.iter().filter_map(|name| map.get_key_value(*name));
    let others = map.iter().filter(|(name, _)| !order.contains(&name.as_str()));
    out.push(b'{');
    for (index, (name, value)) in named.chain(others).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_text(out, name, Escape::Minimal);
        out.push(b':');
        json::write(out, value, Escape::Minimal);
    }
    out.push(b'}');
}
