use crate::{Snapshot, StoreError, Tx};
use rusqlite::{OptionalExtension, Row};
use tidewire_model::{Collection, TenantId};

/// A tenant as the store keeps it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    pub id: TenantId,
    /// two letters and four digits, e.g. "AB1234"
    pub code: String,
    pub slug: String,
    pub name: String,
    /// hash of the API key, "" if it has none
    pub api_key_hash: String,
    pub created: String,
}

impl Snapshot<'_> {
    /// In the order in which they were first saved.
    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let sql = "SELECT id, code, slug, name, api_key_hash, created FROM tw_account ORDER BY rowid";
        let mut statement = self.connection().prepare_cached(sql)?;
        let accounts = statement.query_map((), read)?;
        Ok(accounts.collect::<Result<_, _>>()?)
    }

    pub fn account_name(&self, id: &TenantId) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection().prepare_cached("SELECT name FROM tw_account WHERE id=?")?;
        Ok(statement.query_row([id.as_str()], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    /// Adds or replaces the account of this id; its code and slug must be unique.
    pub fn save_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.guard()?;
        let sql = "INSERT INTO tw_account (id, code, slug, name, api_key_hash, created) VALUES (?,?,?,?,?,?) \
                   ON CONFLICT (id) DO UPDATE SET code=excluded.code, slug=excluded.slug, name=excluded.name, \
                   api_key_hash=excluded.api_key_hash, created=excluded.created";
        let Account { id, code, slug, name, api_key_hash, created } = account;
        let mut statement = self.connection().prepare_cached(sql)?;
        let result = statement.execute((id.as_str(), code, slug, name, api_key_hash, created));
        result.map_err(|error| crate::index::explain(error, &Collection::default()))?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: TenantId::new(&row.get::<_, String>(0)?),
        code: row.get(1)?,
        slug: row.get(2)?,
        name: row.get(3)?,
        api_key_hash: row.get(4)?,
        created: row.get(5)?,
    })
}
