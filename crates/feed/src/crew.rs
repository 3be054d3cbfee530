use crate::class::guarded;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Pieces of work for which one more helper is worth waking.
const WORTH_A_HELPER: usize = 512;

/// Work of the hub that can be done in parts at once, each part once.
pub(crate) trait Parts: Send + Sync {
    fn count(&self) -> usize;
    fn part(&self, index: usize);
}

/// Threads that help the hub. It takes parts itself, and waits only for those that a helper has begun: helpers that the
/// system is slow to wake hold up nothing.
pub(crate) struct Crew {
    /// helpers
    size: usize,
    /// pieces of work from which on they are called
    pub worth: usize,
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Default)]
struct State {
    round: Option<Arc<Round>>,
    /// helpers that may still join the round
    wanted: usize,
    closed: bool,
}

/// One piece of work while it is done.
struct Round {
    parts: Arc<dyn Parts>,
    /// the part that is taken next
    next: AtomicUsize,
    /// parts that are not done yet
    left: Mutex<usize>,
    done: Condvar,
}

impl Crew {
    pub fn new(size: usize, worth: usize) -> Self {
        Self { size, worth, state: Mutex::default(), called: Condvar::new() }
    }

    /// True if so many pieces of work are worth calling helpers for.
    pub fn is_for(&self, pieces: usize) -> bool {
        self.size > 0 && pieces >= self.worth
    }

    /// Does all of it, which is so many pieces of work, and returns when it is done.
    pub fn share(&self, parts: Arc<dyn Parts>, pieces: usize) {
        let worth = pieces / WORTH_A_HELPER.min(self.worth.max(1));
        let helpers = parts.count().saturating_sub(1).min(self.size).min(worth);
        let left = Mutex::new(parts.count());
        let round = Arc::new(Round { parts, next: AtomicUsize::new(0), left, done: Condvar::new() });
        self.call(Some(round.clone()), helpers);
        (0..helpers).for_each(|_| {
            self.called.notify_one();
        });
        round.help();
        self.call(None, 0);
        round.wait();
    }

    fn call(&self, round: Option<Arc<Round>>, wanted: usize) {
        let mut state = self.state.lock();
        state.round = round;
        state.wanted = wanted;
    }

    /// A helper's life.
    pub fn run(&self) {
        while let Some(round) = self.join() {
            round.help();
        }
    }

    fn join(&self) -> Option<Arc<Round>> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if state.wanted > 0
                && let Some(round) = state.round.clone()
            {
                state.wanted -= 1;
                return Some(round);
            }
            self.called.wait(&mut state);
        }
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.called.notify_all();
    }
}

impl Round {
    /// Takes parts until all are taken.
    fn help(&self) {
        let count = self.parts.count();
        loop {
            let index = self.next.fetch_add(1, Relaxed);
            if index >= count {
                return;
            }
            guarded("shard", || self.parts.part(index));
            let mut left = self.left.lock();
            *left -= 1;
            if *left == 0 {
                self.done.notify_one();
            }
        }
    }

    fn wait(&self) {
        let mut left = self.left.lock();
        while *left > 0 {
            self.done.wait(&mut left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Marks(Vec<AtomicUsize>);

    impl Parts for Marks {
        fn count(&self) -> usize {
            self.0.len()
        }
        fn part(&self, index: usize) {
            self.0[index].fetch_add(1, Relaxed);
            assert!(index != 3, "as asked");
        }
    }

    #[test]
    fn each_part_is_done_once_whoever_comes_and_whatever_fails() {
        for helpers in [0, 1, 4] {
            let crew = Arc::new(Crew::new(helpers, 1));
            let threads: Vec<_> = (0..helpers)
                .map(|_| {
                    let crew = crew.clone();
                    std::thread::spawn(move || crew.run())
                })
                .collect();
            for count in 0..200 {
                let marks = Arc::new(Marks((0..count).map(|_| AtomicUsize::new(0)).collect()));
                crew.share(marks.clone(), count);
                assert!(marks.0.iter().all(|mark| mark.load(Relaxed) == 1), "{count} with {helpers}");
            }
            assert_eq!(crew.is_for(1), helpers > 0);
            crew.close();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    }
}
