use crate::database::Database;
use crate::published::Published;
use crate::short::{Budget, Wary};
use crate::wait;
use crate::{Snapshot, StoreError};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, ThreadId};
use tokio::sync::mpsc;

/// connections kept for reads on the caller's thread
const KEPT: usize = 16;

pub(crate) enum Message {
    Run(ReadJob),
    Close,
}

/// Gets the view, or the reason why there is none, and answers by itself.
pub(crate) type ReadJob = Box<dyn FnOnce(Result<&Snapshot<'_>, StoreError>) + Send>;

/// A read-only connection.
pub(crate) struct Reader {
    database: Database,
    published: Arc<Published>,
    budget: Arc<Budget>,
}

impl Reader {
    pub(crate) fn view<T>(&self, job: impl FnOnce(Result<&Snapshot<'_>, StoreError>) -> T) -> T {
        let transaction = match Transaction::begin(&self.database) {
            Ok(transaction) => transaction,
            Err(error) => return job(Err(error)),
        };
        match Snapshot::of(transaction.0, self.published.catalog()) {
            Ok(snapshot) => job(Ok(&snapshot)),
            Err(error) => job(Err(error)),
        }
    }

    /// The same, broken off if it is long; then there is no answer.
    fn try_view<T>(&self, job: impl FnOnce(Result<&Snapshot<'_>, StoreError>) -> T) -> Option<T> {
        self.budget.begin();
        let answer = self.view(job);
        if self.budget.end() { None } else { Some(answer) }
    }
}

/// Ended when it is dropped, also by a panic.
struct Transaction<'a>(&'a Database);

impl<'a> Transaction<'a> {
    fn begin(database: &'a Database) -> Result<Self, StoreError> {
        database.run("BEGIN")?;
        Ok(Self(database))
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.run("COMMIT") {
            tracing::error!(%error, "a read transaction could not be ended");
        }
    }
}

/// Threads that read, and connections for callers that read on their own thread.
pub(crate) struct Readers {
    file: PathBuf,
    published: Arc<Published>,
    spare: Mutex<Vec<Reader>>,
    wary: Wary,
    closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(crate) fn start(
        file: PathBuf,
        published: Arc<Published>,
        count: usize,
        queue: mpsc::Receiver<Message>,
    ) -> Result<Self, StoreError> {
        let readers = Self {
            file,
            published,
            spare: Mutex::default(),
            wary: Wary::new(),
            closed: AtomicBool::new(false),
            threads: Mutex::default(),
        };
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..count {
            let (reader, queue) = (readers.open()?, queue.clone());
            let name = format!("store-read-{number}");
            let thread = std::thread::Builder::new().name(name).spawn(move || serve(&reader, &queue))?;
            readers.threads.lock().push(thread);
        }
        Ok(readers)
    }

    pub(crate) fn here<T>(&self, job: impl FnOnce(Result<&Snapshot<'_>, StoreError>) -> T) -> T {
        let reader = match self.take() {
            Ok(reader) => reader,
            Err(error) => return job(Err(error)),
        };
        let answer = reader.view(job);
        self.give_back(reader);
        answer
    }

    /// The same if it is short; `key` is what it is about. `None`: it must be done on a reader's thread.
    pub(crate) fn here_if_short<T>(
        &self,
        key: &str,
        job: impl FnOnce(Result<&Snapshot<'_>, StoreError>) -> T,
    ) -> Option<T> {
        if !self.wary.may_try(key) {
            return None;
        }
        let reader = self.take().ok()?;
        let answer = reader.try_view(job);
        if answer.is_none() {
            self.wary.was_long(key);
        }
        self.give_back(reader);
        answer
    }

    /// Takes a spare connection or opens one more.
    fn take(&self) -> Result<Reader, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        let spare = self.spare.lock().pop();
        spare.map_or_else(|| self.open(), Ok)
    }

    /// Why a job that was taken got no answer.
    pub(crate) fn unanswered(&self) -> StoreError {
        if self.closed.load(Ordering::Acquire) { StoreError::Closed } else { StoreError::Panicked }
    }

    pub(crate) fn run_on(&self, thread: ThreadId) -> bool {
        self.threads.lock().iter().any(|known| known.thread().id() == thread)
    }

    pub(crate) fn thread_count(&self) -> usize {
        self.threads.lock().len()
    }

    /// After the threads were told to close.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.spare.lock().clear();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            crate::store::join(thread);
        }
    }

    fn open(&self) -> Result<Reader, StoreError> {
        let (published, budget) = (self.published.clone(), Arc::<Budget>::default());
        let database = Database::open_reader(&self.file, published.demand.clone(), budget.clone())?;
        Ok(Reader { database, published, budget })
    }

    fn give_back(&self, reader: Reader) {
        let mut spare = self.spare.lock();
        if spare.len() < KEPT && !self.closed.load(Ordering::Acquire) {
            spare.push(reader);
        }
    }
}

fn serve(reader: &Reader, queue: &Mutex<mpsc::Receiver<Message>>) {
    loop {
        // one thread waits in the queue, the others for it
        let message = wait::block_on(queue.lock().recv());
        let Some(Message::Run(job)) = message else { return };
        if catch_unwind(AssertUnwindSafe(|| reader.view(job))).is_err() {
            tracing::error!("a read job panicked");
        }
    }
}
