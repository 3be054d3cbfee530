//! What clients are told: text frames of ASCII JSON.

use bytes::Bytes;
use serde_json::Value as Json;
use tidewire_connection::websocket::frame;
use tidewire_model::Timestamp;
use tidewire_model::json::{Escape, write, write_text};
use tidewire_store::Posted;

/// Members after `type`, in their order; empty ones of `requestId` are left out.
fn answer(kind: &str, members: &[(&str, &str)]) -> Bytes {
    let mut text = format!("{{\"type\":\"{kind}\"").into_bytes();
    for (name, value) in members.iter().filter(|(name, value)| *name != "requestId" || !value.is_empty()) {
        text.push(b',');
        write_text(&mut text, name, Escape::Ascii);
        text.push(b':');
        write_text(&mut text, value, Escape::Ascii);
    }
    text.push(b'}');
    frame::text(text)
}

/// The greeting.
pub fn ready(client_id: &str) -> Bytes {
    answer("ready", &[("clientId", client_id)])
}

/// `kind`: `pong`, `subscribed` or `unsubscribed`.
pub fn done(kind: &str, request_id: &str) -> Bytes {
    answer(kind, &[("requestId", request_id)])
}

pub fn published(request_id: &str, topic: &str, posted: &Posted) -> Bytes {
    let created = posted.at.to_text();
    let members = [("requestId", request_id), ("id", &posted.id), ("topic", topic), ("created", &created)];
    answer("published", &members)
}

/// What user code replies.
pub fn reply(json: &Json) -> Bytes {
    let mut text = Vec::new();
    write(&mut text, json, Escape::Ascii);
    frame::text(text)
}

pub fn error(request_id: &str, message: &str) -> Bytes {
    answer("error", &[("requestId", request_id), ("message", message)])
}

/// Appends a message; `data` is ready text.
pub fn message(out: &mut Vec<u8>, id: &str, topic: &str, data: &[u8], at: Timestamp) -> bool {
    frame::write_text(out, |out| {
        out.extend_from_slice(b"{\"type\":\"message\",\"id\":");
        write_text(out, id, Escape::Ascii);
        out.extend_from_slice(b",\"topic\":");
        write_text(out, topic, Escape::Ascii);
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data);
        out.extend_from_slice(b",\"created\":\"");
        out.extend_from_slice(at.to_text().as_bytes());
        out.extend_from_slice(b"\"}");
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_equal_to_the_byte() {
        let at = Timestamp::parse("2026-11-22 02:46:56.293Z").unwrap();
        let posted = Posted { id: "i1".into(), at };
        let mut said = Vec::new();
        message(&mut said, "i1", "a \"b\" \u{e9}", b"{\"x\":1}", at);
        for (frame, expected) in [
            (ready("c1"), r#"{"type":"ready","clientId":"c1"}"#),
            (done("pong", ""), r#"{"type":"pong"}"#),
            (done("subscribed", "r1"), r#"{"type":"subscribed","requestId":"r1"}"#),
            (
                published("r1", "t", &posted),
                r#"{"type":"published","requestId":"r1","id":"i1","topic":"t","created":"2026-11-22 02:46:56.293Z"}"#,
            ),
            (error("r\n", "no"), r#"{"type":"error","requestId":"r\n","message":"no"}"#),
            (
                said.into(),
                r#"{"type":"message","id":"i1","topic":"a \"b\" \u00e9","data":{"x":1},"created":"2026-11-22 02:46:56.293Z"}"#,
            ),
        ] {
            assert_eq!(frame, frame::text(expected));
        }
    }
}
