//! Which keys of open collections are filtered by, and which of them have an index.

use crate::StoreError;
use crate::layout::{fold, quote, table};
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::OnceLock;
use std::thread::Thread;
use tidewire_model::{Catalog, Collection};

/// questions by one key after which an index is thought of
const OFTEN: u32 = 16;
/// documents below which looking at each is quick enough
const MANY: u64 = 1000;
/// indexed keys of one collection
const INDEXES: usize = 8;
/// keys that are counted; beyond it the counting starts anew
const COUNTED: usize = 4096;
/// keys that wait for their index; others are asked for again
const WAITING: usize = 64;

/// A collection's id and a key of its documents.
type Key = (Box<str>, Box<str>);

/// Counted by those who read, worked off by the one who writes.
#[derive(Default)]
pub(crate) struct Demand {
    asked: Mutex<HashMap<Key, u32>>,
    ripe: Mutex<VecDeque<Key>>,
    made: RwLock<HashSet<Key>>,
    writer: OnceLock<Thread>,
}

impl Demand {
    /// The thread that is to be woken when an index is wanted.
    pub(crate) fn set_writer(&self, thread: Thread) {
        let _ = self.writer.set(thread);
    }

    pub(crate) fn is_made(&self, collection: &Collection, key: &str) -> bool {
        let made = self.made.read();
        !made.is_empty() && made.contains(&(collection.id.clone(), key.into()))
    }

    /// Somebody filters by these keys.
    pub(crate) fn count(&self, collection: &Collection, keys: &[&str]) {
        for key in keys {
            if !self.is_made(collection, key) && self.is_often((collection.id.clone(), (*key).into())) {
                self.writer.get().inspect(|writer| writer.unpark());
            }
        }
    }

    fn is_often(&self, key: Key) -> bool {
        let mut asked = self.asked.lock();
        if asked.len() >= COUNTED && !asked.contains_key(&key) {
            asked.clear();
        }
        let count = asked.entry(key.clone()).or_default();
        *count += 1;
        if *count < OFTEN {
            return false;
        }
        asked.remove(&key);
        let mut ripe = self.ripe.lock();
        if ripe.len() >= WAITING || ripe.contains(&key) {
            return false;
        }
        ripe.push_back(key);
        true
    }

    /// Finds the indexes that a folder has.
    pub(crate) fn load(&self, connection: &Connection, catalog: &Catalog) -> Result<(), StoreError> {
        for collection in catalog.all().iter().filter(|collection| collection.open) {
            let names = indexes(connection, collection)?;
            let prefix = prefix(collection);
            let keys = names.iter().filter_map(|name| name.strip_prefix(&prefix));
            self.made.write().extend(keys.map(|key| (collection.id.clone(), key.into())));
        }
        Ok(())
    }

    /// Makes one index that is worth it. Only for the writer, between transactions.
    pub(crate) fn work(&self, connection: &Connection, catalog: &Catalog) -> Result<(), StoreError> {
        let Some((id, key)) = self.ripe.lock().pop_front() else { return Ok(()) };
        let Some(collection) = catalog.by_id(&id).filter(|collection| collection.open) else { return Ok(()) };
        if !is_big(connection, collection)? || indexes(connection, collection)?.len() >= INDEXES {
            return Ok(());
        }
        let name = quote(&format!("{}{key}", prefix(collection)));
        let value = tidewire_rules::document_key("", &key);
        let table = table(&collection.id);
        connection.execute_batch(&format!("CREATE INDEX IF NOT EXISTS {name} ON {table} ({value})"))?;
        tracing::info!(collection = &*collection.name, key = &*key, "made an index");
        self.made.write().insert((id, key));
        Ok(())
    }
}

fn prefix(collection: &Collection) -> String {
    format!("d:{}:", fold(&collection.id))
}

fn is_big(connection: &Connection, collection: &Collection) -> Result<bool, StoreError> {
    let table = table(&collection.id);
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT {MANY})");
    let count: i64 = connection.query_row(&sql, (), |row| row.get(0))?;
    Ok(count.unsigned_abs() >= MANY)
}

/// Names of the indexes on keys of a collection.
fn indexes(connection: &Connection, collection: &Collection) -> Result<Vec<String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM sqlite_schema WHERE type='index' AND tbl_name=?")?;
    let names =
        statement.query_map([format!("c:{}", fold(&collection.id))], |row| row.get::<_, String>(0))?;
    let prefix = prefix(collection);
    Ok(names.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|name| name.starts_with(&prefix)).collect())
}
