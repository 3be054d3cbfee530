use serde_json::{Map, Value as Json};
use tidewire_model::Operations;

/// What a client's message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Ping,
    Subscribe {
        collection: String,
        message: Map<String, Json>,
    },
    /// the collection is said back as it came
    Unsubscribe {
        collection: Json,
    },
    /// nothing that is answered
    Other,
    /// answered with this error
    Refused(&'static str),
}

impl Command {
    pub fn read(text: &str) -> Self {
        let mut message = match serde_json::from_str(text) {
            Ok(Json::Object(message)) => message,
            Ok(_) => return Self::Other,
            Err(_) => return Self::Refused("Invalid JSON"),
        };
        match message.get("action").and_then(Json::as_str) {
            Some("ping") => Self::Ping,
            Some("subscribe") => match message.get("collection") {
                Some(Json::String(name)) if !name.is_empty() => {
                    Self::Subscribe { collection: name.clone(), message }
                }
                _ => Self::Refused("Missing collection"),
            },
            Some("unsubscribe") => {
                Self::Unsubscribe { collection: message.remove("collection").unwrap_or_default() }
            }
            _ => Self::Other,
        }
    }
}

/// All if none are named; one name may stand alone.
pub fn operations(message: &Map<String, Json>) -> Result<Operations, &'static str> {
    match message.get("operations") {
        None | Some(Json::Null) => Ok(Operations::ALL),
        Some(Json::String(name)) => Ok(Operations::of([name.as_str()])),
        Some(Json::Array(names)) => {
            let names: Option<Vec<&str>> = names.iter().map(Json::as_str).collect();
            names.map(Operations::of).ok_or("Invalid operations")
        }
        Some(_) => Err("Invalid operations"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_are_understood_or_not() {
        let refused = Command::Refused;
        for (text, expected) in [
            (r#"{"action":"ping","x":1}"#, Command::Ping),
            (r#"{"action":"PING"}"#, Command::Other),
            (r#"{"type":"ping"}"#, Command::Other),
            ("{}", Command::Other),
            ("[1]", Command::Other),
            ("null", Command::Other),
            ("123", Command::Other),
            (r#""s""#, Command::Other),
            ("not json", refused("Invalid JSON")),
            ("", refused("Invalid JSON")),
            ("{}x", refused("Invalid JSON")),
            ("\u{feff}{}", refused("Invalid JSON")),
            (r#"{"action":"subscribe"}"#, refused("Missing collection")),
            (r#"{"action":"subscribe","collection":""}"#, refused("Missing collection")),
            (r#"{"action":"subscribe","collection":null}"#, refused("Missing collection")),
            (r#"{"action":"subscribe","collection":7}"#, refused("Missing collection")),
            (r#"{"action":"subscribe","collection":["a"]}"#, refused("Missing collection")),
            (r#"{"action":"unsubscribe"}"#, Command::Unsubscribe { collection: Json::Null }),
            (r#"{"action":"unsubscribe","collection":"a"}"#, Command::Unsubscribe { collection: json!("a") }),
            (r#"{"action":"x","action":"ping"}"#, Command::Ping),
        ] {
            assert_eq!(Command::read(text), expected, "{text}");
        }
    }

    #[test]
    fn operations_are_a_list_one_name_or_all() {
        for (message, expected) in [
            (json!({}), Ok(Operations::ALL)),
            (json!({ "operations": null }), Ok(Operations::ALL)),
            (json!({ "operations": ["create", "update", "delete", "create"] }), Ok(Operations::ALL)),
            (json!({ "operations": [] }), Ok(Operations::NONE)),
            (json!({ "operations": ["Create", "upsert"] }), Ok(Operations::NONE)),
            (json!({ "operations": "create" }), Ok(Operations::of(["create"]))),
            (json!({ "operations": ["create", {}] }), Err("Invalid operations")),
            (json!({ "operations": 1 }), Err("Invalid operations")),
            (json!({ "operations": { "create": true } }), Err("Invalid operations")),
        ] {
            assert_eq!(operations(message.as_object().unwrap()), expected, "{message}");
        }
    }
}
