use crate::argon;
use crate::password::{PasswordError, decoy, matches};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

pub(crate) enum Job {
    Hash { password: Box<str>, reply: oneshot::Sender<Result<String, PasswordError>> },
    Verify { password: Box<str>, hash: Option<Box<str>>, reply: oneshot::Sender<bool> },
}

/// Threads that hash, with a bounded queue before them. They end when the pool is dropped.
pub(crate) struct Pool {
    queue: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    refused: AtomicU64,
}

impl Pool {
    pub(crate) fn new(threads: usize, waiting: usize) -> Self {
        // Made now, so that the first unknown user does not cost twice.
        decoy();
        let (queue, jobs) = sync_channel(waiting.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..threads.max(1) {
            let (jobs, waiting) = (jobs.clone(), waiting.clone());
            let thread = std::thread::Builder::new().name(format!("password-{number}"));
            // Without a thread the queue stays full and callers are told `Busy`.
            let _ = thread.spawn(move || while next(&jobs, &waiting).map(run).is_some() {});
        }
        Self { queue, waiting, refused: AtomicU64::new(0) }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    pub(crate) fn submit(&self, job: Job) -> Result<(), PasswordError> {
        // counted before it can be taken
        self.waiting.fetch_add(1, Relaxed);
        self.queue.try_send(job).map_err(|_| {
            self.waiting.fetch_sub(1, Relaxed);
            self.refused.fetch_add(1, Relaxed);
            PasswordError::Busy
        })
    }
}

fn next(jobs: &Mutex<Receiver<Job>>, waiting: &AtomicUsize) -> Option<Job> {
    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
    waiting.fetch_sub(1, Relaxed);
    Some(job)
}

/// Work whose caller has gone is left undone.
fn run(job: Job) {
    match job {
        Job::Hash { password, reply } if !reply.is_closed() => {
            let _ = reply.send(argon::hash(&password).ok_or(PasswordError::Failed));
        }
        Job::Verify { password, hash, reply } if !reply.is_closed() => {
            let _ = reply.send(matches(&password, hash.as_deref()));
        }
        _ => {}
    }
}
