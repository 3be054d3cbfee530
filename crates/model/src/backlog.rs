use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// How much may be under way at once.
#[derive(Clone, Copy, Debug)]
pub struct BacklogBounds {
    /// default 65 536
    pub count: usize,
    /// default 64 MiB
    pub bytes: usize,
}

impl Default for BacklogBounds {
    fn default() -> Self {
        Self { count: 65_536, bytes: 64 << 20 }
    }
}

/// Counts what was published and not delivered yet; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    bounds: BacklogBounds,
    taken: Arc<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: AtomicUsize,
    bytes: AtomicUsize,
}

/// A place in the backlog; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    taken: Arc<Taken>,
    bytes: usize,
}

impl Backlog {
    pub fn new(bounds: BacklogBounds) -> Self {
        Self { bounds, taken: Arc::default() }
    }

    /// `None` if it is full. One entry always fits, whatever its size.
    pub fn take(&self, bytes: usize) -> Option<Room> {
        let (count, before) =
            (self.taken.count.fetch_add(1, SeqCst), self.taken.bytes.fetch_add(bytes, SeqCst));
        // given back at once if it must not be kept
        let room = Room { taken: self.taken.clone(), bytes };
        let fits = count == 0 || (count < self.bounds.count && before + bytes <= self.bounds.bytes);
        fits.then_some(room)
    }

    /// What is under way.
    pub fn len(&self) -> usize {
        self.taken.count.load(SeqCst)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken.count.fetch_sub(1, SeqCst);
        self.taken.bytes.fetch_sub(self.bytes, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_backlog_takes_nothing_until_room_is_given_back() {
        let backlog = Backlog::new(BacklogBounds { count: 2, bytes: 10 });
        let large = backlog.take(100);
        assert!(large.is_some() && backlog.take(1).is_none());
        drop(large);
        let (first, second) = (backlog.take(4), backlog.take(4));
        assert!(first.is_some() && second.is_some() && backlog.take(1).is_none());
        drop(first);
        assert!(backlog.take(7).is_none() && backlog.take(6).is_some());
        drop(second);
        assert_eq!((backlog.len(), backlog.is_empty()), (0, true));
    }
}
