use crate::classes::Class;
use crate::client::Client;
use parking_lot::{Condvar, Mutex};
use std::time::Duration;

/// What may wait; the rest the hub gives back itself.
const MOST: usize = 65_536;
/// More comes in this time, and is given back with it: a thread that is woken for each would cost more than it saves.
const PAUSE: Duration = Duration::from_millis(20);

/// Those who have gone, and classes that are empty: their memory is given back by a thread of its own, so that thousands
/// who leave at once hold up the hub for as little as can be.
pub(crate) struct Waste {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    clients: Vec<Client>,
    classes: Vec<Class>,
    closed: bool,
}

impl Waste {
    pub fn new() -> Self {
        Self { state: Mutex::default(), ready: Condvar::new() }
    }

    pub fn throw(&self, client: Client, classes: &mut Vec<Class>) {
        let mut state = self.state.lock();
        if state.closed || state.clients.len() >= MOST {
            drop(state);
            classes.clear();
            return;
        }
        let was_empty = state.clients.is_empty();
        state.clients.push(client);
        state.classes.append(classes);
        drop(state);
        if was_empty {
            self.ready.notify_one();
        }
    }

    pub fn run(&self) {
        let mut state = self.state.lock();
        loop {
            let (clients, classes) = (std::mem::take(&mut state.clients), std::mem::take(&mut state.classes));
            let is_empty = clients.is_empty();
            drop(state);
            drop((clients, classes));
            state = self.state.lock();
            if state.closed && state.clients.is_empty() {
                return;
            }
            if is_empty && state.clients.is_empty() {
                self.ready.wait(&mut state);
                // ends early if the feed stops
                let is_open = |state: &mut State| !state.closed;
                self.ready.wait_while_for(&mut state, is_open, PAUSE);
            }
        }
    }

    /// What is there is still given back.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }
}
