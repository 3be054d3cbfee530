use crate::StoreError;
use crate::layout::{Layout, quote};
use crate::row::Column;
use crate::tries::Tries;
use crate::undo::Bare;
use crate::{Snapshot, change_log, definition, image, index, schema};
use hashbrown::HashMap;
use rusqlite::{ToSql, params_from_iter};
use std::iter::once;
use std::ops::Deref;
use std::sync::Arc;
use tidewire_hooks::{Event, Hooks};
use tidewire_model::{
    Action, Backlog, Catalog, Change, Collection, Message, Position, Record, Seq, Timestamp, Topics,
};
use tidewire_rules::TENANT_COLUMN;

/// The writer's view inside one savepoint.
pub struct Tx<'a> {
    pub(crate) snapshot: Snapshot<'a>,
    pub(crate) progress: &'a mut Progress,
    pub(crate) at: Timestamp,
    /// id of this transaction: the position of its first change
    pub(crate) transaction: u64,
    pub(crate) nesting: Nesting,
}

/// What user code has done within one job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nesting {
    /// writes that are under way, each on behalf of the one before
    pub depth: u32,
    /// reads and writes in all
    pub acts: u32,
}

/// How far the writer has come, also inside its open transaction.
pub(crate) struct Progress {
    pub(crate) catalog: Arc<Catalog>,
    /// last offset of each collection
    pub(crate) offsets: HashMap<Box<str>, u64>,
    pub(crate) bytes: u64,
    /// of the open transaction
    pub(crate) changes: Vec<Arc<Change>>,
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) backlog: Backlog,
    /// a record was written, its change row could not be: the job must not be kept, whatever it says
    pub(crate) broken: Option<StoreError>,
    /// of the open job, if it can be done again
    pub(crate) tries: Option<Box<Tries>>,
    /// the open job has a savepoint
    pub(crate) guarded: bool,
    /// what the open job wrote before that
    pub(crate) bare: Option<Bare>,
    pub(crate) hooks: Hooks,
}

impl<'a> Deref for Tx<'a> {
    type Target = Snapshot<'a>;
    fn deref(&self) -> &Self::Target {
        &self.snapshot
    }
}

