//! Where writes are handed in. A short one that finds nobody at work is done by whoever asks for it, which saves waking two
//! threads; all others wait for the writer's thread, which puts what waits into one transaction.

use crate::StoreError;
use crate::writer::{Job, Writer};
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::{self, Thread};
use std::time::Instant;
use tokio::sync::mpsc;

/// jobs that wait for the writer; who comes later waits for room
const WAITING: usize = 1024;
/// jobs in one transaction
const GROUP: usize = 512;

pub(crate) struct Desk {
    /// whoever holds it writes
    seat: Mutex<Seat>,
    jobs: mpsc::Sender<Box<dyn Job>>,
    thread: OnceLock<Thread>,
    closing: AtomicBool,
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
        Self { seat, jobs, thread: OnceLock::new(), closing: AtomicBool::new(false) }
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

    /// Does a short job at once on this thread if nobody writes and nobody waits, else gives it back.
    pub(crate) fn at_once(&self, job: Box<dyn Job>) -> Result<(), Box<dyn Job>> {
        if self.waiting() > 0 {
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
            let jobs: Vec<_> = std::iter::from_fn(|| queue.try_recv().ok()).take(GROUP).collect();
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
