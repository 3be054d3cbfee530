use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;

/// Work for a few threads, first come, first served.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub fn new() -> Self {
        Self { state: Mutex::new(State { items: VecDeque::new(), closed: false }), ready: Condvar::new() }
    }

    pub fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Whoever pushes sees to the bound. Dropped once the queue is closed.
    pub fn push(&self, item: T) {
        let mut state = self.state.lock();
        if !state.closed {
            state.items.push_back(item);
            self.ready.notify_one();
        }
    }

    /// Waits for work; `None` once it is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            self.ready.wait(&mut state);
        }
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }
}
