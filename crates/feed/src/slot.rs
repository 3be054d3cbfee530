use crate::outbox::Outbox;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// A place in the outboxes of a class, taken in order and filled later.
pub(crate) struct Slot {
    state: Mutex<State>,
}

enum State {
    /// outboxes whose reader stands before it
    Pending(Vec<Arc<Outbox>>),
    Filled(Option<Bytes>),
}

/// What a reader finds in a slot.
pub(crate) enum Peek {
    Pending,
    Filled(Option<Bytes>),
}

impl Slot {
    /// The slot, and the right to fill it.
    pub fn new() -> (Arc<Self>, Promise) {
        let slot = Arc::new(Self { state: Mutex::new(State::Pending(Vec::new())) });
        (slot.clone(), Promise(slot))
    }

    /// `waiter` is woken when the slot is filled.
    pub fn peek(&self, waiter: Option<&Arc<Outbox>>) -> Peek {
        match &mut *self.state.lock() {
            State::Filled(frame) => Peek::Filled(frame.clone()),
            State::Pending(waiters) => {
                waiters.extend(waiter.cloned());
                Peek::Pending
            }
        }
    }

    fn fill(&self, frame: Option<Bytes>) {
        let mut state = self.state.lock();
        let State::Pending(waiters) = &mut *state else { return };
        let waiters = std::mem::take(waiters);
        *state = State::Filled(frame);
        drop(state);
        for outbox in waiters {
            outbox.wake();
        }
    }
}

/// Fills a slot once; dropped unkept, it fills it with nothing, so that no reader waits for ever.
pub(crate) struct Promise(Arc<Slot>);

impl Promise {
    pub fn keep(self, frame: Option<Bytes>) {
        self.0.fill(frame);
    }

    /// True if no outbox holds the slot any more.
    pub fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.fill(None);
    }
}
