//! Records as documents.

use crate::body::Object;
use crate::collection;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tidewire_model::{Collection, Record, Value};
use tidewire_records::Asker;
use tidewire_records::show::show_all;
use tidewire_rules::shown_time;
use tidewire_store::{Snapshot, StoreError};

/// What the documents of one list share: their collection as JSON.
pub struct Shape {
    collection_id: Json,
    collection: Json,
}

/// Names of typed fields that a document has outside of `data`.
const SYSTEM: [&str; 7] =
    ["id", "created", "updated", "created_at", "updated_at", "collectionId", "collectionName"];

impl Shape {
    pub fn of(collection: &Collection) -> Self {
        Self { collection_id: Json::from(&*collection.id), collection: collection::show(collection) }
    }

    pub fn document(&self, record: &Record, data: Object) -> Json {
        json!({
            "id": record.id(),
            "collection_id": self.collection_id,
            "data": data,
            "created_at": time(record, ["created_at", "created"]),
            "updated_at": time(record, ["updated_at", "updated"]),
            "collection": self.collection,
        })
    }
}

/// The documents that records of one collection are, as this asker may see them.
pub fn show(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Collection,
    records: &[Arc<Record>],
) -> Result<Vec<Json>, StoreError> {
    let shape = Shape::of(collection);
    let data = data(snapshot, asker, records)?;
    Ok(records.iter().zip(data).map(|(record, data)| shape.document(record, data)).collect())
}

/// The fields of each document.
pub fn data(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    records: &[Arc<Record>],
) -> Result<Vec<Object>, StoreError> {
    if records.first().is_none_or(|record| record.collection.open) {
        return Ok(records.iter().map(|record| open_data(record)).collect());
    }
    let shown = show_all(snapshot, asker, records, None, None)?;
    Ok(shown.into_iter().map(typed_data).collect())
}

/// The keys of an open collection's document.
pub fn open_data(record: &Record) -> Object {
    match record.get(Collection::DATA) {
        Some(Value::Json(Json::Object(data))) => data.clone(),
        _ => Object::new(),
    }
}

fn typed_data(shown: Json) -> Object {
    let Json::Object(mut data) = shown else { return Object::new() };
    data.retain(|name, _| !SYSTEM.contains(&name.as_str()));
    data
}

/// A time of the record, by the first of these fields that it has; else that of its collection, for clients read a time.
pub fn time(record: &Record, names: [&str; 2]) -> String {
    let stored = names.iter().map(|name| record.text(name)).find(|text| !text.is_empty());
    shown_time(stored.unwrap_or(&record.collection.created))
}
