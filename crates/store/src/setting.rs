use crate::{Snapshot, StoreError, Tx};
use rusqlite::OptionalExtension;

impl Snapshot<'_> {
    /// A stored setting (JSON text).
    pub fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection().prepare_cached("SELECT json FROM tw_setting WHERE key=?")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    pub fn set_setting(&mut self, key: &str, json: &str) -> Result<(), StoreError> {
        self.guard()?;
        let sql = "INSERT INTO tw_setting VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET json=excluded.json";
        self.connection().prepare_cached(sql)?.execute((key, json))?;
        Ok(())
    }
    /// Nothing happens if it is not there.
    pub fn remove_setting(&mut self, key: &str) -> Result<(), StoreError> {
        self.guard()?;
        self.connection().prepare_cached("DELETE FROM tw_setting WHERE key=?")?.execute([key])?;
        Ok(())
    }

    /// Removes all whose keys begin with `prefix`.
    pub fn remove_settings(&mut self, prefix: &str) -> Result<(), StoreError> {
        self.guard()?;
        let sql = "DELETE FROM tw_setting WHERE key >= ? AND key < ?";
        self.connection().prepare_cached(sql)?.execute((prefix, format!("{prefix}\u{10ffff}")))?;
        Ok(())
    }
}
