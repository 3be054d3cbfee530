use crate::checkpoint::{Checkpointer, Log};
use crate::database::{Database, Durability};
use crate::demand::Demand;
use crate::desk::Desk;
use crate::lock::FolderLock;
use crate::published::Published;
use crate::reader::{self, Readers};
use crate::retention::Keeper;
use crate::tries::Tries;
use crate::writer::{Job, Reply, Write, Writer};
use crate::{Retention, Snapshot, StoreError, Tx, change_log, definition, state, wait};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use tidewire_hooks::{Event, Hooks};
use tidewire_model::{Action, Backlog, BacklogBounds, Catalog, Change, Epoch, Message, Seq, Timings};
use tokio::sync::{mpsc, oneshot};

/// jobs that wait for a reader; who comes later waits for room
const READS_WAITING: usize = 1024;

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// reader connections; 0: one per core, at least 2
    pub readers: usize,
    pub retention: Retention,
    pub durability: Durability,
    /// messages on custom topics that may be under way to their subscribers; more are refused
    pub messages: BacklogBounds,
    /// user code; the store carries it to those who write, and never calls it
    pub hooks: Hooks,
}

/// What the writer hands over after a commit: the changes of one transaction group, in order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// dense `seq`, ascending
    pub changes: Arc<[Arc<Change>]>,
    /// in order; each tells which change it follows
    pub messages: Arc<[Arc<Message>]>,
    /// set when definitions changed in this commit; holds from the first of `changes` on
    pub catalog: Option<Arc<Catalog>>,
}

/// Numbers of the write-ahead log.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoints<'a> {
    /// pages in the log
    pub waiting: u32,
    /// pages of logs that began anew
    pub moved: u64,
    /// how long each step took
    pub seconds: &'a Timings,
}

/// Handle on the data folder; cheap to clone. The last one to go closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Where a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// on the writer's thread
    Thread,
    /// on the calling one, if nobody else writes
    Here,
}

struct Inner {
    published: Arc<Published>,
    readers: Readers,
    desk: Arc<Desk>,
    reads: mpsc::Sender<reader::Message>,
    hooks: Hooks,
    backlog: Backlog,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens or makes the folder. `announce` is called on the writer's thread after each commit, in commit order; it
    /// must not block.
    pub fn open(
        dir: &Path,
        options: Options,
        announce: Box<dyn Fn(Committed) + Send>,
    ) -> Result<Self, StoreError> {
        make_folder(dir)?;
        let lock = FolderLock::take(dir)?;
        let file = dir.join("data.db");
        let demand = Arc::new(Demand::default());
        let log = Arc::new(Log::default());
        let mut database = Database::open_writer(&file, options.durability, demand.clone(), log.clone())?;
        state::prepare(&mut database.connection)?;
        let base = state::read(&database.connection)?;
        let floor = change_log::floor(&database.connection, base.head)?;
        let catalog = definition::load(&database.connection, base.revision)?;
        demand.load(&database.connection, &catalog)?;
        let published = Arc::new(Published::new(base.epoch, catalog, base.head, floor, demand, log));
        let hooks = options.hooks;
        let backlog = Backlog::new(options.messages);
        let keeper = Keeper::new(options.retention, floor);
        let checkpointer = Checkpointer::start(&file, published.log.clone())?;
        let writer = Writer::new(
            database,
            base,
            published.clone(),
            announce,
            keeper,
            (checkpointer, lock),
            (hooks.clone(), backlog.clone()),
        )?;
        let (reads, read_queue) = mpsc::channel(READS_WAITING);
        let readers = Readers::start(file, published.clone(), reader_count(options.readers), read_queue)?;
        let desk = Arc::new(Desk::new(writer));
        let served = desk.clone();
        let thread = thread::Builder::new().name("store-write".into()).spawn(move || served.serve())?;
        published.demand.set_writer(thread.thread().clone());
        published.log.set_writer(thread.thread().clone());
        let thread = Mutex::new(Some(thread));
        Ok(Self { inner: Arc::new(Inner { published, readers, desk, reads, hooks, backlog, thread }) })
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.published.catalog()
    }

    /// The user code that was handed over when the store was opened.
    pub fn hooks(&self) -> &Hooks {
        &self.inner.hooks
    }

    /// Messages that were published and have not reached their subscribers' queues.
    pub fn messages_waiting(&self) -> usize {
        self.inner.backlog.len()
    }

    pub fn epoch(&self) -> Epoch {
        self.inner.published.epoch
    }

    /// The last committed position.
    pub fn head(&self) -> Seq {
        self.inner.published.head()
    }

    /// Where the collection of this id changed last, or a later position. Read after `head` it knows of every change up to that.
    pub fn touched(&self, collection: &str) -> Seq {
        self.inner.published.touched().get(collection)
    }

    /// Positions below this one are gone: changes after `floor` can be read.
    pub fn floor(&self) -> Seq {
        self.inner.published.floor()
    }

    /// How many writes and reads wait for a thread.
    pub fn waiting(&self) -> (usize, usize) {
        let Inner { desk, reads, .. } = &*self.inner;
        (desk.waiting(), reads.max_capacity() - reads.capacity())
    }

    /// How long write transactions took, with waiting for the disk.
    pub fn commits(&self) -> &Timings {
        &self.inner.published.commits
    }

