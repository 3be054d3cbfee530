use crate::pages::{IDLE, Pages};
use crate::replay::Replay;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, VecDeque};

/// Replays that wait, by the page that they are at. A page has one turn, for all who wait for it, then the next page has
/// its own: so a page is in memory while everybody passes over it, and nobody waits for more than one round.
pub(crate) struct Turns {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    lines: BTreeMap<u64, VecDeque<Replay>>,
    /// the page whose turn it is, and who still waits for it
    page: u64,
    line: VecDeque<Replay>,
    count: usize,
    closed: bool,
}

/// What a thread finds to do.
pub(crate) enum Turn {
    Replay(Replay),
    /// nothing for some time
    Idle,
    Closed,
}

impl Turns {
    pub fn new() -> Self {
        Self { state: Mutex::default(), ready: Condvar::new() }
    }

    pub fn len(&self) -> usize {
        self.state.lock().count
    }

    /// Each connection has one replay at most. Dropped once it is closed.
    pub fn push(&self, replay: Replay) {
        let mut state = self.state.lock();
        if !state.closed {
            state.lines.entry(Pages::number(replay.done)).or_default().push_back(replay);
            state.count += 1;
            self.ready.notify_one();
        }
    }

    /// Waits for work; for ever if `patient`.
    pub fn pop(&self, patient: bool) -> Turn {
        let mut state = self.state.lock();
        loop {
            if let Some(replay) = state.next() {
                return Turn::Replay(replay);
            }
            if state.closed {
                return Turn::Closed;
            }
            if patient {
                self.ready.wait(&mut state);
            } else if self.ready.wait_for(&mut state, IDLE).timed_out() {
                return Turn::Idle;
            }
        }
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }
}

impl State {
    fn next(&mut self) -> Option<Replay> {
        if self.line.is_empty() {
            let later = self.lines.range(self.page + 1..).next();
            let (page, _) = later.or_else(|| self.lines.iter().next())?;
            self.page = *page;
            self.line = self.lines.remove(&self.page).unwrap_or_default();
        }
        let replay = self.line.pop_front()?;
        self.count -= 1;
        Some(replay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConnectionId;
    use crate::outbox::Outbox;

    #[test]
    fn pages_have_their_turns_round_and_round() {
        let turns = Turns::new();
        let push = |name: u64, page: u64| {
            let outbox = Outbox::new(ConnectionId(name));
            let done = (0..).find(|done| Pages::number(*done) == page).unwrap_or(0);
            turns.push(Replay { outbox, generation: 0, done, until: done, listeners: Box::new([]) });
        };
        let pop = || match turns.pop(true) {
            Turn::Replay(replay) => replay.outbox.id.0,
            _ => 0,
        };
        for (name, page) in [(1, 5), (2, 3), (3, 5), (4, 9)] {
            push(name, page);
        }
        assert_eq!(pop(), 2);
        // behind the page whose turn it is, at it, and before the end of the round
        push(5, 0);
        assert_eq!(pop(), 1);
        push(6, 5);
        push(7, 7);
        assert_eq!(turns.len(), 5);
        assert_eq!([pop(), pop(), pop(), pop(), pop()], [3, 7, 4, 5, 6]);
        assert_eq!(turns.len(), 0);
        assert!(matches!(turns.pop(false), Turn::Idle));
        turns.close();
        push(8, 1);
        assert!(matches!(turns.pop(true), Turn::Closed));
    }
}
