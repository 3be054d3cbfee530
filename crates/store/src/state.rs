//! How far the store has come, and the system tables. The row of the state and the counters of collections are written now
//! and then: what they do not tell yet is read from the changes after them, so a commit need not write them.

use crate::StoreError;
use rusqlite::Connection;
use tidewire_model::{Epoch, Seq};

#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) epoch: Epoch,
    /// of the catalog
    pub(crate) revision: u64,
    /// last position
    pub(crate) head: Seq,
    /// size of all images ever written: differences of it are the size of a part of the log
    pub(crate) bytes: u64,
}

pub(crate) const FORMAT: i64 = 1;

const TABLES: &str = r#"
CREATE TABLE tw_state (
  one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, revision INTEGER NOT NULL,
  head INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE tw_collection (
  place INTEGER PRIMARY KEY, id TEXT NOT NULL, definition TEXT NOT NULL, gone INTEGER);
CREATE UNIQUE INDEX tw_collection_id ON tw_collection (id) WHERE gone IS NULL;
CREATE INDEX tw_collection_gone ON tw_collection (id, gone) WHERE gone IS NOT NULL;
CREATE TABLE tw_counter (collection TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tw_change (
  seq INTEGER PRIMARY KEY, collection TEXT NOT NULL, "offset" INTEGER NOT NULL, tenant TEXT NOT NULL,
  action INTEGER NOT NULL, actor TEXT NOT NULL, at INTEGER NOT NULL, txn INTEGER NOT NULL,
  bytes INTEGER NOT NULL, old TEXT, new TEXT);
CREATE TABLE tw_setting (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tw_account (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  api_key_hash TEXT NOT NULL, created TEXT NOT NULL);
"#;

/// The keys of accounts; those of folders from before they had a table of their own are taken over.
const KEYS: &str = r#"
CREATE TABLE tw_key (
  id TEXT PRIMARY KEY, account TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  collections TEXT NOT NULL, label TEXT NOT NULL, created TEXT NOT NULL);
CREATE INDEX tw_key_account ON tw_key (account);
INSERT OR IGNORE INTO tw_key SELECT lower(hex(randomblob(8))), id, api_key_hash, 'secret', '[]', '', created
  FROM tw_account WHERE api_key_hash != '' ORDER BY rowid;
"#;

/// Messages that are kept, by their places in the log, and what is left of their topics.
const MESSAGES: &str = r#"
CREATE TABLE tw_message (
  seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, topic TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX tw_message_topic ON tw_message (tenant, topic, seq);
CREATE TABLE tw_topic (
  tenant TEXT NOT NULL, topic TEXT NOT NULL, gone INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY (tenant, topic)) WITHOUT ROWID;
"#;

/// Makes the system tables of a new database; refuses one of a later format.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    let format: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match format {
        0 => {
            transaction.execute_batch(TABLES)?;
            let epoch: u64 = rand::random();
            transaction.execute("INSERT INTO tw_state VALUES (1, ?, 0, 0, 0)", [epoch as i64])?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
        }
        FORMAT => {}
        other => return Err(StoreError::Database(format!("unknown format {other} of the data folder"))),
    }
    if !transaction.table_exists(None, "tw_key")? {
        transaction.execute_batch(KEYS)?;
    }
    if !transaction.table_exists(None, "tw_message")? {
        transaction.execute_batch(MESSAGES)?;
    }
    Ok(transaction.commit()?)
}

/// As of the last change.
pub(crate) fn read(connection: &Connection) -> Result<State, StoreError> {
    let mut statement = connection.prepare_cached(
        r#"SELECT epoch, revision, COALESCE(seq, head),
             COALESCE(c.bytes + COALESCE(octet_length(old), 0) + COALESCE(octet_length(new), 0), s.bytes)
           FROM tw_state s LEFT JOIN tw_change c ON seq = (SELECT MAX(seq) FROM tw_change)"#,
    )?;
    Ok(statement.query_row((), |row| {
        Ok(State {
            epoch: row.get::<_, i64>(0)? as u64,
            revision: row.get::<_, i64>(1)? as u64,
            head: row.get::<_, i64>(2)? as u64,
            bytes: row.get::<_, i64>(3)? as u64,
        })
    })?)
}

/// What a reader needs: epoch, revision and head.
pub(crate) fn view(connection: &Connection) -> Result<(Epoch, u64, Seq), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT epoch, revision, COALESCE((SELECT MAX(seq) FROM tw_change), head) FROM tw_state",
    )?;
    let column = |row: &rusqlite::Row<'_>, index| Ok::<_, rusqlite::Error>(row.get::<_, i64>(index)? as u64);
    Ok(statement.query_row((), |row| Ok((column(row, 0)?, column(row, 1)?, column(row, 2)?)))?)
}

pub(crate) fn write(connection: &Connection, state: &State) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("UPDATE tw_state SET revision=?, head=?, bytes=?")?;
    statement.execute((state.revision as i64, state.head as i64, state.bytes as i64))?;
    Ok(())
}