impl Tx<'_> {
    /// The user code around writes.
    pub fn hooks(&self) -> Hooks {
        self.progress.hooks.clone()
    }

    /// Whether user code is to be called for this inside of the transaction.
    pub fn has_hooks(&self, event: Event, collection: &str) -> bool {
        self.progress.hooks.has_for(event, collection)
    }

    pub fn nesting(&mut self) -> &mut Nesting {
        &mut self.nesting
    }

    /// The last position, with the changes of this job.
    pub fn position(&self) -> Seq {
        self.snapshot.head
    }

    /// Writes the record and its change row. The record's id must be set.
    pub fn insert(&mut self, record: Record, actor: &str) -> Result<Arc<Record>, StoreError> {
        let layout = self.writable(&record.collection)?;
        let record = fitted(record, &layout);
        if record.id().is_empty() {
            return Err(StoreError::Database("a record needs an id".into()));
        }
        self.guard_insert()?;
        let columns: Vec<_> = record.values.iter().map(Column).collect();
        let tenant = record.tenant.as_str();
        let values = columns.iter().map(|column| column as &dyn ToSql);
        let mut statement = self.snapshot.connection().prepare_cached(&layout.insert)?;
        let written = statement.execute(params_from_iter(once(&tenant as &dyn ToSql).chain(values)));
        written.map_err(|error| index::explain(error, &layout.collection))?;
        drop(statement);
        let new = Arc::new(record);
        self.inserted(&layout, &new);
        self.log(Action::Create, &layout.collection, None, Some(new.clone()), actor)?;
        Ok(new)
    }

    /// Writes the new values and their change row. A record stays in its tenant.
    pub fn update(&mut self, old: &Arc<Record>, new: Record, actor: &str) -> Result<Arc<Record>, StoreError> {
        let layout = self.writable(&old.collection)?;
        let old = fitted_arc(old, &layout);
        let mut new = fitted(new, &layout);
        new.tenant = old.tenant.clone();
        self.guard()?;
        self.write_differences(&layout, &old, &new)?;
        let new = Arc::new(new);
        self.log(Action::Update, &layout.collection, Some(old), Some(new.clone()), actor)?;
        Ok(new)
    }

    /// Deletes the row; its last image stays in the change row.
    pub fn delete(&mut self, old: &Arc<Record>, actor: &str) -> Result<(), StoreError> {
        let layout = self.writable(&old.collection)?;
        let old = fitted_arc(old, &layout);
        self.guard()?;
        let mut statement = self.snapshot.connection().prepare_cached(&layout.delete)?;
        if statement.execute((old.tenant.as_str(), old.id()))? == 0 {
            return Err(StoreError::NoRecord(old.id().to_owned()));
        }
        drop(statement);
        self.log(Action::Delete, &layout.collection, Some(old), None, actor)
    }

    /// Creates or replaces a definition and brings its table and indexes in line (columns follow field ids, so a renamed
    /// field keeps its data). `Tx::catalog` shows it at once; others see it after the commit.
    pub fn save_collection(&mut self, mut collection: Collection) -> Result<Arc<Collection>, StoreError> {
        collection.index_fields();
        let old = self.catalog.by_id(&collection.id).cloned();
        self.guard()?;
        let database = self.snapshot.database;
        database.run("SAVEPOINT definition")?;
        let saved = schema::sync(&database.connection, old.as_deref(), &collection)
            .and_then(|()| definition::save(&database.connection, &collection));
        if let Err(error) = saved {
            database.run("ROLLBACK TO definition")?;
            database.run("RELEASE definition")?;
            return Err(error);
        }
        database.run("RELEASE definition")?;
        let collection = Arc::new(collection);
        let mut list = self.catalog.all().to_vec();
        match list.iter_mut().find(|known| known.id == collection.id) {
            Some(known) => *known = collection.clone(),
            None => list.push(collection.clone()),
        }
        self.set_catalog(list);
        Ok(collection)
    }

    /// Drops the definition with all its records, without a change row for each.
    pub fn delete_collection(&mut self, id: &str) -> Result<(), StoreError> {
        let Some(collection) = self.catalog.by_id(id).cloned() else {
            return Err(StoreError::NoCollection(id.to_owned()));
        };
        self.guard()?;
        if schema::has_table(&collection) {
            schema::drop_table(self.connection(), &collection)?;
        }
        definition::remove(self.connection(), id, self.head)?;
        self.set_catalog(self.catalog.all().iter().filter(|known| &*known.id != id).cloned().collect());
        Ok(())
    }

    /// The same definitions under a new revision.
    pub(crate) fn renew_catalog(&mut self) {
        self.set_catalog(self.catalog.all().to_vec());
    }

    pub(crate) fn renew_catalog_with(&mut self, topics: Arc<Topics>) {
        let list = self.catalog.all().to_vec();
        self.publish_catalog(Catalog::new(self.catalog.revision + 1, list).with_topics(topics));
    }

    fn set_catalog(&mut self, list: Vec<Arc<Collection>>) {
        let topics = self.catalog.topics().clone();
        self.publish_catalog(Catalog::new(self.catalog.revision + 1, list).with_topics(topics));
    }

    fn publish_catalog(&mut self, catalog: Catalog) {
        let catalog = Arc::new(catalog);
        self.progress.catalog = catalog.clone();
        self.snapshot.catalog = catalog;
    }

    fn writable(&self, collection: &Arc<Collection>) -> Result<Arc<Layout>, StoreError> {
        self.layout(collection).ok_or_else(|| StoreError::NoCollection(collection.id.to_string()))
    }

    /// Names only the columns that differ: indexes of the others are left alone.
    fn write_differences(&self, layout: &Layout, old: &Record, new: &Record) -> Result<(), StoreError> {
        let pairs = || old.values.iter().zip(new.values.iter());
        let changed: Vec<_> = (0_usize..).zip(pairs()).filter(|(_, (old, new))| old != new).collect();
        let tenant = quote(TENANT_COLUMN);
        let mut sets: Vec<_> = changed
            .iter()
            .map(|(index, _)| format!("{}=?", quote(&layout.collection.fields[*index].name)))
            .collect();
        if sets.is_empty() {
            sets.push("\"id\"=\"id\"".to_owned());
        }
        let sql = format!("UPDATE {} SET {} WHERE {tenant}=? AND \"id\"=?", layout.table, sets.join(","));
        let columns: Vec<_> = changed.iter().map(|(_, (_, new))| Column(new)).collect();
        let values = columns.iter().map(|column| column as &dyn ToSql);
        let key = (old.tenant.as_str(), old.id());
        let params = values.chain([&key.0 as &dyn ToSql, &key.1]);
        let written = self.connection().prepare_cached(&sql)?.execute(params_from_iter(params));
        match written.map_err(|error| index::explain(error, &layout.collection))? {
            0 => Err(StoreError::NoRecord(old.id().to_owned())),
            _ => Ok(()),
        }
    }

    pub(crate) fn log(
        &mut self,
        action: Action,
        collection: &Arc<Collection>,
        old: Option<Arc<Record>>,
        new: Option<Arc<Record>>,
        actor: &str,
    ) -> Result<(), StoreError> {
        let Some(record) = new.as_ref().or(old.as_ref()) else { return Ok(()) };
        let id = &collection.id;
        let offset = self.progress.offsets.get(id).copied().unwrap_or(0) + 1;
        let seq = self.head + 1;
        let change = Arc::new(Change {
            position: Position { epoch: self.epoch, seq, offset },
            action,
            collection: collection.clone(),
            tenant: record.tenant.clone(),
            old,
            new,
            actor: actor.into(),
            at: self.at,
            transaction: self.transaction,
        });
        let size = change_log::append(self.snapshot.connection(), &change, self.progress.bytes)
            .inspect_err(|error| self.progress.broken = Some(error.clone()))?;
        self.progress.bytes += size;
        self.progress.offsets.insert(id.clone(), offset);
        self.progress.changes.push(change);
        self.snapshot.head = seq;
        Ok(())
    }
}

/// A record that was read before its collection was changed takes the new shape.
fn fitted(record: Record, layout: &Layout) -> Record {
    if Arc::ptr_eq(&record.collection, &layout.collection) {
        return record;
    }
    image::fit(&record, &layout.collection)
}

fn fitted_arc(record: &Arc<Record>, layout: &Layout) -> Arc<Record> {
    if Arc::ptr_eq(&record.collection, &layout.collection) {
        return record.clone();
    }
    Arc::new(image::fit(record, &layout.collection))
}
