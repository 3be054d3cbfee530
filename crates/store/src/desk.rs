//! Where writes are handed in. A short one is done by whoever asks for it if nobody is at work, which saves waking two threads:
//! alone if nobody else asks, else with all that wait by then. All others wait for the writer's thread, which puts what
//! waits into one transaction.

use crate::StoreError;
use crate::writer::{Job, Writer};
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::thread::{self, Thread};
use std::time::Instant;
use tokio::sync::mpsc;

/// jobs that wait for the writer; who comes later waits for room
const WAITING: usize = 1024;
/// jobs in one transaction
const GROUP: usize = 512;
/// transactions that an asking thread makes before the writer's thread takes over
const ROUNDS: usize = 4;

pub(crate) struct Desk {
    /// whoever holds it writes
    seat: Mutex<Seat>,
    jobs: mpsc::Sender<Box<dyn Job>>,
    thread: OnceLock<Thread>,
    closing: AtomicBool,
    /// those who asked for a short write and have no answer yet
    callers: AtomicU32,
}

struct Seat {
    queue: mpsc::Receiver<Box<dyn Job>>,
    /// none once the store is closed
    writer: Option<Writer>,
}

impl Desk {
    pub(crate) fn new(writer: Writer) -> Self {
        let (jobs, queue) = mpsc::channel(WAITING);
        let seat = Mutex::new(Seat { queue, writer: Some(writer) });
        Self {
            seat,
            jobs,
            thread: OnceLock::new(),
            closing: AtomicBool::new(false),
            callers: AtomicU32::new(0),
        }
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// Hands a job to the thread, with others that wait.
    pub(crate) async fn hand_in(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        // Somebody at the desk looks again after leaving it. The fence orders this look after the sending, as the one in
        // `leave` orders theirs after the leaving: one of both sees the other.
        fence(Ordering::SeqCst);
        if !self.seat.is_locked() {
            self.wake();
        }
        Ok(())
    }

    /// Announces a short write; to be held until its answer has come.
    pub(crate) fn call(&self) -> Caller<'_> {
        self.callers.fetch_add(1, Ordering::AcqRel);
        Caller(self)
    }

    /// Does a short job at once on this thread if nobody else writes or waits, else gives it back.
    pub(crate) fn at_once(&self, job: Box<dyn Job>) -> Result<(), Box<dyn Job>> {
        if self.callers.load(Ordering::Acquire) > 1 || self.waiting() > 0 {
            return Err(job);
        }
        let Some(mut seat) = self.seat.try_lock() else { return Err(job) };
        let Some(writer) = &mut seat.writer else { return Err(job) };
        writer.group(vec![job]);
        let upkeep = writer.needs_upkeep();
        drop(seat);
        self.leave(upkeep);
        Ok(())
    }

    /// Hands a short job in, lets others who are about to do the same come first, and does what waits by then.
    pub(crate) async fn join(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        // if whoever asked goes away while others come first, the thread does what it left
        let mut left = Left { desk: self, job: true };
        tokio::task::yield_now().await;
        left.job = false;
        self.lead();
        Ok(())
    }

    fn lead(&self) {
        for _ in 0..ROUNDS {
            if !self.round() {
                return;
            }
        }
        self.wake();
    }

    /// One transaction with what waits. Returns whether more waits for this thread.
    fn round(&self) -> bool {
        fence(Ordering::SeqCst);
        if self.waiting() == 0 {
            return false;
        }
        // whoever is at the desk looks again after leaving it
        let Some(mut seat) = self.seat.try_lock() else { return false };
        let Seat { queue, writer: Some(writer) } = &mut *seat else { return false };
        let jobs = waiting(queue);
        if !jobs.is_empty() {
            writer.group(jobs);
        }
        let upkeep = writer.needs_upkeep();
        drop(seat);
        fence(Ordering::SeqCst);
        if upkeep {
            self.wake();
        }
        !upkeep && self.waiting() > 0
    }

    /// The life of the writer's thread; ends when the desk is closed, after what was handed in before.
    pub(crate) fn serve(&self) {
        let _ = self.thread.set(thread::current());
        loop {
            let next_look = self.work();
            if self.closing.load(Ordering::Acquire) {
                return self.finish();
            }
            fence(Ordering::SeqCst);
            if self.waiting() == 0 {
                thread::park_timeout(next_look.saturating_duration_since(Instant::now()));
            }
        }
    }

    /// Asks the thread to end; it need not be alive.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake();
    }

    /// All that waits, group by group. Returns when to come back if nothing is handed in until then.
    fn work(&self) -> Instant {
        let mut seat = self.seat.lock();
        let Seat { queue, writer: Some(writer) } = &mut *seat else { return Instant::now() };
        loop {
            let jobs = waiting(queue);
            let idle = jobs.is_empty();
            if !idle {
                writer.group(jobs);
            }
            writer.upkeep();
            if idle {
                return writer.next_look();
            }
        }
    }

    fn finish(&self) {
        let mut seat = self.seat.lock();
        let Seat { queue, writer } = &mut *seat;
        let Some(mut writer) = writer.take() else { return };
        queue.close();
        // senders that had found room still deliver
        while let Some(job) = crate::wait::block_on(queue.recv()) {
            writer.group(vec![job]);
        }
        writer.finish();
    }

    fn leave(&self, upkeep: bool) {
        fence(Ordering::SeqCst);
        if upkeep || self.waiting() > 0 {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

fn waiting(queue: &mut mpsc::Receiver<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    std::iter::from_fn(|| queue.try_recv().ok()).take(GROUP).collect()
}

/// Somebody who waits for a short write.
pub(crate) struct Caller<'a>(&'a Desk);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.callers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A job that whoever handed it in means to do.
struct Left<'a> {
    desk: &'a Desk,
    job: bool,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if self.job {
            self.desk.wake();
        }
    }
}
