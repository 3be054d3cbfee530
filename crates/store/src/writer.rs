//! The one thread that writes. Jobs that wait are put into one transaction, each in a savepoint of its own.

use crate::database::Database;
use crate::published::Published;
use crate::retention::Keeper;
use crate::state::{self, State};
use crate::tx::Progress;
use crate::wait;
use crate::{Committed, Snapshot, StoreError, Tx, change_log, checkpoint, lock::FolderLock};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tidewire_model::{Catalog, Timestamp};
use tokio::sync::{mpsc, oneshot};

/// jobs in one transaction
const GROUP: usize = 512;
/// groups after which the size of the write-ahead log is looked at
const UPKEEP: u32 = 64;

pub(crate) enum Message {
    Run(Box<dyn Job>),
    Close,
}

/// A write and the way to answer it.
pub(crate) trait Job: Send {
    /// True if the work is to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// `outcome` is what became of the transaction.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

pub(crate) struct Write<T, E, F> {
    pub(crate) job: Option<F>,
    pub(crate) result: Option<Result<T, E>>,
    pub(crate) reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(job) = self.job.take() else { return false };
        self.result.insert(job(tx)).is_ok()
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (outcome, self.result) {
            (_, Some(Err(own))) => Err(own),
            (Err(error), _) => Err(E::from(error)),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(E::from(StoreError::Panicked)),
        };
        // whoever asked may have gone
        let _ = self.reply.send(answer);
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
        lock: FolderLock,
    ) -> Result<Self, StoreError> {
        let progress = Progress {
            catalog: published.catalog(),
            offsets: change_log::offsets(&database.connection)?,
            bytes: base.bytes,
            changes: Vec::new(),
            broken: None,
        };
        Ok(Self { database, base, progress, published, announce, keeper, groups: 0, _lock: lock })
    }

    /// Ends when it is told to close, or when nobody is left who could send a job; what was sent before is done first.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut open = true;
        while open {
            match wait::block_until(queue.recv(), self.keeper.next_look()) {
                Some(Some(Message::Run(job))) => open = self.group_of(job, &mut queue),
                Some(Some(Message::Close) | None) => open = false,
                None => {}
            }
            self.upkeep();
        }
        queue.close();
        while let Some(message) = wait::block_on(queue.recv()) {
            if let Message::Run(job) = message {
                self.group_of(job, &mut queue);
            }
        }
        checkpoint::truncate(&self.database.connection);
    }

    /// False if a message to close was among those that waited.
    fn group_of(&mut self, first: Box<dyn Job>, queue: &mut mpsc::Receiver<Message>) -> bool {
        let mut jobs = vec![first];
        let mut open = true;
        while jobs.len() < GROUP {
            match queue.try_recv() {
                Ok(Message::Run(job)) => jobs.push(job),
                Ok(Message::Close) => open = false,
                Err(_) => break,
            }
        }
        self.group(jobs);
        open
    }

    fn group(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        self.groups += 1;
        let mut outcomes = vec![Ok(()); jobs.len()];
        let result = self.transaction(&mut jobs, &mut outcomes);
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
            *outcome = self.in_savepoint(job.as_mut());
            // some errors, e.g. a full disk, make SQLite undo the whole transaction by itself
            if self.database.connection.is_autocommit() {
                return Err(outcome
                    .clone()
                    .err()
                    .unwrap_or(StoreError::Database("transaction was lost".into())));
            }
        }
        let state = self.store_progress()?;
        self.database.run("COMMIT")?;
        Ok(state)
    }

    fn in_savepoint(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.database.run("SAVEPOINT job")?;
        self.database.stand_ins.borrow_mut().mark();
        let mark = self.progress.mark();
        let kept = catch_unwind(AssertUnwindSafe(|| self.attempt(job)));
        let outcome = match (kept, self.progress.broken.take()) {
            (Ok(true), None) => return self.database.run("RELEASE job"),
            (Ok(_), Some(error)) => Err(error),
            (Ok(false), None) => Ok(()),
            (Err(_), _) => Err(StoreError::Panicked),
        };
        self.progress.undo(mark);
        self.database.run("ROLLBACK TO job")?;
        self.database.run("RELEASE job")?;
        self.database.stand_ins.borrow_mut().restore(&self.database.connection)?;
        outcome
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
        job.run(&mut Tx { snapshot, progress, at: Timestamp::now(), transaction: head + 1 })
    }

    /// Counters are written once for the whole transaction.
    fn store_progress(&self) -> Result<State, StoreError> {
        let Progress { catalog, changes, offsets, bytes, .. } = &self.progress;
        let head = changes.last().map_or(self.base.head, |change| change.position.seq);
        let state = State { revision: catalog.revision, head, bytes: *bytes, ..self.base };
        let connection = &self.database.connection;
        let touched: HashSet<_> = changes.iter().map(|change| &change.collection.id).collect();
        for id in touched {
            change_log::set_offset(connection, id, offsets.get(id).copied().unwrap_or(0))?;
        }
        if !changes.is_empty() || state.revision != self.base.revision {
            state::write(connection, &state)?;
        }
        Ok(state)
    }

    /// What is announced can already be read, and what is answered was already announced.
    fn publish(&mut self, state: State) {
        let redefined = state.revision != self.base.revision;
        self.base = state;
        if redefined {
            self.published.set_catalog(self.progress.catalog.clone());
        }
        self.published.set_head(state.head);
        let changes = std::mem::take(&mut self.progress.changes);
        if changes.is_empty() && !redefined {
            return;
        }
        let catalog = redefined.then(|| self.progress.catalog.clone());
        let committed = Committed { changes: changes.into(), catalog };
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
        self.progress.undo(Mark { catalog: self.published.catalog(), changes: 0, bytes: self.base.bytes });
        self.progress.broken = None;
    }

    fn upkeep(&mut self) {
        if self.groups >= UPKEEP {
            self.groups = 0;
            checkpoint::limit(&self.database.connection);
        }
        match self.keeper.work(&mut self.database.connection, self.base.head, self.base.bytes) {
            Ok(Some(floor)) => self.published.set_floor(floor),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "old changes could not be deleted");
                self.keeper.pause();
            }
        }
    }
}

/// Where a savepoint began.
struct Mark {
    catalog: Arc<Catalog>,
    changes: usize,
    bytes: u64,
}

impl Progress {
    fn mark(&self) -> Mark {
        Mark { catalog: self.catalog.clone(), changes: self.changes.len(), bytes: self.bytes }
    }

    fn undo(&mut self, mark: Mark) {
        for change in self.changes.drain(mark.changes..) {
            if let Some(last) = self.offsets.get_mut(&change.collection.id) {
                *last -= 1;
            }
        }
        self.catalog = mark.catalog;
        self.bytes = mark.bytes;
    }
}
