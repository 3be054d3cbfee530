//! A record as a document: its own fields by name, whatever dialect it was written through.

use crate::realtime::frame::Object;
use serde_json::Value as Json;
use std::borrow::Cow;
use tidewire_model::field::FieldKind;
use tidewire_model::{Collection, Field, Record, Value};
use tidewire_records::mask;
use tidewire_rules::shown_time;

/// Keys that the frame of a document has for itself.
const SYSTEM: [&str; 5] = ["id", "created_at", "updated_at", "collection_id", "data"];

/// One field of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<'a> {
    Json(&'a Json),
    Value(Cow<'a, Value>),
}

impl Part<'_> {
    pub fn write(&self, key: &str, out: &mut Object<'_>) {
        match self {
            Self::Json(json) => out.json(key, json),
            Self::Value(value) => out.value(key, value),
        }
    }
}

/// Every field that the application named and a reader may see, in order.
pub fn parts(record: &Record) -> Vec<(&str, Part<'_>)> {
    if record.collection.open {
        let data = match record.get(Collection::DATA) {
            Some(Value::Json(Json::Object(data))) => data,
            _ => return Vec::new(),
        };
        return data.iter().map(|(key, json)| (key.as_str(), Part::Json(json))).collect();
    }
    let shown = record.fields().filter(|(field, _)| is_shown(record, field));
    shown.map(|(field, value)| (&*field.name, Part::Value(shown_value(field, value)))).collect()
}

/// Flat and nested at once: older readers look for the one, newer ones for the other.
pub fn write_hybrid(record: &Record, out: &mut Object<'_>) {
    let parts = parts(record);
    for (key, part) in parts.iter().filter(|(key, _)| !SYSTEM.contains(key)) {
        part.write(key, out);
    }
    out.object("data", |data| {
        for (key, part) in &parts {
            part.write(key, data);
        }
    });
    out.text("collection_id", &record.collection.id);
    out.text("created_at", &time(record, ["created_at", "created"]));
    out.text("updated_at", &time(record, ["updated_at", "updated"]));
    out.text("id", record.id());
}

/// What an update replaced or took away: the fields with their previous values.
pub fn write_changed(old: &Record, new: &Record, out: &mut Object<'_>) {
    let (old, new) = (parts(old), parts(new));
    for (key, part) in old {
        if !new.iter().any(|(name, now)| *name == key && *now == part) {
            part.write(key, out);
        }
    }
}

fn is_shown(record: &Record, field: &Field) -> bool {
    let name = &*field.name;
    if field.hidden || matches!(name, "id" | "created_at" | "updated_at" | "created" | "updated") {
        return false;
    }
    match name {
        "password" | "tokenKey" => !record.collection.is_auth(),
        "email" => !record.collection.is_auth() || record.bool("emailVisibility"),
        _ => true,
    }
}

/// Personal data is masked: nobody here has the rank to see it.
fn shown_value<'a>(field: &Field, value: &'a Value) -> Cow<'a, Value> {
    match (&field.kind, value) {
        (FieldKind::Autodate(_), Value::Text(text)) => Cow::Owned(Value::Text(shown_time(text).into())),
        _ => match field.extra.as_ref().and_then(|extra| extra.mask) {
            Some(kind) => Cow::Owned(mask::masked(kind, value)),
            None => Cow::Borrowed(value),
        },
    }
}

fn time(record: &Record, names: [&str; 2]) -> String {
    let stored = names.into_iter().map(|name| record.text(name)).find(|text| !text.is_empty());
    shown_time(stored.unwrap_or(&record.collection.created))
}
