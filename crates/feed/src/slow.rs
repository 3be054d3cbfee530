use crate::answers::{Answers, Case};
use crate::class::Decision;
use crate::event::{Event, Told};
use crate::slot::Promise;
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use tidewire_model::{Change, Seq};

/// Questions of one topic that are answered together, at most.
const BATCH: usize = 512;
/// Frames of one topic whose encoders ask the store themselves, before another topic has its turn.
const ENCODED_AT_ONCE: usize = 32;

/// Decisions and frames that need the store, made in threads of their own. Topics take turns, so that a busy one does
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
    /// each topic that waits, once
    turns: VecDeque<u64>,
    waiting: HashMap<u64, VecDeque<Question>>,
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
        let topic = question.decision.line;
        let line = state.waiting.entry(topic).or_default();
        line.push_back(question);
        if line.len() == 1 {
            state.turns.push_back(topic);
        }
        state.count += 1;
        self.ready.notify_one();
    }

    /// What is queued is still answered.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }

    pub fn run(&self, answers: &Answers) {
        let mut scratch = Vec::new();
        while let Some(batch) = self.pop() {
            answer(batch, answers, &mut scratch);
        }
    }

    fn pop(&self) -> Option<Vec<Question>> {
        let mut state = self.state.lock();
        loop {
            if let Some(batch) = state.next() {
                return Some(batch);
            }
            if state.closed {
                return None;
            }
            self.ready.wait(&mut state);
        }
    }
}

impl State {
    /// The oldest questions of the topic whose turn it is.
    fn next(&mut self) -> Option<Vec<Question>> {
        let topic = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&topic)?;
        let mut weight = 0;
        let mut batch = Vec::new();
        while weight < BATCH
            && let Some(question) = line.pop_front()
        {
            weight += if question.decision.needs_store { BATCH / ENCODED_AT_ONCE } else { 1 };
            batch.push(question);
        }
        if line.is_empty() {
            self.waiting.remove(&topic);
        } else {
            self.turns.push_back(topic);
        }
        self.count -= batch.len();
        Some(batch)
    }
}

/// Frames of one change, by the projection and the way they are told.
#[derive(Default)]
struct Made {
    seq: Seq,
    frames: HashMap<(u64, Told), Option<Bytes>>,
}

impl Made {
    /// Questions about one change are neighbours.
    fn frame(
        &mut self,
        seq: Seq,
        projection: u64,
        told: Told,
        make: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        if self.seq != seq {
            self.seq = seq;
            self.frames.clear();
        }
        self.frames.entry((projection, told)).or_insert_with(make).clone()
    }
}

fn answer(mut batch: Vec<Question>, answers: &Answers, scratch: &mut Vec<u8>) {
    batch.retain(|question| !question.promise.is_abandoned());
    let cases: Vec<Case<'_>> =
        batch.iter().map(|Question { decision, change, .. }| Case { decision, change }).collect();
    let told = answers.decide(&cases);
    let mut made = Made::default();
    for (Question { decision, change, cursor, promise }, told) in batch.into_iter().zip(told) {
        let frame = told.and_then(|action| {
            let event = Event::Change { change: &change, action, cursor: &cursor };
            let make = || decision.encode(&event, scratch);
            made.frame(change.position.seq, decision.projection, action, make)
        });
        promise.keep(frame);
    }
}
