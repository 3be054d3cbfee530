use std::sync::Arc;
use tidewire_model::{Change, Epoch, Record, Seq};
use tidewire_rules::Residual;

/// The log of changes, as the feed needs it. `read` may block, and is called on the feed's own threads only; the others
/// answer from memory.
pub trait Log: Send + Sync {
    fn epoch(&self) -> Epoch;
    fn head(&self) -> Seq;
    /// changes after it can be read
    fn floor(&self) -> Seq;
    /// At most `limit` changes after `after`, in order.
    fn read(&self, after: Seq, limit: usize) -> Vec<Arc<Change>>;
}

/// The rare question that the feed cannot answer itself. May block: called on the slow lane and in replays only.
pub trait Lookup: Send + Sync {
    fn holds(&self, gate: &Residual, image: &Record, change: &Change) -> bool;
}
