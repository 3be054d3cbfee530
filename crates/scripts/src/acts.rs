use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tidewire_hooks::{Act, ActError};

/// An act, as the prelude words it.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
enum Asked {
    Get { collection: String, id: String, rules: bool },
    List { collection: String, filter: String, sort: String, page: u64, per_page: u64, rules: bool },
    Create { collection: String, data: Map<String, Json>, rules: bool },
    Update { collection: String, id: String, data: Map<String, Json>, rules: bool },
    Delete { collection: String, id: String, rules: bool },
    Publish { topic: String, data: Json },
    Say { room: String, data: Json },
    Broadcast { event: String, data: Json },
    Setting { path: String },
}

pub fn read(text: &str) -> Result<Act, serde_json::Error> {
    Ok(match serde_json::from_str(text)? {
        Asked::Get { collection, id, rules } => Act::Get { collection, id, rules },
        Asked::List { collection, filter, sort, page, per_page, rules } => {
            Act::List { collection, filter, sort, page, per_page, rules }
        }
        Asked::Create { collection, data, rules } => Act::Create { collection, data, rules },
        Asked::Update { collection, id, data, rules } => Act::Update { collection, id, data, rules },
        Asked::Delete { collection, id, rules } => Act::Delete { collection, id, rules },
        Asked::Publish { topic, data } => Act::Publish { topic, data },
        Asked::Say { room, data } => Act::Say { room, data },
        Asked::Broadcast { event, data } => Act::Broadcast { event, data },
        Asked::Setting { path } => Act::Setting { path },
    })
}

/// The answer, as the prelude reads it.
pub fn answer(outcome: Result<Json, ActError>) -> String {
    match outcome {
        Ok(done) => json!({ "done": done }),
        Err(ActError { status, message, data }) => {
            json!({ "error": { "status": status, "message": message, "data": data } })
        }
    }
    .to_string()
}
