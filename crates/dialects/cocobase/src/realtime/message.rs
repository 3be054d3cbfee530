//! What a client says once it is in.

use bytes::Bytes;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a frame on a broadcast or room socket asks for.
#[derive(Debug, PartialEq)]
pub enum Message {
    Ping,
    /// JSON text for all, as the client wrote it
    Say(Bytes),
    /// it shows an API key and says nothing else: nobody gets it
    Secret,
    UnknownType,
    NotJson,
    NotAnObject,
}

/// Which key holds what is said, and what becomes of a frame without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// `data`, else the frame as a whole
    Data,
    /// `content`, else nothing in a message
    Content,
}

impl Message {
    pub fn parse(text: &str, payload: Payload) -> Self {
        let text = text.trim();
        if text == "ping" {
            return Self::Ping;
        }
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
            let is_json = serde_json::from_str::<&RawValue>(text).is_ok();
            return if is_json && !text.starts_with('{') { Self::NotAnObject } else { Self::NotJson };
        };
        let get = |key: &str| members.get(key).map(|raw| raw.get());
        let kind = get("type");
        let said = get(match payload {
            Payload::Data => "data",
            Payload::Content => "content",
        });
        match (said, payload) {
            _ if kind == Some("\"ping\"") => Self::Ping,
            (Some(said), _) => Self::say(said),
            (None, _) if members.contains_key("api_key") => Self::Secret,
            (None, Payload::Data) => Self::say(text),
            (None, Payload::Content) if kind == Some("\"message\"") => Self::say("\"\""),
            (None, Payload::Content) => Self::UnknownType,
        }
    }

    fn say(text: &str) -> Self {
        Self::Say(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// What a frame on a watch socket asks for: nothing but a sign of life.
#[derive(Debug, PartialEq)]
pub enum Nudge {
    /// the word itself
    Text,
    Json,
    Other,
}

/// Longer frames are no pings.
const LONGEST_PING: usize = 1024;

impl Nudge {
    pub fn parse(text: &str) -> Self {
        if text.len() > LONGEST_PING {
            return Self::Other;
        }
        match Message::parse(text, Payload::Content) {
            Message::Ping if text.trim() == "ping" => Self::Text,
            Message::Ping => Self::Json,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: Payload, text: &str, expected: Message) {
        assert_eq!(Message::parse(text, payload), expected, "{payload:?} {text}");
    }

    fn say(text: &'static str) -> Message {
        Message::Say(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn frames_of_both_kinds() {
        for payload in [Payload::Data, Payload::Content] {
            check(payload, "ping", Message::Ping);
            check(payload, r#" {"type":"ping"} "#, Message::Ping);
            check(payload, r#"{"type":"ping","data":1,"content":2}"#, Message::Ping);
            for text in ["", "pong", "{", r#"{"a":}"#, "[1", "{}x"] {
                check(payload, text, Message::NotJson);
            }
            for text in ["[]", "1", "null", r#""x""#] {
                check(payload, text, Message::NotAnObject);
            }
            check(payload, r#"{"api_key":"K"}"#, Message::Secret);
            check(payload, r#"{"type":"message","api_key":"K"}"#, Message::Secret);
        }
    }

    #[test]
    fn what_is_said_is_kept_to_the_letter() {
        let data = |text, expected| check(Payload::Data, text, expected);
        data(
            r#"{"type":"message","data":{"b":1.0,"a":[ 12345678901234567890 ]}}"#,
            say(r#"{"b":1.0,"a":[ 12345678901234567890 ]}"#),
        );
        data(r#"{"data":null}"#, say("null"));
        data(r#"{"data":1,"data":2}"#, say("2"));
        data(r#" {"type":"x","y":1} "#, say(r#"{"type":"x","y":1}"#));
        data(r#"{"api_key":"K","content":"c"}"#, Message::Secret);
        data(r#"{"api_key":"K","data":"d"}"#, say(r#""d""#));
        let content = |text, expected| check(Payload::Content, text, expected);
        content(r#"{"type":"message","content":{"x":1}}"#, say(r#"{"x":1}"#));
        content(r#"{"type":"typing","content":"c"}"#, say(r#""c""#));
        content(r#"{"content":null}"#, say("null"));
        content(r#"{"type":"message"}"#, say(r#""""#));
        content(r#"{"type":"message","data":1}"#, say(r#""""#));
        content(r#"{"type":"typing"}"#, Message::UnknownType);
        content("{}", Message::UnknownType);
        content(r#"{"api_key":"K","data":"d"}"#, Message::Secret);
    }

    #[test]
    fn watchers_may_only_ping() {
        for (text, expected) in [
            ("ping", Nudge::Text),
            (" ping\n", Nudge::Text),
            (r#"{"type":"ping"}"#, Nudge::Json),
            (r#"{"type":"unsubscribe"}"#, Nudge::Other),
            ("x", Nudge::Other),
            ("[]", Nudge::Other),
        ] {
            assert_eq!(Nudge::parse(text), expected, "{text}");
        }
    }
}
