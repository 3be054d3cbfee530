use crate::{Snapshot, StoreError, Tx};
use rusqlite::{OptionalExtension, Row};
use tidewire_model::{Collection, TenantId};

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// everything in its account
    Secret,
    /// to watch and to speak
    Publishable,
}

/// A key of an account; the key itself is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    pub id: String,
    pub account: TenantId,
    pub hash: String,
    pub kind: KeyKind,
    /// collections that it is good for; none: all
    pub collections: Vec<String>,
    /// what it is for, in its owner's words
    pub label: String,
    pub created: String,
}

const COLUMNS: &str = "id, account, hash, kind, collections, label, created";

impl Snapshot<'_> {
    /// Of one account, in the order in which they were made.
    pub fn keys(&self, account: &TenantId) -> Result<Vec<ApiKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tw_key WHERE account=? ORDER BY rowid");
        let mut statement = self.connection().prepare_cached(&sql)?;
        let keys = statement.query_map([account.as_str()], read)?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    pub fn key_by_hash(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tw_key WHERE hash=?");
        let mut statement = self.connection().prepare_cached(&sql)?;
        Ok(statement.query_row([hash], read).optional()?)
    }
}

impl Tx<'_> {
    /// The revision of the catalog grows with it: what was remembered of keys is looked up again.
    pub fn save_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.guard()?;
        let sql = format!("INSERT INTO tw_key ({COLUMNS}) VALUES (?,?,?,?,?,?,?)");
        let ApiKey { id, account, hash, kind, collections, label, created } = key;
        let collections = serde_json::to_string(collections)?;
        let kind = kind_name(*kind);
        let mut statement = self.connection().prepare_cached(&sql)?;
        let result = statement.execute((id, account.as_str(), hash, kind, collections, label, created));
        result.map_err(|error| crate::index::explain(error, &Collection::default()))?;
        drop(statement);
        self.renew_catalog();
        Ok(())
    }

    /// False if there is no such key.
    pub fn delete_key(&mut self, id: &str) -> Result<bool, StoreError> {
        self.guard()?;
        let deleted = self.connection().prepare_cached("DELETE FROM tw_key WHERE id=?")?.execute([id])?;
        self.renew_catalog();
        Ok(deleted > 0)
    }
}

fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Secret => "secret",
        KeyKind::Publishable => "publishable",
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let kind: String = row.get(3)?;
    let collections: String = row.get(4)?;
    Ok(ApiKey {
        id: row.get(0)?,
        account: TenantId::new(&row.get::<_, String>(1)?),
        hash: row.get(2)?,
        kind: if kind == kind_name(KeyKind::Secret) { KeyKind::Secret } else { KeyKind::Publishable },
        collections: serde_json::from_str(&collections).unwrap_or_default(),
        label: row.get(5)?,
        created: row.get(6)?,
    })
}
