//! The one connection that writes. Jobs that come together are put into one transaction, and each can be undone alone.

use crate::checkpoint::{self, Checkpointer};
use crate::database::Database;
use crate::published::Published;
use crate::retention::Keeper;
use crate::state::{self, State};
use crate::tries::Tries;
use crate::tx::{Nesting, Progress};
use crate::{Committed, Snapshot, StoreError, Tx, change_log, lock::FolderLock};
use hashbrown::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tidewire_hooks::Hooks;
use tidewire_model::{Backlog, Seq, Timestamp};
use tokio::sync::oneshot;

/// groups after which the length of the write-ahead log is looked at
const UPKEEP: u32 = 64;

/// A write and the way to answer it.
pub(crate) trait Job: Send {
    /// True if the work is to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// `outcome` is what became of the transaction.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

pub(crate) struct Write<T, E, F> {
    job: Option<F>,
    /// if it can be done again
    tries: Option<Box<Tries>>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Reply<T, E>>,
}

/// What becomes of a job.
pub(crate) enum Reply<T, E> {
    Done(Result<T, E>),
    /// a question is to be answered first; nothing was done
    Asks(Box<Tries>),
}

impl<T, E, F> Write<T, E, F> {
    /// The job, and where its answer will come.
    pub(crate) fn new(job: F, tries: Option<Box<Tries>>) -> (Box<Self>, oneshot::Receiver<Reply<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { job: Some(job), tries, result: None, reply }), answer)
    }
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(job) = self.job.take() else { return false };
        let Some(tries) = self.tries.take() else { return self.result.insert(job(tx)).is_ok() };
        match tx.one_try(tries, job) {
            Ok(result) => self.result.insert(result).is_ok(),
            Err(asks) => {
                self.tries = Some(asks);
                false
            }
        }
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let reply = match (outcome, self.result, self.tries) {
            // without a question it has not run, because the transaction could not begin
            (_, _, Some(asks)) if asks.memory.waits() => Reply::Asks(asks),
            (_, Some(Err(own)), _) => Reply::Done(Err(own)),
            (Err(error), ..) => Reply::Done(Err(E::from(error))),
            (Ok(()), Some(Ok(value)), _) => Reply::Done(Ok(value)),
            (Ok(()), None, _) => Reply::Done(Err(E::from(StoreError::Panicked))),
        };
        // whoever asked may have gone
        let _ = self.reply.send(reply);
    }
}

pub(crate) struct Writer {
    database: Database,
    /// of the last commit
    base: State,
    progress: Progress,
    published: Arc<Published>,
    announce: Box<dyn Fn(Committed) + Send>,
    keeper: Keeper,
    groups: u32,
    /// collections whose counters were not written since they changed
    uncounted: HashSet<Box<str>>,
    /// the head that the stored state tells
    stored_head: Seq,
    checkpointer: Checkpointer,
    /// dropped last: nobody else may open the folder before the connection is closed
    _lock: FolderLock,
}

impl Writer {
    pub(crate) fn new(
        database: Database,
        base: State,
        published: Arc<Published>,
        announce: Box<dyn Fn(Committed) + Send>,
        keeper: Keeper,
        (checkpointer, lock): (Checkpointer, FolderLock),
        (hooks, backlog): (Hooks, Backlog),
    ) -> Result<Self, StoreError> {
        let progress = Progress {
            catalog: published.catalog(),
            offsets: change_log::offsets(&database.connection)?,
            bytes: base.bytes,
            changes: Vec::new(),
            messages: Vec::new(),
            backlog,
            broken: None,
            tries: None,
            guarded: false,
            bare: None,
            hooks,
        };
        let mut writer = Self {
            database,
            stored_head: base.head,
            base,
            progress,
            published,
            announce,
            keeper,
            groups: 0,
            uncounted: HashSet::new(),
            checkpointer,
            _lock: lock,
        };
        writer.uncounted.extend(writer.progress.offsets.keys().cloned());
        writer.store_state()?;
        Ok(writer)
    }

    /// Checkpoints and closes.
    pub(crate) fn finish(mut self) {
        if let Err(error) = self.store_state() {
            tracing::error!(%error, "the state was not written; the next start reads it from the log");
        }
        self.checkpointer.stop();
        checkpoint::truncate(&self.database.connection);
    }

    /// When to look after old changes if nothing is written until then.
    pub(crate) fn next_look(&self) -> Instant {
        self.keeper.next_look()
    }

    pub(crate) fn needs_upkeep(&self) -> bool {
        self.groups >= UPKEEP || self.published.log.has_rest()
    }

