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
    // what is computed when it is read is not part of what was written
    let closed = field.hidden || field.formula().is_some();
    if closed || matches!(name, "id" | "created_at" | "updated_at" | "created" | "updated") {
        return false;
    }
    match name {
        "password" | "tokenKey" => !record.collection.is_auth(),
        "email" => !record.collection.is_auth() || record.bool("emailVisibility"),
        _ => true,
    }
}

/// Personal data is masked and secrets are hidden: nobody here has the rank to see them.
fn shown_value<'a>(field: &Field, value: &'a Value) -> Cow<'a, Value> {
    match (&field.kind, value) {
        (FieldKind::Autodate(_), Value::Text(text)) => Cow::Owned(Value::Text(shown_time(text).into())),
        (_, value) if field.is_encrypted() && *value != Value::Null => Cow::Owned(Value::text(mask::BULLETS)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;
    use tidewire_model::TenantId;

    #[test]
    fn what_is_secret_or_computed_is_not_told() {
        let mut collection: Collection = serde_json::from_value(json!({
            "id": "c", "name": "people", "type": "base", "system": false, "indexes": [], "created": "", "updated": "",
            "fields": [
                {"name": "id", "type": "text"},
                {"name": "nick", "type": "text", "nullable": true},
                {"name": "ssn", "type": "text", "nullable": true, "extra": {"mask": "full"}},
                {"name": "secret", "type": "text", "nullable": true, "extra": {"encrypted": true}},
                {"name": "none", "type": "text", "nullable": true, "extra": {"encrypted": true}},
                {"name": "loud", "type": "text", "nullable": true, "extra": {"expression": "upper(nick)"}},
                {"name": "inner", "type": "text", "hidden": true},
            ],
        }))
        .unwrap();
        collection.index_fields();
        let mut record = Record::empty(Arc::new(collection), TenantId::default());
        for name in ["id", "nick", "ssn", "secret", "inner"] {
            record.set(name, Value::text("abc"));
        }
        let shown: Vec<(String, Json)> = parts(&record)
            .into_iter()
            .map(|(name, part)| match part {
                Part::Json(json) => (name.to_owned(), json.clone()),
                Part::Value(value) => (name.to_owned(), value.to_json()),
            })
            .collect();
        let expected = [
            ("nick", json!("abc")),
            ("ssn", json!("***")),
            ("secret", json!(mask::BULLETS)),
            ("none", Json::Null),
        ];
        assert_eq!(shown, expected.map(|(name, value)| (name.to_owned(), value)));
    }
}
