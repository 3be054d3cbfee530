//! The only writer. Commits records and their changes in one transaction, groups concurrent writes, and hands changes
//! over in commit order.

use std::path::Path;
use std::sync::Arc;
use tidewire_model::{Catalog, Change, Collection, Epoch, Record, Seq, TenantId};
use tidewire_rules::{Query, Residual};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// a second server on the same folder
    #[error("the data folder is in use by another server")]
    Locked,
    /// a UNIQUE index refused the write; the fields it spans
    #[error("value must be unique: {fields:?}")]
    NotUnique { fields: Vec<String> },
    #[error("the store is closed")]
    Closed,
    #[error("database error: {0}")]
    Database(String),
}

/// When change rows may be deleted: as soon as one bound is passed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// changes kept in all; default 1 000 000
    pub count: u64,
    /// seconds; default 7 days
    pub age: u64,
    /// bytes of images; default 1 GiB
    pub size: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { count: 1_000_000, age: 7 * 24 * 3600, size: 1 << 30 }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// reader connections; 0: one per core, at least 2
    pub readers: usize,
    pub retention: Retention,
}

/// What the writer hands over after a commit: the changes of one transaction group, in order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// dense `seq`, ascending
    pub changes: Arc<[Arc<Change>]>,
    /// set when definitions changed in this commit; holds from the first of `changes` on
    pub catalog: Option<Arc<Catalog>>,
}

/// Handle on the data folder; cheap to clone.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens or makes the folder. `announce` is called on the writer's thread after each commit, in commit order; it
    /// must not block.
    pub fn open(
        dir: &Path,
        options: Options,
        announce: Box<dyn Fn(Committed) + Send>,
    ) -> Result<Self, StoreError> {
        let _ = (dir, options, announce);
        unimplemented!()
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        unimplemented!()
    }

    pub fn epoch(&self) -> Epoch {
        unimplemented!()
    }

    /// The last committed position.
    pub fn head(&self) -> Seq {
        unimplemented!()
    }

    /// Positions below this one are gone: changes after `floor` can be read.
    pub fn floor(&self) -> Seq {
        unimplemented!()
    }

    /// Runs `job` on the writer's thread in a savepoint of the current group. `Ok` is returned after the group's commit
    /// is on disk; on `Err` only this job's work is undone.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let _ = job;
        unimplemented!()
    }

    /// The same for callers without a runtime.
    pub fn write_blocking<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let _ = job;
        unimplemented!()
    }

    /// Runs `job` on a reader's thread, inside one read transaction.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    {
        let _ = job;
        unimplemented!()
    }

    /// Runs `job` on the calling thread: for short point reads, and for threads that may block.
    pub fn read_here<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E>,
    {
        let _ = job;
        unimplemented!()
    }
}

/// A consistent view of the database: a reader's transaction, or the writer's own with its uncommitted writes.
pub struct Snapshot<'a> {
    _private: std::marker::PhantomData<&'a ()>,
}

impl Snapshot<'_> {
    pub fn catalog(&self) -> &Arc<Catalog> {
        unimplemented!()
    }

    /// The position of the last change that this view contains.
    pub fn head(&self) -> Result<Seq, StoreError> {
        unimplemented!()
    }

    pub fn get(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let _ = (collection, tenant, id);
        unimplemented!()
    }

    /// In the order of `ids`; missing ones are left out.
    pub fn get_many(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        ids: &[&str],
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let _ = (collection, tenant, ids);
        unimplemented!()
    }

    /// The first record whose `field` equals `text`; `nocase` folds ASCII case.
    pub fn find_by(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        field: &str,
        text: &str,
        nocase: bool,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let _ = (collection, tenant, field, text, nocase);
        unimplemented!()
    }

    /// Records whose relation field `field` (single or multiple) names `id`.
    pub fn referencing(
        &self,
        collection: &Arc<Collection>,
        tenant: &TenantId,
        field: &str,
        id: &str,
        limit: u64,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let _ = (collection, tenant, field, id, limit);
        unimplemented!()
    }

    pub fn select(
        &self,
        collection: &Arc<Collection>,
        query: &Query,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let _ = (collection, query);
        unimplemented!()
    }

    pub fn count(&self, query: &Query) -> Result<u64, StoreError> {
        let _ = query;
        unimplemented!()
    }

    /// Whether `residual` holds for this image of a record: in memory if it can, else by SQL with the image standing in
    /// for the stored row. `gone` are records deleted by the same transaction, which count as if they were still there.
    pub fn holds(
        &self,
        residual: &Residual,
        image: &Record,
        gone: &[Arc<Record>],
    ) -> Result<bool, StoreError> {
        let _ = (residual, image, gone);
        unimplemented!()
    }

    /// Changes after `seq` in order, at most `limit`.
    pub fn changes_after(&self, seq: Seq, limit: usize) -> Result<Vec<Arc<Change>>, StoreError> {
        let _ = (seq, limit);
        unimplemented!()
    }

    /// Changes of one transaction id.
    pub fn changes_of(&self, transaction: u64) -> Result<Vec<Arc<Change>>, StoreError> {
        let _ = transaction;
        unimplemented!()
    }

    /// A stored setting (JSON text).
    pub fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let _ = key;
        unimplemented!()
    }

    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        unimplemented!()
    }
}

/// A tenant as the store keeps it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
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

/// The writer's view inside one savepoint.
pub struct Tx<'a> {
    snapshot: Snapshot<'a>,
}

impl<'a> std::ops::Deref for Tx<'a> {
    type Target = Snapshot<'a>;
    fn deref(&self) -> &Self::Target {
        &self.snapshot
    }
}

impl Tx<'_> {
    /// Writes the record and its change row. The record's id must be set.
    pub fn insert(&mut self, record: Record, actor: &str) -> Result<Arc<Record>, StoreError> {
        let _ = (record, actor);
        unimplemented!()
    }

    pub fn update(&mut self, old: &Arc<Record>, new: Record, actor: &str) -> Result<Arc<Record>, StoreError> {
        let _ = (old, new, actor);
        unimplemented!()
    }

    pub fn delete(&mut self, old: &Arc<Record>, actor: &str) -> Result<(), StoreError> {
        let _ = (old, actor);
        unimplemented!()
    }

    /// Creates or replaces a definition and brings its table and indexes in line (columns follow field ids, so a renamed
    /// field keeps its data). `Tx::catalog` shows it at once; others see it after the commit.
    pub fn save_collection(&mut self, collection: Collection) -> Result<Arc<Collection>, StoreError> {
        let _ = collection;
        unimplemented!()
    }

    /// Drops the definition with all its records, without a change row for each.
    pub fn delete_collection(&mut self, id: &str) -> Result<(), StoreError> {
        let _ = id;
        unimplemented!()
    }

    pub fn set_setting(&mut self, key: &str, json: &str) -> Result<(), StoreError> {
        let _ = (key, json);
        unimplemented!()
    }

    pub fn save_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let _ = account;
        unimplemented!()
    }
}
