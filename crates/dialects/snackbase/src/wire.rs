//! Answers: JSON with its keys in SnackBase's order, and times.

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
pub use tidewire_connection::answer::{no_content, raw_json};
use tidewire_model::Identity;

/// A 200 with this value, members in the order of their declaration.
pub fn ok(value: &impl Serialize) -> Response {
    json(StatusCode::OK, value)
}

pub fn created(value: &impl Serialize) -> Response {
    json(StatusCode::CREATED, value)
}

pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    raw_json(status, serde_json::to_vec(value).unwrap_or_default())
}

/// `{"message": text}`
pub fn message(status: StatusCode, text: &str) -> Response {
    json(status, &serde_json::json!({ "message": text }))
}

/// A stored time ("2026-11-22 02:43:39.174Z") as accounts and users show theirs: whole seconds, no zone.
pub fn naive_time(text: &str) -> String {
    match text.get(..19) {
        Some(text) => text.replacen(' ', "T", 1),
        None => text.to_owned(),
    }
}

/// A stored time as API keys, groups and users show theirs: in UTC, with its zone.
pub fn zoned_time(text: &str) -> String {
    match text.get(..23) {
        Some(text) => format!("{}000+00:00", text.replacen(' ', "T", 1)),
        None => text.to_owned(),
    }
}

/// How a change names who made it.
pub fn actor(identity: &Identity) -> String {
    format!("{}/{}", identity.record.collection.id, identity.record.id())
}

/// null for "".
pub fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
