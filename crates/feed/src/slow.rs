use crate::class::Decision;
use crate::log::Lookup;
use crate::slot::Promise;
use crate::stats::Counters;
use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use tidewire_model::Change;

/// Decisions and frames that need the store, made in threads of their own. Classes take turns, so that a busy one does
/// not hold the others up.
pub(crate) struct SlowLane {
    state: Mutex<State>,
    ready: Condvar,
    bound: usize,
}

pub(crate) struct Question {
    pub decision: Arc<Decision>,
    pub change: Arc<Change>,
    pub cursor: Arc<str>,
    pub promise: Promise,
}

#[derive(Default)]
struct State {
    /// each class that waits, once, by the address of its decision
    turns: VecDeque<usize>,
    waiting: HashMap<usize, VecDeque<Question>>,
    count: usize,
    closed: bool,
}

impl SlowLane {
    /// The bound is kept by the hub, which asks for room first: what finds none is left to replays.
    pub fn new(bound: usize) -> Self {
        Self { state: Mutex::default(), ready: Condvar::new(), bound }
    }

    pub fn len(&self) -> usize {
        self.state.lock().count
    }

    pub fn has_room(&self, questions: usize) -> bool {
        self.len() + questions <= self.bound
    }

    /// Dropped, and so answered with nothing, once the lane is closed.
    pub fn push(&self, question: Question) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        let class = Arc::as_ptr(&question.decision) as usize;
        let line = state.waiting.entry(class).or_default();
        line.push_back(question);
        if line.len() == 1 {
            state.turns.push_back(class);
        }
        state.count += 1;
        self.ready.notify_one();
    }

    /// What is queued is still answered.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }

    pub fn run(&self, lookup: &dyn Lookup, counters: &Counters) {
        let mut scratch = Vec::new();
        while let Some(question) = self.pop() {
            let Question { decision, change, cursor, promise } = question;
            if promise.is_abandoned() {
                continue;
            }
            counters.questions.add(1);
            promise.keep(decision.frame(&change, &cursor, lookup, &mut scratch));
        }
    }

    fn pop(&self) -> Option<Question> {
        let mut state = self.state.lock();
        loop {
            if let Some(question) = state.next() {
                return Some(question);
            }
            if state.closed {
                return None;
            }
            self.ready.wait(&mut state);
        }
    }
}

impl State {
    fn next(&mut self) -> Option<Question> {
        let class = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&class)?;
        let question = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&class);
        } else {
            self.turns.push_back(class);
        }
        self.count -= 1;
        question
    }
}
