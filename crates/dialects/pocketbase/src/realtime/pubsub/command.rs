//! What clients say.

use serde_json::{Map, Value as Json};

/// One request; `request_id` stands in its answer.
#[derive(Debug, PartialEq)]
pub struct Command {
    pub request_id: String,
    pub verb: Verb,
}

#[derive(Debug, PartialEq)]
pub enum Verb {
    Ping,
    Subscribe {
        topic: String,
    },
    /// "" for all
    Unsubscribe {
        topic: String,
    },
    Publish {
        topic: String,
        data: Json,
    },
    Unknown,
}

impl Command {
    /// `None` for what is no JSON object, or has a member of another type.
    pub fn read(text: &str) -> Option<Self> {
        let mut map: Map<String, Json> = serde_json::from_str(text).ok()?;
        let mut take = |name: &str| match map.remove(name) {
            None | Some(Json::Null) => Some(String::new()),
            Some(Json::String(text)) => Some(text),
            Some(_) => None,
        };
        let (kind, topic, request_id) = (take("type")?, take("topic")?, take("requestId")?);
        let topic = topic.trim().to_owned();
        let verb = match kind.trim().to_lowercase().as_str() {
            "ping" => Verb::Ping,
            "subscribe" => Verb::Subscribe { topic },
            "unsubscribe" => Verb::Unsubscribe { topic },
            "publish" => Verb::Publish { topic, data: map.remove("data").unwrap_or_default() },
            _ => Verb::Unknown,
        };
        Some(Self { request_id, verb })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_are_read_as_bosbase_reads_them() {
        let topic = || "a b".to_owned();
        for (text, expected) in [
            (r#"{"type":"ping"}"#, Some(("", Verb::Ping))),
            (r#"{"type":" PING ","requestId":"r1","more":[]}"#, Some(("r1", Verb::Ping))),
            (r#"{"type":"Subscribe","topic":" a b "}"#, Some(("", Verb::Subscribe { topic: topic() }))),
            (r#"{"type":"unsubscribe"}"#, Some(("", Verb::Unsubscribe { topic: String::new() }))),
            (
                r#"{"type":"publish","topic":"a b","data":{"x":1}}"#,
                Some(("", Verb::Publish { topic: topic(), data: json!({ "x": 1 }) })),
            ),
            (
                r#"{"type":"publish","topic":"a b","requestId":null}"#,
                Some(("", Verb::Publish { topic: topic(), data: Json::Null })),
            ),
            (r#"{"type":"dance","requestId":"r"}"#, Some(("r", Verb::Unknown))),
            ("{}", Some(("", Verb::Unknown))),
            (r#"{"type":1}"#, None),
            (r#"{"type":"ping","requestId":1}"#, None),
            (r#"{"type":"subscribe","topic":["a"]}"#, None),
            (r#"["ping"]"#, None),
            (r#""ping""#, None),
            (r#"{"type":"publish","topic":"a","data":{}"#, None),
            ("", None),
        ] {
            let expected =
                expected.map(|(request_id, verb)| Command { request_id: request_id.to_owned(), verb });
            assert_eq!(Command::read(text), expected, "{text}");
        }
    }
}
