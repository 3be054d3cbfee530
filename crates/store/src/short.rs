//! Reads that are tried on the caller's thread and go to a reader's thread if they turn out to be long.

use std::array;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

/// instructions of SQLite's machine between two looks
pub(crate) const STRIDE: i32 = 1000;
/// looks after which a read is long: a part of a millisecond
const LOOKS: u32 = 20;
/// collections that are told apart, by a part of their hash
const SLOTS: usize = 256;
/// how many reads of a collection go to a thread at once after one was long
const WARY: u8 = 64;

/// How far a try on one connection may go.
#[derive(Default)]
pub(crate) struct Budget {
    bounded: AtomicBool,
    looks: AtomicU32,
}

impl Budget {
    pub(crate) fn begin(&self) {
        self.looks.store(0, Ordering::Relaxed);
        self.bounded.store(true, Ordering::Relaxed);
    }

    /// Ends the try; true if it was broken off.
    pub(crate) fn end(&self) -> bool {
        self.bounded.store(false, Ordering::Relaxed);
        self.looks.load(Ordering::Relaxed) >= LOOKS
    }

    /// Called by SQLite now and then; true breaks the statement off.
    pub(crate) fn look(&self) -> bool {
        self.bounded.load(Ordering::Relaxed) && self.looks.fetch_add(1, Ordering::Relaxed) + 1 >= LOOKS
    }
}

/// Which reads are worth a try.
pub(crate) struct Wary([AtomicU8; SLOTS]);

impl Wary {
    pub(crate) fn new() -> Self {
        Self(array::from_fn(|_| AtomicU8::new(0)))
    }

    /// Whether a read about `key` should be tried.
    pub(crate) fn may_try(&self, key: &str) -> bool {
        let left = self.slot(key);
        let waits = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        waits.is_err()
    }

    /// A read about `key` was long.
    pub(crate) fn was_long(&self, key: &str) {
        self.slot(key).store(WARY, Ordering::Relaxed);
    }

    fn slot(&self, key: &str) -> &AtomicU8 {
        &self.0[crc32fast::hash(key.as_bytes()) as usize % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_is_broken_off_after_its_looks_only() {
        for (looks, broken) in [(0, false), (LOOKS - 1, false), (LOOKS, true), (LOOKS + 1, true)] {
            let budget = Budget::default();
            assert!(!budget.look());
            budget.begin();
            let last = (0..looks).map(|_| budget.look()).last();
            assert_eq!(last.unwrap_or_default(), broken, "{looks}");
            assert_eq!(budget.end(), broken, "{looks}");
            assert!(!budget.look());
        }
    }

    #[test]
    fn after_a_long_read_some_are_not_tried() {
        let wary = Wary::new();
        assert!(wary.may_try("a"));
        wary.was_long("a");
        assert_eq!((0..100).filter(|_| wary.may_try("a")).count(), 100 - usize::from(WARY));
        assert!(wary.may_try("b"));
    }
}
