//! The change rows. `seq` is dense over all collections, `offset` within one. All changes of a transaction are
//! neighbours, and its id is the `seq` of its first one.

use crate::StoreError;
use crate::definition::{self, Tombstone};
use crate::image;
use hashbrown::HashMap;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::sync::Arc;
use tidewire_model::message::{MESSAGES_ID, messages};
use tidewire_model::{
    Action, Catalog, Change, Collection, Epoch, Position, Record, Seq, TenantId, Timestamp,
};

const COLUMNS: &str = r#"seq, collection, "offset", tenant, action, actor, at, txn, old, new"#;

/// Writes the row of a change and returns the size of its images. `bytes_before` is that of all changes before.
pub(crate) fn append(connection: &Connection, change: &Change, bytes_before: u64) -> Result<u64, StoreError> {
    let encode = |record: &Option<Arc<Record>>| record.as_ref().map(|record| image::encode(record));
    let (old, new) = (encode(&change.old), encode(&change.new));
    let size = [&old, &new].into_iter().flatten().map(|text| text.len() as u64).sum::<u64>();
    let mut statement = connection.prepare_cached(
        r#"INSERT INTO tw_change (seq, collection, "offset", tenant, action, actor, at, txn, bytes, old, new)
           VALUES (?,?,?,?,?,?,?,?,?,?,?)"#,
    )?;
    statement.execute((
        change.position.seq as i64,
        &*change.collection.id,
        change.position.offset as i64,
        change.tenant.as_str(),
        code(change.action),
        &*change.actor,
        change.at.millis(),
        change.transaction as i64,
        bytes_before as i64,
        old,
        new,
    ))?;
    Ok(size)
}

/// The last offset of each collection that ever had a change.
pub(crate) fn offsets(connection: &Connection) -> Result<HashMap<Box<str>, u64>, StoreError> {
    // counters are written now and then, so later changes may tell more
    let mut statement = connection.prepare(
        r#"SELECT collection, MAX(last) FROM (
             SELECT collection, last FROM tw_counter
             UNION ALL
             SELECT collection, MAX("offset") FROM tw_change
             WHERE seq > (SELECT head FROM tw_state) GROUP BY collection)
           GROUP BY collection"#,
    )?;
    let pairs = statement
        .query_map((), |row| Ok((row.get::<_, String>(0)?.into_boxed_str(), row.get::<_, i64>(1)? as u64)))?;
    Ok(pairs.collect::<Result<_, _>>()?)
}

pub(crate) fn set_offset(connection: &Connection, collection: &str, last: u64) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO tw_counter VALUES (?, ?) ON CONFLICT (collection) DO UPDATE SET last=excluded.last",
    )?;
    statement.execute((collection, last as i64))?;
    Ok(())
}

/// Changes after `floor` are stored; `head` if there is none.
pub(crate) fn floor(connection: &Connection, head: Seq) -> Result<Seq, StoreError> {
    let mut statement = connection.prepare_cached("SELECT MIN(seq) FROM tw_change")?;
    let first: Option<i64> = statement.query_row((), |row| row.get(0))?;
    Ok(first.map_or(head, |first| first as u64 - 1))
}

/// Reads change rows with the definitions of a catalog.
pub(crate) struct Reader<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) catalog: &'a Catalog,
    pub(crate) epoch: Epoch,
}

impl Reader<'_> {
    pub(crate) fn after(&self, seq: Seq, limit: usize) -> Result<Vec<Arc<Change>>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tw_change WHERE seq > ? ORDER BY seq LIMIT ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((seq as i64, limit as i64))?;
        let mut gone = Gone::new();
        let mut changes = Vec::new();
        while let Some(row) = rows.next()? {
            changes.push(self.change(row, &mut gone)?);
        }
        Ok(changes)
    }

    pub(crate) fn of(&self, transaction: u64) -> Result<Vec<Arc<Change>>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tw_change WHERE seq >= ? ORDER BY seq");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([transaction as i64])?;
        let mut gone = Gone::new();
        let mut changes = Vec::new();
        while let Some(row) = rows.next()? {
            let change = self.change(row, &mut gone)?;
            if change.transaction != transaction {
                break;
            }
            changes.push(change);
        }
        Ok(changes)
    }

    fn change(&self, row: &Row<'_>, gone: &mut Gone) -> Result<Arc<Change>, StoreError> {
        let seq = row.get::<_, i64>(0)? as u64;
        let collection = self.collection(text(row, 1)?, seq, gone)?;
        let tenant = TenantId::new(text(row, 3)?);
        let image = |index| match row.get_ref(index)? {
            ValueRef::Null => Ok(None),
            value => image::decode(value.as_str().unwrap_or(""), &collection, &tenant).map(Some),
        };
        let (old, new) = (image(8)?, image(9)?);
        if old.is_none() && new.is_none() {
            return Err(StoreError::Database("a change has no image".into()));
        }
        Ok(Arc::new(Change {
            position: Position { epoch: self.epoch, seq, offset: row.get::<_, i64>(2)? as u64 },
            action: action(row.get(4)?),
            old,
            new,
            actor: text(row, 5)?.into(),
            at: Timestamp(row.get(6)?),
            transaction: row.get::<_, i64>(7)? as u64,
            collection,
            tenant,
        }))
    }

    /// Deleted collections keep their definition for the log, so that no change of it is ever left out.
    fn collection(&self, id: &str, seq: Seq, gone: &mut Gone) -> Result<Arc<Collection>, StoreError> {
        if id == MESSAGES_ID {
            return Ok(messages().clone());
        }
        if !gone.contains_key(id) {
            gone.insert(id.to_owned(), definition::tombstones(self.connection, id, seq - 1)?);
        }
        let tombstone = gone.get(id).into_iter().flatten().find(|tombstone| tombstone.wrote(seq));
        let collection = tombstone.map(Tombstone::collection).or_else(|| self.catalog.by_id(id));
        collection.cloned().ok_or_else(|| StoreError::NoCollection(id.to_owned()))
    }
}

/// Deleted collections by the id they had.
type Gone = HashMap<String, Vec<Tombstone>>;

fn text<'a>(row: &'a Row<'_>, index: usize) -> Result<&'a str, StoreError> {
    Ok(row.get_ref(index)?.as_str().unwrap_or(""))
}

fn code(action: Action) -> i64 {
    match action {
        Action::Create => 1,
        Action::Update => 2,
        Action::Delete => 3,
    }
}

fn action(code: i64) -> Action {
    match code {
        1 => Action::Create,
        2 => Action::Update,
        _ => Action::Delete,
    }
}
