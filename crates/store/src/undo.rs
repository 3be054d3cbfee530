//! How one job of a transaction is undone without the others. Most jobs insert one record and succeed: a savepoint, for
//! which SQLite copies every page before it is changed, is opened only for what comes after that.

use crate::StoreError;
use crate::database::Database;
use crate::layout::Layout;
use crate::tx::{Progress, Tx};
use std::sync::Arc;
use tidewire_model::{Catalog, Record, Seq};

/// Where a job began.
pub(crate) struct Mark {
    catalog: Arc<Catalog>,
    changes: usize,
    messages: usize,
    bytes: u64,
}

/// A part of a job that can be undone alone.
pub struct Part {
    mark: Mark,
    head: Seq,
    before: Option<StoreError>,
}

/// A record that was inserted outside of the savepoint: taken back by deleting it.
pub(crate) struct Bare {
    layout: Arc<Layout>,
    record: Arc<Record>,
    seq: Seq,
}

impl Tx<'_> {
    /// What is written from here on can be undone. Called before every write.
    pub(crate) fn guard(&mut self) -> Result<(), StoreError> {
        if self.progress.guarded {
            return Ok(());
        }
        let database = self.snapshot.database;
        database.run("SAVEPOINT job")?;
        database.stand_ins.borrow_mut().mark();
        self.progress.guarded = true;
        Ok(())
    }

    /// The same for an insert, which needs no savepoint if it is the first write of its job.
    pub(crate) fn guard_insert(&mut self) -> Result<(), StoreError> {
        if self.progress.bare.is_some() { self.guard() } else { Ok(()) }
    }

    /// Does a part of the job. On `Err` what the part wrote is undone, and the job may go on.
    pub fn attempt<T, E: From<StoreError>>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = self.begin_part()?;
        let done = part(self);
        self.end_part(begun, done.is_ok())?;
        done
    }

    /// From here on all belongs to the part, until it ends. Parts end in the opposite order of their beginnings; one that
    /// does not end takes the whole job with it.
    pub fn begin_part(&mut self) -> Result<Part, StoreError> {
        self.guard()?;
        let (mark, head) = (self.progress.mark(), self.snapshot.head);
        self.snapshot.database.run("SAVEPOINT part")?;
        // a part that panics would be neither kept nor undone
        let before = self.progress.broken.replace(StoreError::Panicked);
        Ok(Part { mark, head, before })
    }

    /// Keeps or undoes what was written since the part began.
    pub fn end_part(&mut self, part: Part, keep: bool) -> Result<(), StoreError> {
        let Part { mark, head, before } = part;
        if self.progress.broken == Some(StoreError::Panicked) {
            self.progress.broken = before;
        }
        let database = self.snapshot.database;
        if !keep {
            self.snapshot.catalog = mark.catalog.clone();
            self.snapshot.head = head;
            self.progress.go_back(mark);
            database.run("ROLLBACK TO part")?;
            database.stand_ins.borrow().remake(&database.connection)?;
        }
        database.run("RELEASE part")
    }

    /// Remembers a record that was inserted and is about to be logged.
    pub(crate) fn inserted(&mut self, layout: &Arc<Layout>, record: &Arc<Record>) {
        if !self.progress.guarded {
            let (layout, record, seq) = (layout.clone(), record.clone(), self.snapshot.head + 1);
            self.progress.bare = Some(Bare { layout, record, seq });
        }
    }
}

impl Progress {
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            catalog: self.catalog.clone(),
            changes: self.changes.len(),
            messages: self.messages.len(),
            bytes: self.bytes,
        }
    }

    /// The work of a job stays.
    pub(crate) fn keep(&mut self, database: &Database) -> Result<(), StoreError> {
        self.bare = None;
        if std::mem::take(&mut self.guarded) { database.run("RELEASE job") } else { Ok(()) }
    }

    /// Undoes the work of a job. If that fails, the transaction must not be committed.
    pub(crate) fn undo(&mut self, mark: Mark, database: &Database) -> Result<(), StoreError> {
        self.go_back(mark);
        if std::mem::take(&mut self.guarded) {
            database.run("ROLLBACK TO job")?;
            database.run("RELEASE job")?;
            database.stand_ins.borrow_mut().restore(&database.connection)?;
        }
        self.bare.take().map_or(Ok(()), |bare| bare.take_back(database))
    }

    /// After the rollback of a whole transaction: back to the last commit.
    pub(crate) fn forget(&mut self, catalog: Arc<Catalog>, bytes: u64) {
        self.go_back(Mark { catalog, changes: 0, messages: 0, bytes });
        (self.broken, self.guarded, self.bare) = (None, false, None);
        self.tries = None;
    }

    fn go_back(&mut self, mark: Mark) {
        for change in self.changes.drain(mark.changes..) {
            if let Some(last) = self.offsets.get_mut(&change.collection.id) {
                *last -= 1;
            }
        }
        self.messages.truncate(mark.messages);
        self.catalog = mark.catalog;
        self.bytes = mark.bytes;
    }
}

impl Bare {
    fn take_back(self, database: &Database) -> Result<(), StoreError> {
        let Self { layout, record, seq } = self;
        let connection = &database.connection;
        connection.prepare_cached(&layout.delete)?.execute((record.tenant.as_str(), record.id()))?;
        connection.prepare_cached("DELETE FROM tw_change WHERE seq=?")?.execute([seq as i64])?;
        Ok(())
    }
}
