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

/// Whether `gate` holds for `image`, the old or the new one of `change`.
pub struct Asked<'a> {
    pub gate: &'a Residual,
    pub image: &'a Arc<Record>,
    pub change: &'a Arc<Change>,
}

/// Answers of one moment.
pub struct Answered {
    /// the last change that they know of
    pub head: Seq,
    /// in the order of the questions; `None` where nobody could tell
    pub holds: Vec<Option<bool>>,
}

/// The rare questions that the feed cannot answer itself. May block: called on the slow lane and in replays only.
pub trait Lookup: Send + Sync {
    /// Questions about one change are neighbours. The state asked must contain all of the changes.
    fn ask(&self, asked: &[Asked<'_>]) -> Answered;
}

impl Answered {
    /// Nobody could tell.
    pub fn nothing(questions: usize) -> Self {
        Self { head: 0, holds: vec![None; questions] }
    }
}
