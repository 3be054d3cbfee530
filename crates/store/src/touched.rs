use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use tidewire_model::Seq;

/// Collections share a place by chance: then one seems changed when the other was.
const PLACES: usize = 1024;

/// When each collection changed last, or later.
pub(crate) struct Touched(Box<[AtomicU64]>);

impl Touched {
    /// Nothing is known of what came before `head`.
    pub(crate) fn new(head: Seq) -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(head)).collect())
    }

    /// Called by the writer alone, before the head is published.
    pub(crate) fn set(&self, collection: &str, seq: Seq) {
        self.place(collection).store(seq, Ordering::Release);
    }

    pub(crate) fn get(&self, collection: &str) -> Seq {
        self.place(collection).load(Ordering::Acquire)
    }

    fn place(&self, collection: &str) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        collection.hash(&mut hasher);
        &self.0[hasher.finish() as usize % PLACES]
    }
}
