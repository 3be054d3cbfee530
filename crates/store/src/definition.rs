//! Stored definitions of collections. One that was deleted stays, marked, as long as the change log has changes that
//! were written by it.

use crate::StoreError;
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;
use tidewire_model::{Catalog, Collection, Seq};

pub(crate) fn load(connection: &Connection, revision: u64) -> Result<Arc<Catalog>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT definition FROM tw_collection WHERE gone IS NULL ORDER BY place")?;
    let mut rows = statement.query(())?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(parse(row.get_ref(0)?.as_str().unwrap_or(""))?);
    }
    Ok(Arc::new(Catalog::new(revision, list)))
}

/// Also finds one that was deleted.
pub(crate) fn find(connection: &Connection, id: &str) -> Result<Option<Arc<Collection>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT definition FROM tw_collection WHERE id=?")?;
    let text: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    text.map(|text| parse(&text)).transpose()
}

/// A new definition goes to the end of the order of creation, also if one of the same id was deleted before.
pub(crate) fn save(connection: &Connection, collection: &Collection) -> Result<(), StoreError> {
    let text = serde_json::to_string(collection)?;
    connection
        .prepare_cached("DELETE FROM tw_collection WHERE id=? AND gone IS NOT NULL")?
        .execute([&*collection.id])?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO tw_collection (place, id, definition) \
         VALUES ((SELECT COALESCE(MAX(place), 0) + 1 FROM tw_collection), ?, ?) \
         ON CONFLICT (id) DO UPDATE SET definition=excluded.definition",
    )?;
    statement.execute((&*collection.id, text))?;
    Ok(())
}

pub(crate) fn remove(connection: &Connection, id: &str, head: Seq) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE tw_collection SET gone=? WHERE id=?")?.execute((head as i64, id))?;
    Ok(())
}

/// Forgets definitions that no change above `floor` can need.
pub(crate) fn purge(connection: &Connection, floor: Seq) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM tw_collection WHERE gone <= ?")?.execute([floor as i64])?;
    Ok(())
}

fn parse(text: &str) -> Result<Arc<Collection>, StoreError> {
    let mut collection: Collection = serde_json::from_str(text)?;
    collection.index_fields();
    Ok(Arc::new(collection))
}
