//! Stored definitions of collections. One that was deleted stays, marked, as long as the change log has changes that
//! were written by it.

use crate::{StoreError, Tx};
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Seq, Topics};

pub(crate) fn load(connection: &Connection, revision: u64) -> Result<Arc<Catalog>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT definition FROM tw_collection WHERE gone IS NULL ORDER BY place")?;
    let mut rows = statement.query(())?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(Arc::new(parse(row.get_ref(0)?.as_str().unwrap_or(""))?));
    }
    drop(rows);
    drop(statement);
    Ok(Arc::new(Catalog::new(revision, list).with_topics(topics(connection)?)))
}

/// The setting that holds the rules of custom topics.
const TOPICS: &str = "tidewire.topics";

fn topics(connection: &Connection) -> Result<Arc<Topics>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT json FROM tw_setting WHERE key=?")?;
    let text: Option<String> = statement.query_row([TOPICS], |row| row.get(0)).optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

impl Tx<'_> {
    /// Replaces the rules of custom topics, which are part of the definitions: every subscription is asked again.
    pub fn set_topics(&mut self, topics: Topics) -> Result<(), StoreError> {
        if **self.catalog.topics() == topics {
            return Ok(());
        }
        self.set_setting(TOPICS, &serde_json::to_string(&topics)?)?;
        self.renew_catalog_with(Arc::new(topics));
        Ok(())
    }
}

/// A deleted collection, as the change log needs it.
pub(crate) struct Tombstone {
    /// the last position that it may have written
    gone: Seq,
    collection: Arc<Collection>,
}

impl Tombstone {
    pub(crate) fn wrote(&self, seq: Seq) -> bool {
        seq <= self.gone
    }

    pub(crate) fn collection(&self) -> &Arc<Collection> {
        &self.collection
    }
}

/// Deleted collections that had this id, first the first. They get an id and a name that no collection can have: a new
/// collection of the same name is not the one that wrote those changes, and its rules say nothing about them.
pub(crate) fn tombstones(
    connection: &Connection,
    id: &str,
    after: Seq,
) -> Result<Vec<Tombstone>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT definition, gone FROM tw_collection WHERE id=? AND gone > ? ORDER BY gone, place",
    )?;
    let mut rows = statement.query((id, after as i64))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let gone = row.get::<_, i64>(1)? as u64;
        let mut collection = parse(row.get_ref(0)?.as_str().unwrap_or(""))?;
        for name in [&mut collection.id, &mut collection.name] {
            *name = format!("{name}@{gone}").into();
        }
        found.push(Tombstone { gone, collection: Arc::new(collection) });
    }
    Ok(found)
}

/// A new definition goes to the end of the order of creation, also if one of the same id was deleted before.
pub(crate) fn save(connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
    let text = serde_json::to_string(collection)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO tw_collection (place, id, definition) \
         VALUES ((SELECT COALESCE(MAX(place), 0) + 1 FROM tw_collection), ?, ?) \
         ON CONFLICT (id) WHERE gone IS NULL DO UPDATE SET definition=excluded.definition",
    )?;
    statement.execute((&*collection.id, text))?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, id: &str, head: Seq) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE tw_collection SET gone=? WHERE id=? AND gone IS NULL")?
        .execute((head as i64, id))?;
    Ok(())
}

/// Forgets definitions that no change above `floor` can need.
pub(crate) fn purge(connection: &Connection, floor: Seq) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM tw_collection WHERE gone <= ?")?.execute([floor as i64])?;
    Ok(())
}

fn parse(text: &str) -> Result<Collection, StoreError> {
    let mut collection: Collection = serde_json::from_str(text)?;
    collection.index_fields();
    Ok(collection)
}
