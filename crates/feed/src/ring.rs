use crate::log::Log;
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::sync::Arc;
use tidewire_model::{Change, Seq};

/// The changes that the hub applied last: a cache in front of the log.
pub(crate) struct Ring {
    changes: RwLock<VecDeque<Arc<Change>>>,
    capacity: usize,
}

impl Ring {
    pub fn new(capacity: usize) -> Self {
        Self { changes: RwLock::default(), capacity: capacity.max(1) }
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
    }

    /// At most `limit` changes after `after`, in order; from the log if they are no longer here.
    pub fn read(&self, after: Seq, limit: usize, log: &dyn Log) -> Vec<Arc<Change>> {
        self.recent(after, limit).unwrap_or_else(|| log.read(after, limit))
    }

    /// `None` if the ring does not reach back to `after`.
    pub fn recent(&self, after: Seq, limit: usize) -> Option<Vec<Arc<Change>>> {
        let changes = self.changes.read();
        let first = changes.front()?.position.seq;
        let skip = (after + 1).checked_sub(first)?;
        Some(changes.iter().skip(skip as usize).take(limit).cloned().collect())
    }
}