    /// Write jobs that were done, in all transactions.
    pub fn jobs(&self) -> u64 {
        self.inner.published.jobs.load(Ordering::Relaxed)
    }

    /// How the write-ahead log is moved into the file.
    pub fn checkpoints(&self) -> Checkpoints<'_> {
        let log = &self.inner.published.log;
        Checkpoints { waiting: log.pages(), moved: log.moved(), seconds: &log.seconds }
    }

    /// Runs `job` on the writer's thread in the transaction of its group. `Ok` is returned after the group's commit
    /// is on disk; on `Err` only this job's work is undone. While hooks live elsewhere, the job may be undone and done again with
    /// what they answered, so it must come to the same each time.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    {
        self.perform(job, Way::Thread).await
    }

    /// The same for a job that touches few records: it may run on the calling thread, with others that wait. The thread is
    /// blocked meanwhile. `about` is the one write to a collection that the job is, if it writes records at all: while user code
    /// of this process is called for that, the job is not known to be short.
    pub async fn write_shortly<T, E, F>(&self, about: Option<(Action, &str)>, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    {
        let thinks =
            about.is_some_and(|(action, name)| self.inner.hooks.has_here(Event::before(action), name));
        self.perform(job, if thinks { Way::Thread } else { Way::Here }).await
    }

    /// The same for callers without a runtime.
    pub fn write_blocking<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    {
        wait::block_on(self.write(job))
    }

    async fn perform<T, E, F>(&self, job: F, way: Way) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    {
        if self.inner.hooks.has_elsewhere() {
            return self.perform_in_tries(job, way).await;
        }
        let (job, answer) = Write::new(job, None);
        match self.hand_in(job, answer, way).await? {
            Reply::Done(result) => result,
            // a job without tries asks nothing
            Reply::Asks(_) => Err(E::from(StoreError::Panicked)),
        }
    }

    /// Nothing is held while a hook elsewhere thinks: neither the writer nor a lock.
    async fn perform_in_tries<T, E, F>(&self, job: F, way: Way) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
    {
        let mut tries = Tries::new();
        loop {
            let (job, answer) = Write::new(job.clone(), Some(tries));
            match self.hand_in(job, answer, way).await? {
                Reply::Done(result) => return result,
                Reply::Asks(left) => tries = left,
            }
            tries.memory.answer().await.map_err(StoreError::Unsettled).inspect_err(log)?;
        }
    }

    async fn hand_in<R>(
        &self,
        job: Box<dyn Job>,
        answer: oneshot::Receiver<R>,
        way: Way,
    ) -> Result<R, StoreError> {
        let desk = &self.inner.desk;
        let _caller = match way {
            Way::Thread => {
                desk.hand_in(job).await?;
                return answer.await.map_err(|_| StoreError::Closed);
            }
            Way::Here => desk.call(),
        };
        if let Err(job) = desk.at_once(job) {
            desk.join(job).await?;
        }
        answer.await.map_err(|_| StoreError::Closed)
    }

    /// Runs `job` on a reader's thread, inside one read transaction.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move |view: Result<&Snapshot<'_>, StoreError>| {
            // whoever asked may have gone
            let _ = reply.send(view.map_err(E::from).and_then(job));
        });
        if self.inner.reads.send(reader::Message::Run(job)).await.is_err() {
            return Err(E::from(StoreError::Closed));
        }
        answer.await.unwrap_or_else(|_| Err(E::from(self.inner.readers.unanswered())))
    }

    /// The same for a job that is short more often than not, about the collection of this id. It is tried on the calling
    /// thread, broken off if it turns out to be long, and then done anew on a reader's thread.
    pub async fn read_shortly<T, E, F>(&self, collection: &str, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    {
        // else a caller that asks again and again has the thread to itself
        tokio::task::yield_now().await;
        let tried = self.inner.readers.here_if_short(collection, |view| view.map_err(E::from).and_then(&job));
        match tried {
            Some(answer) => answer,
            None => self.read(job).await,
        }
    }

    /// Runs `job` on the calling thread: for short point reads, and for threads that may block.
    pub fn read_here<T, E, F>(&self, job: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E>,
    {
        self.inner.readers.here(|view| view.map_err(E::from).and_then(job))
    }

    /// Does what waits, writes everything into the one file and ends all threads. Blocks meanwhile; later jobs are
    /// refused. Jobs must not call it.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl Inner {
    fn close(&self) {
        for _ in 0..self.readers.thread_count() {
            // refused by a queue that is closed already
            let _ = wait::block_on(self.reads.send(reader::Message::Close));
        }
        self.readers.close();
        self.desk.close();
        if let Some(thread) = self.thread.lock().take() {
            join(thread);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // the last handle may go with a job: then nobody can wait for the threads, which end by themselves
        let here = thread::current().id();
        let writer = self.thread.lock().as_ref().map(|thread| thread.thread().id());
        if writer != Some(here) && !self.readers.run_on(here) {
            self.close();
        } else {
            self.desk.close();
        }
    }
}

fn log(error: &StoreError) {
    tracing::error!(%error, "a write was given up");
}

pub(crate) fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}

/// What is kept there (password hashes, signing secrets) is nobody else's business.
fn make_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn reader_count(wanted: usize) -> usize {
    match wanted {
        0 => thread::available_parallelism().map_or(2, usize::from).max(2),
        count => count,
    }
}
