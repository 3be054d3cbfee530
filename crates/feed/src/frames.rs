use crate::class::Decision;
use bytes::Bytes;
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidewire_model::Seq;

/// bytes, and what an entry costs besides
const BOUND: usize = 4 * 1024 * 1024;
const ENTRY: usize = 64;
/// Answers of the store are not kept for longer.
const AGE: Duration = Duration::from_secs(1);

/// Frames that the hub made lately for the last changes of replays: when many come back at once they share them, as live.
pub(crate) struct Frames {
    /// by the address of the decision, which is kept alive beside it
    known: HashMap<(usize, Seq), (Arc<Decision>, Option<Bytes>)>,
    size: usize,
    since: Instant,
}

impl Frames {
    pub fn new() -> Self {
        Self { known: HashMap::new(), size: 0, since: Instant::now() }
    }

    pub fn of(
        &mut self,
        decision: &Arc<Decision>,
        seq: Seq,
        make: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let key = (Arc::as_ptr(decision) as usize, seq);
        if let Some((_, frame)) = self.known.get(&key) {
            return frame.clone();
        }
        let frame = make();
        if self.size >= BOUND {
            self.forget();
        }
        self.size += ENTRY + frame.as_ref().map_or(0, Bytes::len);
        self.known.insert(key, (decision.clone(), frame.clone()));
        frame
    }

    /// Called before each use.
    pub fn age(&mut self) {
        if self.since.elapsed() > AGE {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.known = HashMap::new();
        self.size = 0;
        self.since = Instant::now();
    }
}
