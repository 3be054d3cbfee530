//! SQLite moves the write-ahead log into the file by itself after commits, but readers that overlap without a pause can
//! keep it from starting over, and then it grows.

use rusqlite::Connection;
use std::time::Duration;

/// bytes of the write-ahead log from which the writer waits for readers to let it start over
const LIMIT: u64 = 64 << 20;
/// how long it waits
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) fn limit(connection: &Connection) {
    let size = connection
        .path()
        .map_or(0, |path| std::fs::metadata(format!("{path}-wal")).map_or(0, |metadata| metadata.len()));
    if size > LIMIT {
        truncate(connection);
    }
}

/// Does what it can: readers may be in the way, and then the next one will.
pub(crate) fn truncate(connection: &Connection) {
    let run = || {
        connection.busy_timeout(PATIENCE)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        connection.busy_timeout(crate::database::BUSY)
    };
    if let Err(error) = run() {
        tracing::warn!(%error, "checkpoint failed");
    }
}
