//! Moves the write-ahead log into the file. SQLite would do that within the commit that fills the log; here a thread of its
//! own does it while writes go on, and the writer moves what came in meanwhile. Then the next commit begins the log
//! anew, so that it keeps its length: a commit overwrites bytes instead of growing a file.

use crate::StoreError;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};
use tidewire_model::Timings;

/// pages in the log from which it is moved; SQLite finds a page among so many with one look
const FULL: u32 = 4000;
/// pages that the thread may leave to the writer
const REST: u32 = 64;
/// how often the thread begins again because more than that came in meanwhile
const ROUNDS: u32 = 4;
/// pages in the log from which the writer waits for readers to let it begin anew
const LIMIT: u32 = 16_384;
/// how long it waits
const PATIENCE: Duration = Duration::from_millis(100);

/// What writer and thread know of the log.
#[derive(Default)]
pub(crate) struct Log {
    /// pages in it after the last commit
    pages: AtomicU32,
    /// pages from which it is moved, if readers kept it from beginning anew after the last time
    next: AtomicU32,
    /// the thread is done, the rest is the writer's
    rest: AtomicBool,
    closing: AtomicBool,
    writer: OnceLock<Thread>,
    /// how long the thread and the writer moved pages
    pub(crate) seconds: Timings,
    moved: AtomicU64,
}

impl Log {
    /// Called with the length of the log after each commit.
    pub(crate) fn committed(&self, pages: u32) {
        if pages < self.pages.swap(pages, Ordering::AcqRel) {
            self.next.store(0, Ordering::Release);
        }
    }

    pub(crate) fn set_writer(&self, thread: Thread) {
        let _ = self.writer.set(thread);
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages.load(Ordering::Acquire)
    }

    /// Pages that were moved so far.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    pub(crate) fn has_rest(&self) -> bool {
        self.rest.load(Ordering::Acquire)
    }

    fn is_due(&self) -> bool {
        self.pages() >= self.next.load(Ordering::Acquire).max(FULL)
    }

    /// Moves what can be moved now without anybody waiting. Returns how many pages are in the log and how many of
    /// them are left.
    fn step(&self, connection: &Connection) -> Result<(u32, u32), StoreError> {
        let begun = Instant::now();
        let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
        let (pages, done): (i64, i64) = statement.query_row((), |row| Ok((row.get(1)?, row.get(2)?)))?;
        self.seconds.add(begun.elapsed());
        let count = |pages: i64| u32::try_from(pages).unwrap_or(0);
        Ok((count(pages), count(pages - done)))
    }

    /// The writer's part, between two transactions.
    pub(crate) fn finish(&self, connection: &Connection) {
        if !self.rest.swap(false, Ordering::AcqRel) {
            return;
        }
        match self.step(connection) {
            Ok((pages, left)) => {
                self.moved.fetch_add(u64::from(pages - left), Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "checkpoint failed"),
        }
    }

    /// Readers that overlap without a pause can keep the log from beginning anew, and then it grows.
    pub(crate) fn limit(&self, connection: &Connection) {
        if self.pages() > LIMIT {
            wait_for_readers(connection, "RESTART");
        }
    }

    fn bulk(&self, connection: &Connection) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let (pages, left) = self.step(connection)?;
            self.next.store(pages + FULL, Ordering::Release);
            if left <= REST {
                break;
            }
        }
        Ok(())
    }

    fn serve(&self, connection: &Connection) {
        while !self.closing.load(Ordering::Acquire) {
            if self.has_rest() || !self.is_due() {
                thread::park();
                continue;
            }
            if let Err(error) = self.bulk(connection) {
                tracing::warn!(%error, "checkpoint failed");
                self.next.store(self.pages() + FULL, Ordering::Release);
            }
            self.rest.store(true, Ordering::Release);
            if let Some(writer) = self.writer.get() {
                writer.unpark();
            }
        }
    }
}

/// The thread.
pub(crate) struct Checkpointer {
    log: Arc<Log>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Checkpointer {
    pub(crate) fn start(file: &Path, log: Arc<Log>) -> Result<Self, StoreError> {
        let connection = Connection::open(file)?;
        let served = log.clone();
        let thread = thread::Builder::new().name("store-log".into());
        let thread = Mutex::new(Some(thread.spawn(move || served.serve(&connection))?));
        Ok(Self { log, thread })
    }

    /// To be called after each commit.
    pub(crate) fn look(&self) {
        if self.log.is_due()
            && let Some(thread) = &*self.thread.lock()
        {
            thread.thread().unpark();
        }
    }

    pub(crate) fn stop(&self) {
        self.log.closing.store(true, Ordering::Release);
        if let Some(thread) = self.thread.lock().take() {
            thread.thread().unpark();
            crate::store::join(thread);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Moves everything and gives the log's bytes back. Does what it can: readers may be in the way.
pub(crate) fn truncate(connection: &Connection) {
    wait_for_readers(connection, "TRUNCATE");
}

fn wait_for_readers(connection: &Connection, mode: &str) {
    let run = || {
        connection.busy_timeout(PATIENCE)?;
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), (), |_| Ok(()))?;
        connection.busy_timeout(crate::database::BUSY)
    };
    if let Err(error) = run() {
        tracing::warn!(%error, "checkpoint failed");
    }
}
