//! Text frames with JSON objects, written without a tree.

use bytes::Bytes;
use tidewire_connection::websocket::frame;
use tidewire_feed::ResetReason;
use tidewire_model::json::{self, Escape};
use tidewire_model::{Timestamp, Value};

/// A JSON object that is being written.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

/// A frame of its own.
pub fn object(write: impl FnOnce(&mut Object<'_>)) -> Bytes {
    let mut bytes = Vec::with_capacity(128);
    append(&mut bytes, write);
    bytes.into()
}

/// Appends a frame.
pub fn append(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) -> bool {
    frame::write_text(bytes, |out| {
        write_object(out, write);
        true
    })
}

fn write_object(out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    write(&mut Object { out: &mut *out, empty: true });
    out.push(b'}');
}

impl Object<'_> {
    pub fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        json::write_text(self.out, text, Escape::Minimal);
    }

    pub fn count(&mut self, key: &str, number: usize) {
        self.key(key);
        self.out.extend_from_slice(number.to_string().as_bytes());
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.raw(key, if value { b"true" } else { b"false" });
    }

    /// JSON text that is ready.
    pub fn raw(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(text);
    }

    pub fn json(&mut self, key: &str, value: &serde_json::Value) {
        self.key(key);
        // to the last digit; a Vec takes everything
        let _ = serde_json::to_writer(&mut *self.out, value);
    }

    pub fn value(&mut self, key: &str, value: &Value) {
        self.key(key);
        json::write_value(self.out, value, Escape::Minimal);
    }

    pub fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        write_object(self.out, write);
    }

    /// This moment, as frames show it.
    pub fn now(&mut self) {
        self.text("timestamp", &Timestamp::now().to_text().replacen(' ', "T", 1));
    }

    pub fn cursor(&mut self, cursor: Option<&str>) {
        if let Some(cursor) = cursor {
            self.text("cursor", cursor);
        }
    }

    /// Whether what was missed follows; nothing if nobody asked.
    pub fn recovered(&mut self, recovered: Option<Result<(), ResetReason>>) {
        match recovered {
            None => {}
            Some(Ok(())) => self.flag("recovered", true),
            Some(Err(why)) => {
                self.flag("recovered", false);
                self.text("reason", reason(why));
            }
        }
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        json::write_text(self.out, key, Escape::Minimal);
        self.out.push(b':');
    }
}

/// How a client is told it.
pub fn reason(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::EpochChanged => "epoch_changed",
        ResetReason::Retention => "retention",
        ResetReason::AheadOfHead => "ahead_of_head",
        ResetReason::InvalidCursor => "invalid_cursor",
    }
}

/// `{"error": text}`, after which the socket stays open.
pub fn error(text: &str, detail: Option<&str>) -> Bytes {
    object(|out| {
        out.text("error", text);
        if let Some(detail) = detail {
            out.text("error_detail", detail);
        }
    })
}

/// What user code replies.
pub fn reply(json: &serde_json::Value) -> Bytes {
    frame::text(json::to_string(json))
}

/// The answer to `{"type":"ping"}`.
pub fn pong() -> Bytes {
    object(|out| out.text("type", "pong"))
}
