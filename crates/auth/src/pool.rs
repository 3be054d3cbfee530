use crate::argon;
use crate::password::{PasswordError, decoy, matches};
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
}

impl Pool {
    pub(crate) fn new(threads: usize, waiting: usize) -> Self {
        // Made now, so that the first unknown user does not cost twice.
        decoy();
        let (queue, jobs) = sync_channel(waiting.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new().name(format!("password-{number}"));
            // Without a thread the queue stays full and callers are told `Busy`.
            let _ = thread.spawn(move || while next(&jobs).map(run).is_some() {});
        }
        Self { queue }
    }

    pub(crate) fn submit(&self, job: Job) -> Result<(), PasswordError> {
        self.queue.try_send(job).map_err(|_| PasswordError::Busy)
    }
}

fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
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