    /// Does these jobs in one transaction and answers them.
    pub(crate) fn group(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        self.groups += 1;
        let mut outcomes = vec![Ok(()); jobs.len()];
        let begun = Instant::now();
        let result = self.transaction(&mut jobs, &mut outcomes);
        self.published.commits.add(begun.elapsed());
        self.published.jobs.fetch_add(jobs.len() as u64, Ordering::Relaxed);
        self.checkpointer.look();
        match &result {
            Ok(state) => self.publish(*state),
            Err(error) => {
                tracing::error!(%error, jobs = jobs.len(), "a write transaction was undone");
                self.abandon();
            }
        }
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            let outcome = outcome.and_then(|()| result.as_ref().map(|_| ()).map_err(Clone::clone));
            job.finish(outcome);
        }
    }

    fn transaction(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        outcomes: &mut [Result<(), StoreError>],
    ) -> Result<State, StoreError> {
        self.database.run("BEGIN IMMEDIATE")?;
        for (job, outcome) in jobs.iter_mut().zip(outcomes) {
            let done = self.one(job.as_mut(), outcome);
            // some errors, e.g. a full disk, make SQLite undo the whole transaction by itself
            if self.database.connection.is_autocommit() {
                let lost = StoreError::Database("transaction was lost".into());
                return Err(outcome.clone().and(done).err().unwrap_or(lost));
            }
            done?;
        }
        let state = self.store_progress()?;
        self.database.run("COMMIT")?;
        Ok(state)
    }

    /// Runs one job; `outcome` is what became of it alone. Fails if the transaction cannot go on without it.
    fn one(&mut self, job: &mut dyn Job, outcome: &mut Result<(), StoreError>) -> Result<(), StoreError> {
        let mark = self.progress.mark();
        let kept = catch_unwind(AssertUnwindSafe(|| self.attempt(job)));
        // left behind by a job that panicked
        self.progress.tries = None;
        *outcome = match (kept, self.progress.broken.take()) {
            (Ok(true), None) => return self.progress.keep(&self.database),
            (Ok(_), Some(error)) => Err(error),
            (Ok(false), None) => Ok(()),
            (Err(_), _) => Err(StoreError::Panicked),
        };
        self.progress.undo(mark, &self.database)
    }

    fn attempt(&mut self, job: &mut dyn Job) -> bool {
        let head = self.progress.changes.last().map_or(self.base.head, |change| change.position.seq);
        let snapshot = Snapshot {
            database: &self.database,
            catalog: self.progress.catalog.clone(),
            epoch: self.base.epoch,
            head,
        };
        let progress = &mut self.progress;
        let (at, nesting) = (Timestamp::now(), Nesting::default());
        job.run(&mut Tx { snapshot, progress, at, transaction: head + 1, nesting })
    }

    /// The state after this transaction. It is stored with it only if definitions changed: all else the changes tell.
    fn store_progress(&mut self) -> Result<State, StoreError> {
        let Progress { catalog, changes, bytes, .. } = &self.progress;
        let head = changes.last().map_or(self.base.head, |change| change.position.seq);
        let state = State { revision: catalog.revision, head, bytes: *bytes, ..self.base };
        for change in changes {
            if !self.uncounted.contains(&change.collection.id) {
                self.uncounted.insert(change.collection.id.clone());
            }
        }
        if state.revision != self.base.revision {
            self.write_state(&state)?;
        }
        Ok(state)
    }

    fn write_state(&self, state: &State) -> Result<(), StoreError> {
        let connection = &self.database.connection;
        for id in &self.uncounted {
            let last = self.progress.offsets.get(id).copied().unwrap_or(0);
            change_log::set_offset(connection, id, last)?;
        }
        state::write(connection, state)
    }

    /// In a transaction of its own, so that old changes are no longer needed to know the state.
    fn store_state(&mut self) -> Result<(), StoreError> {
        if self.stored_head == self.base.head && self.uncounted.is_empty() {
            return Ok(());
        }
        self.database.run("BEGIN IMMEDIATE")?;
        let stored = self.write_state(&self.base).and_then(|()| self.database.run("COMMIT"));
        if stored.is_err() {
            self.abandon();
        } else {
            self.stored_head = self.base.head;
            self.uncounted.clear();
        }
        stored
    }

    /// What is announced can already be read, and what is answered was already announced.
    fn publish(&mut self, state: State) {
        let redefined = state.revision != self.base.revision;
        self.base = state;
        if redefined {
            self.published.set_catalog(self.progress.catalog.clone());
        }
        for change in &self.progress.changes {
            self.published.touched().set(&change.collection.id, change.position.seq);
        }
        self.published.set_head(state.head);
        let changes = std::mem::take(&mut self.progress.changes);
        let messages = std::mem::take(&mut self.progress.messages);
        if changes.is_empty() && messages.is_empty() && !redefined {
            return;
        }
        let catalog = redefined.then(|| self.progress.catalog.clone());
        let committed = Committed { changes: changes.into(), messages: messages.into(), catalog };
        if catch_unwind(AssertUnwindSafe(|| (self.announce)(committed))).is_err() {
            tracing::error!("the receiver of announcements panicked");
        }
    }

    fn abandon(&mut self) {
        if !self.database.connection.is_autocommit()
            && let Err(error) = self.database.run("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
        self.database.stand_ins.borrow_mut().forget();
        self.progress.forget(self.published.catalog(), self.base.bytes);
    }

    /// Keeps the write-ahead log and the change log in their bounds, a step at a time.
    pub(crate) fn upkeep(&mut self) {
        self.published.log.finish(&self.database.connection);
        if self.needs_upkeep() {
            self.groups = 0;
            self.published.log.limit(&self.database.connection);
        }
        if let Err(error) = self.published.demand.work(&self.database.connection, &self.published.catalog()) {
            tracing::error!(%error, "an index could not be made");
        }
        let catalog = self.published.catalog();
        if let Err(error) = self.keeper.sweep(&mut self.database.connection, &catalog) {
            tracing::error!(%error, "old messages could not be let go");
        }
        match self.forget_changes() {
            Ok(Some(floor)) => self.published.set_floor(floor),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "old changes could not be deleted");
                self.keeper.pause();
            }
        }
    }

    /// Deletes a batch of old changes. Returns the new floor if it rose.
    fn forget_changes(&mut self) -> Result<Option<Seq>, StoreError> {
        let State { head, bytes, .. } = self.base;
        if !self.keeper.has_work(&self.database.connection, head, bytes)? {
            return Ok(None);
        }
        self.store_state()?;
        self.keeper.work(&mut self.database.connection).map(Some)
    }
}
