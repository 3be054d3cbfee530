//! Events as bytes on the wire: `id:`, `event:`, `data:`, a blank line; no space after the colons, nothing but ASCII in
//! the data.

use bytes::Bytes;
use serde_json::Value as Json;
use tidewire_model::Record;
use tidewire_model::json::{self, Escape};

/// Keeps a quiet stream open; no SSE reader makes an event of it.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// Appends everything up to the data. An empty `id` leaves the line out: the reader keeps its last one.
pub fn open(frame: &mut Vec<u8>, id: &str, event: &str) {
    if !id.is_empty() {
        frame.extend_from_slice(b"id:");
        frame.extend_from_slice(id.as_bytes());
        frame.push(b'\n');
    }
    frame.extend_from_slice(b"event:");
    frame.extend_from_slice(event.as_bytes());
    frame.extend_from_slice(b"\ndata:");
}

pub fn close(frame: &mut Vec<u8>) {
    frame.extend_from_slice(b"\n\n");
}

/// A whole event with this JSON.
pub fn event(id: &str, event: &str, data: &Json) -> Bytes {
    let mut frame = Vec::with_capacity(128);
    open(&mut frame, id, event);
    json::write(&mut frame, data, Escape::Ascii);
    close(&mut frame);
    frame.into()
}

/// The greeting. SDKs take their client id from the `id:` line.
pub fn connected(client_id: &str) -> Bytes {
    Bytes::from(format!("id:{client_id}\nevent:PB_CONNECT\ndata:{{\"clientId\":\"{client_id}\"}}\n\n"))
}

/// `{"record":…,"action":"…"}` around a record that `write` appends.
pub fn record(frame: &mut Vec<u8>, action: &str, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    frame.extend_from_slice(b"{\"record\":");
    if !write(frame) {
        return false;
    }
    frame.extend_from_slice(b",\"action\":\"");
    frame.extend_from_slice(action.as_bytes());
    frame.extend_from_slice(b"\"}");
    true
}

/// What is left to say of a record that its subscriber may no longer see.
pub fn left(record: &Record) -> Json {
    serde_json::json!({
        "collectionId": &*record.collection.id,
        "collectionName": &*record.collection.name,
        "id": record.id(),
    })
}

/// What was missed cannot be replayed; changes after `cursor` follow.
pub fn reset(topic: &str, reason: &str, cursor: &str) -> Bytes {
    event(cursor, "reset", &serde_json::json!({ "topic": topic, "reason": reason, "cursor": cursor }))
}

/// The snapshot is complete; changes after `cursor` follow.
pub fn live(topic: &str, cursor: &str) -> Bytes {
    event(cursor, topic, &serde_json::json!({ "action": "live", "cursor": cursor }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frame: &[u8], expected: &str) {
        assert_eq!(std::str::from_utf8(frame).unwrap(), expected);
    }

    #[test]
    fn frames_are_equal_to_the_byte() {
        check(
            &connected("pX20W0ZMK4LMpZDxD4lEYUf9KF6QOjWzNWOJ9SVU"),
            "id:pX20W0ZMK4LMpZDxD4lEYUf9KF6QOjWzNWOJ9SVU\nevent:PB_CONNECT\ndata:{\"clientId\":\"pX20W0ZMK4LMpZDxD4lEYUf9KF6QOjWzNWOJ9SVU\"}\n\n",
        );
        check(
            &event("c1", "jobs/finished", &serde_json::json!({"b": "h\u{e9}\n", "a": [1, null]})),
            "id:c1\nevent:jobs/finished\ndata:{\"a\":[1,null],\"b\":\"h\\u00e9\\n\"}\n\n",
        );
        check(&event("", "t", &Json::Null), "event:t\ndata:null\n\n");
        check(
            &reset("p/*", "retention", "c9"),
            "id:c9\nevent:reset\ndata:{\"cursor\":\"c9\",\"reason\":\"retention\",\"topic\":\"p/*\"}\n\n",
        );
        check(&live("p/*", "c9"), "id:c9\nevent:p/*\ndata:{\"action\":\"live\",\"cursor\":\"c9\"}\n\n");
    }

    #[test]
    fn record_frames_have_two_keys_record_first() {
        let mut frame = Vec::new();
        open(&mut frame, "c1", "p/*");
        assert!(record(&mut frame, "create", |out| {
            out.extend_from_slice(b"{\"id\":\"x\"}");
            true
        }));
        close(&mut frame);
        check(&frame, "id:c1\nevent:p/*\ndata:{\"record\":{\"id\":\"x\"},\"action\":\"create\"}\n\n");
        assert!(!record(&mut frame, "create", |_| false));
    }
}
