//! A guest book. Entries are checked and tidied up before they are written, counted in the same transaction, and announced
//! once they are there.

use serde_json::{Value, json};
use tidewire::{Builder, Event, HookError, Moment, Server, Tidewire};

/// The server with its hooks; folder and address are left to the caller.
pub fn guest_book() -> Builder {
    Tidewire::builder()
        .stop_on_error(true)
        .on_collection(Event::RecordBeforeCreate, "entries", tidy)
        .on_collection(Event::RecordBeforeCreate, "entries", count)
        .on_collection(Event::RecordAfterCreate, "entries", announce)
}

/// Refuses empty entries, and takes spaces away at both ends.
fn tidy(moment: &mut Moment<'_>) -> Result<(), HookError> {
    let text = moment.record("text").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if text.is_empty() {
        return moment.abort(422, "Please write something.");
    }
    moment.set("text", text);
    Ok(())
}

/// One more, in the transaction of the entry: if the entry is refused after all, it is not counted.
fn count(moment: &mut Moment<'_>) -> Result<(), HookError> {
    let mut counters = moment.records("counters");
    let counted = match counters.get("entries00000000") {
        Ok(_) => counters.update("entries00000000", json!({ "count+": 1 })),
        Err(error) if error.status == 404 => counters.create(json!({ "id": "entries00000000", "count": 1 })),
        Err(error) => Err(error),
    };
    counted.map(drop).map_err(|error| HookError::Failed(error.to_string()))
}

/// At least once, after the commit.
fn announce(moment: &mut Moment<'_>) -> Result<(), HookError> {
    let text = moment.record("text").cloned().unwrap_or_default();
    moment.publish("guest-book", json!({ "text": text }))
}

/// What `POST /api/collections` is told to make the two collections.
pub fn collections() -> [Value; 2] {
    [
        json!({
            "name": "entries", "type": "base", "listRule": "", "viewRule": "", "createRule": "",
            "fields": [{ "name": "text", "type": "text", "max": 200 }],
        }),
        json!({
            "name": "counters", "type": "base", "listRule": "", "viewRule": "",
            "fields": [{ "name": "count", "type": "number" }],
        }),
    ]
}

/// How many entries there are, as the program itself reads it.
pub async fn entries(server: &Server) -> u64 {
    let counter = server.records("counters").get("entries00000000").await;
    counter.ok().and_then(|counter| counter["count"].as_f64()).unwrap_or(0.0) as u64
}
