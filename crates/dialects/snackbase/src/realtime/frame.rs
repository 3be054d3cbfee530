//! Events and answers as bytes on either wire.

use crate::record_json::write_time;
use bytes::Bytes;
use tidewire_connection::websocket::frame;
use tidewire_model::Timestamp;
use tidewire_model::json::{self, Escape};

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    WebSocket,
    /// event stream
    Stream,
}

/// One event with ready data.
pub struct Envelope<'a> {
    pub collection: &'a str,
    /// what stands behind the dot of the type
    pub what: &'a str,
    pub at: Timestamp,
    /// only for those who asked
    pub cursor: Option<&'a str>,
}

/// Appends the data of an event.
pub type Data<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

impl Wire {
    /// Appends `{"type":…,"timestamp":…,"data":…}`; no data if `data` is `None`.
    pub fn write(self, envelope: &Envelope<'_>, data: Option<Data<'_>>, out: &mut Vec<u8>) {
        match self {
            Self::WebSocket => {
                frame::write_text(out, |out| {
                    envelope.write(envelope.cursor, data, out);
                    true
                });
            }
            Self::Stream => {
                if let Some(cursor) = envelope.cursor {
                    out.extend_from_slice(b"id: ");
                    out.extend_from_slice(cursor.as_bytes());
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"event: message\r\ndata: ");
                envelope.write(None, data, out);
                out.extend_from_slice(b"\r\n\r\n");
            }
        }
    }

    /// What was missed cannot be replayed; changes after `cursor` follow.
    pub fn reset(self, collection: &str, reason: &str, cursor: &str) -> Bytes {
        let json = serde_json::json!({
            "type": "reset", "collection": collection, "reason": reason, "cursor": cursor,
        });
        match self {
            Self::WebSocket => frame::text(json::to_string(&json)),
            Self::Stream => {
                format!("id: {cursor}\r\nevent: reset\r\ndata: {}\r\n\r\n", json::to_string(&json)).into()
            }
        }
    }
}

impl Envelope<'_> {
    fn write(&self, cursor: Option<&str>, data: Option<Data<'_>>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":");
        json::write_text(out, self.collection, Escape::Minimal);
        out.pop();
        out.push(b'.');
        out.extend_from_slice(self.what.as_bytes());
        out.extend_from_slice(b"\",\"timestamp\":");
        write_time(&self.at.to_text(), out);
        if let Some(data) = data {
            out.extend_from_slice(b",\"data\":");
            data(out);
        }
        if let Some(cursor) = cursor {
            out.extend_from_slice(b",\"cursor\":\"");
            out.extend_from_slice(cursor.as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
    }
}

/// `{"error":text}`
pub fn error(text: &str) -> Bytes {
    frame::text(json::to_string(&serde_json::json!({ "error": text })))
}

/// What user code replies.
pub fn reply(json: &serde_json::Value) -> Bytes {
    frame::text(json::to_string(json))
}

pub fn pong() -> Bytes {
    Bytes::from_static(b"\x81\x0f{\"type\":\"pong\"}")
}

/// `what` is "subscribed" or "unsubscribed": clients of different ages look at different keys.
pub fn confirmed(what: &str, collection: &serde_json::Value, cursor: Option<&str>) -> Bytes {
    let mut text = format!("{{\"type\":\"{what}\",\"status\":\"{what}\",\"collection\":").into_bytes();
    json::write(&mut text, collection, Escape::Minimal);
    if let Some(cursor) = cursor {
        text.extend_from_slice(b",\"cursor\":\"");
        text.extend_from_slice(cursor.as_bytes());
        text.push(b'"');
    }
    text.push(b'}');
    frame::text(text)
}

pub fn heartbeat() -> Bytes {
    frame::text(format!("{{\"type\":\"heartbeat\",\"timestamp\":{}}}", now()))
}

/// Every reader's way to know a heartbeat holds of it.
pub fn stream_heartbeat() -> Bytes {
    let data = format!("{{\"type\":\"heartbeat\",\"event\":\"heartbeat\",\"timestamp\":{}}}", now());
    format!("event: heartbeat\r\ndata: {data}\r\n\r\n").into()
}

pub fn stream_comment() -> Bytes {
    format!(": ping - {}\r\n\r\n", now().trim_matches('"')).into()
}

pub fn stream_greeting() -> Bytes {
    Bytes::from_static(b": ok\r\n\r\n")
}

fn now() -> String {
    let mut text = Vec::with_capacity(40);
    write_time(&Timestamp::now().to_text(), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(String::from_utf8_lossy(bytes), expected);
    }

    #[test]
    fn events_are_equal_to_the_byte() {
        let at = Timestamp::parse("2026-11-22 02:46:56.293Z").unwrap();
        let envelope = |cursor| Envelope { collection: "posts", what: "create", at, cursor };
        let write = |wire: Wire, cursor| {
            let mut out = Vec::new();
            let mut data = |out: &mut Vec<u8>| out.extend_from_slice(b"{\"id\":\"x\"}");
            wire.write(&envelope(cursor), Some(&mut data), &mut out);
            out
        };
        let json =
            r#"{"type":"posts.create","timestamp":"2026-11-22T02:46:56.293000+00:00","data":{"id":"x"}"#;
        assert_eq!(write(Wire::WebSocket, None), frame::text(format!("{json}}}")));
        assert_eq!(write(Wire::WebSocket, Some("c1")), frame::text(format!("{json},\"cursor\":\"c1\"}}")));
        check(&write(Wire::Stream, None), &format!("event: message\r\ndata: {json}}}\r\n\r\n"));
        check(
            &write(Wire::Stream, Some("c1")),
            &format!("id: c1\r\nevent: message\r\ndata: {json}}}\r\n\r\n"),
        );
        let mut live = Vec::new();
        Wire::WebSocket.write(&Envelope { what: "live", ..envelope(Some("c")) }, None, &mut live);
        check(
            &live[2..],
            r#"{"type":"posts.live","timestamp":"2026-11-22T02:46:56.293000+00:00","cursor":"c"}"#,
        );
    }

    #[test]
    fn answers_are_equal_to_the_byte() {
        check(&pong()[2..], r#"{"type":"pong"}"#);
        assert_eq!(pong(), frame::text(r#"{"type":"pong"}"#));
        check(&error("Invalid JSON")[2..], r#"{"error":"Invalid JSON"}"#);
        check(
            &confirmed("subscribed", &"posts".into(), None)[2..],
            r#"{"type":"subscribed","status":"subscribed","collection":"posts"}"#,
        );
        check(
            &confirmed("unsubscribed", &serde_json::Value::Null, Some("c"))[2..],
            r#"{"type":"unsubscribed","status":"unsubscribed","collection":null,"cursor":"c"}"#,
        );
        check(&stream_greeting(), ": ok\r\n\r\n");
        check(
            &Wire::Stream.reset("posts", "retention", "c"),
            "id: c\r\nevent: reset\r\ndata: {\"collection\":\"posts\",\"cursor\":\"c\",\"reason\":\"retention\",\"type\":\"reset\"}\r\n\r\n",
        );
    }
}
