//! A store in a folder of its own, and collections to fill it with.
#![allow(dead_code, clippy::unwrap_used)]

use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use tidewire_model::{Change, Collection, Record, TenantId, Value};
use tidewire_store::{Committed, Options, Store, StoreError};

pub struct Folder {
    pub dir: TempDir,
}

/// What was announced, in order.
pub type Announced = Arc<std::sync::Mutex<Vec<Committed>>>;

impl Folder {
    pub fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub fn open(&self) -> Store {
        self.open_with(Options::default()).0
    }

    pub fn open_with(&self, options: Options) -> (Store, Announced) {
        let announced = Announced::default();
        let sink = announced.clone();
        let store = Store::open(
            self.dir.path(),
            options,
            Box::new(move |committed| sink.lock().unwrap().push(committed)),
        );
        (store.unwrap(), announced)
    }
}

pub fn tenant() -> TenantId {
    TenantId::default()
}

/// A collection from the short form `(field id, name, type, options)`; the id field is added.
pub fn collection(
    id: &str,
    fields: &[(&str, &str, &str, serde_json::Value)],
    indexes: &[&str],
) -> Collection {
    let mut list = vec![json!({"id": "f_id", "name": "id", "type": "text", "primaryKey": true})];
    for (field_id, name, kind, options) in fields {
        let mut field = json!({"id": field_id, "name": name, "type": kind});
        let options = options.as_object().cloned().unwrap_or_default();
        field.as_object_mut().unwrap().extend(options);
        list.push(field);
    }
    serde_json::from_value(json!({
        "id": id, "name": id, "type": "base", "system": false, "fields": list, "indexes": indexes,
        "created": "", "updated": "",
    }))
    .unwrap()
}

pub fn posts() -> Collection {
    collection("posts", &[("f_t", "title", "text", json!({})), ("f_n", "n", "number", json!({}))], &[])
}

pub fn save(store: &Store, collection: Collection) -> Arc<Collection> {
    try_save(store, collection).unwrap()
}

pub fn try_save(store: &Store, collection: Collection) -> Result<Arc<Collection>, StoreError> {
    store.write_blocking(move |tx| tx.save_collection(collection))
}

pub fn record(collection: &Arc<Collection>, id: &str, values: &[(&str, Value)]) -> Record {
    let mut record = Record::empty(collection.clone(), tenant());
    record.set("id", Value::text(id));
    for (name, value) in values {
        record.set(name, value.clone());
    }
    record
}

pub fn insert(store: &Store, record: Record) -> Result<Arc<Record>, StoreError> {
    store.write_blocking(move |tx| tx.insert(record, ""))
}

pub fn get(store: &Store, collection: &Arc<Collection>, id: &str) -> Option<Arc<Record>> {
    store.read_here(|view| view.get(collection, &tenant(), id)).unwrap()
}

pub fn changes(store: &Store) -> Vec<Arc<Change>> {
    store.read_here(|view| view.changes_after(0, usize::MAX)).unwrap()
}

/// `seq` over all and `offset` within each collection count 1, 2, 3, … from the given changes on.
pub fn assert_dense(changes: &[Arc<Change>]) {
    let mut offsets = std::collections::HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        assert_eq!(change.position.seq, changes[0].position.seq + index as u64);
        let offset = change.position.offset;
        let last = offsets.insert(change.collection.id.clone(), offset);
        assert!(last.is_none_or(|last| last + 1 == offset), "offset {offset} after {last:?}");
    }
}
