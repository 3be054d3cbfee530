use parking_lot::RwLock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tidewire_model::{Change, Seq};

/// The changes that the hub applied last: a cache in front of the log.
pub(crate) struct Ring {
    changes: RwLock<VecDeque<Arc<Change>>>,
    capacity: usize,
    /// how often it was cleared
    life: AtomicU64,
}

impl Ring {
    pub fn new(capacity: usize) -> Self {
        Self { changes: RwLock::default(), capacity: capacity.max(1), life: AtomicU64::new(0) }
    }

    pub fn push(&self, change: &Arc<Change>) {
        let mut changes = self.changes.write();
        if changes.len() == self.capacity {
            changes.pop_front();
        }
        changes.push_back(change.clone());
    }

    pub fn len(&self) -> usize {
        self.changes.read().len()
    }

    /// After a hole nothing before it may be taken for complete.
    pub fn clear(&self) {
        self.changes.write().clear();
        self.life.fetch_add(1, SeqCst);
    }

    /// Another number: what was read before must not be used any more.
    pub fn life(&self) -> u64 {
        self.life.load(SeqCst)
    }

    /// At most `limit` changes after `start`, in order, or as many of them as are still here; `None` if that leaves out
    /// some after `done`.
    pub fn since(&self, start: Seq, done: Seq, limit: usize) -> Option<Vec<Arc<Change>>> {
        let first = self.changes.read().front()?.position.seq;
        self.recent(start.max(first - 1).min(done), limit)
    }

    /// `None` if the ring does not reach back to `after`.
    pub fn recent(&self, after: Seq, limit: usize) -> Option<Vec<Arc<Change>>> {
        let changes = self.changes.read();
        let first = changes.front()?.position.seq;
        let skip = (after + 1).checked_sub(first)?;
        Some(changes.iter().skip(skip as usize).take(limit).cloned().collect())
    }
}
