use crate::talk::{Claim, Job};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Jobs that wait for one of the runtimes that serve this lane.
pub struct Lane {
    state: Mutex<State>,
    ready: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// runtimes that wait for a job
    idle: usize,
    closed: bool,
}

/// Why a job is not taken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("too many hooks wait to be called")]
    Full,
    #[error("the hooks have been stopped")]
    Closed,
}

impl Lane {
    pub fn new(most: usize) -> Self {
        Self { state: Mutex::default(), ready: Condvar::new(), most }
    }

    pub fn push(&self, job: Job) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.jobs.len() >= self.most {
            return Err(Refused::Full);
        }
        state.jobs.push_back(job);
        let wake = state.idle > 0;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for a job; none when the lane is closed.
    pub fn take(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            self.ready.wait(&mut state);
            state.idle -= 1;
        }
    }

    /// Takes out a job whose caller has left.
    pub fn withdraw(&self, claim: &Arc<Claim>) {
        self.state.lock().jobs.retain(|job| !Arc::ptr_eq(&job.claim, claim));
    }

    /// Those who wait for a job that nobody has taken hear that it is over.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
        self.ready.notify_all();
    }

    /// Whether it is closed now, or within this time.
    pub fn closes_within(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.ready.wait_while_for(&mut state, |state| !state.closed, time);
        state.closed
    }
}
