use crate::StoreError;
use crate::state::FORMAT;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// What was found in a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// "ok", or the first fault that SQLite found
    pub integrity: String,
    /// of the tables
    pub format: i64,
    /// that this program writes
    pub known_format: i64,
}

/// Looks into the file without changing it, also beside a server that runs; reads all of it.
pub fn examine(dir: &Path) -> Result<Examined, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join("data.db"), flags)?;
    connection.busy_timeout(crate::database::BUSY)?;
    let format = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let integrity = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    Ok(Examined { integrity, format, known_format: FORMAT })
}
