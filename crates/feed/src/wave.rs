use crate::outbox::Outbox;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Connections of one replay thread that may have something to read at once.
const SIZE: usize = 32;
/// How long their readers are waited for.
const PATIENCE: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_micros(200);

/// Who was told something by a replay and has not read it yet. Thousands who come back would otherwise all be ready to
/// be written to at the same time, and a reader that is live would stand behind them.
#[derive(Default)]
pub(crate) struct Wave {
    unread: Vec<Arc<Outbox>>,
}

impl Wave {
    pub fn add(&mut self, outbox: Arc<Outbox>) {
        self.unread.push(outbox);
    }

    /// Waits until half of a full wave has read. Those who do not read in time are not waited for again.
    pub fn make_room(&mut self) {
        if self.unread.len() < SIZE {
            return;
        }
        let end = Instant::now() + PATIENCE;
        loop {
            self.unread.retain(|outbox| outbox.has_unread());
            if self.unread.len() <= SIZE / 2 {
                return;
            }
            if Instant::now() >= end {
                return self.unread.clear();
            }
            thread::sleep(LOOK);
        }
    }

    /// Gives back what it holds.
    pub fn clear(&mut self) {
        self.unread = Vec::new();
    }
}
