use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidewire_model::{Change, Seq, TenantId};

/// Places for all tenants and collections together. Two that share one only cost an answer.
const PLACES: usize = 16_384;

/// When the records of a collection of a tenant changed last. Written by the hub as it applies changes; whoever works
/// for it gets its work through a lock, and so sees what was written before.
pub(crate) struct Touched {
    places: Box<[AtomicU64]>,
}

impl Touched {
    pub fn new() -> Self {
        Self { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Where to look for a collection.
    pub fn place(tenant: &TenantId, collection: &str) -> usize {
        let mut hasher = DefaultHasher::new();
        (tenant, collection).hash(&mut hasher);
        hasher.finish() as usize % PLACES
    }

    pub fn touch(&self, change: &Change) {
        let place = Self::place(&change.tenant, &change.collection.id);
        self.places[place].store(change.position.seq, Relaxed);
    }

    /// Nothing is known of the changes up to `seq`.
    pub fn touch_all(&self, seq: Seq) {
        self.places.iter().for_each(|place| place.store(seq, Relaxed));
    }

    /// True if nothing changed after `seq` at any of the places.
    pub fn is_calm_since(&self, places: &[usize], seq: Seq) -> bool {
        places.iter().all(|place| self.places[*place].load(Relaxed) <= seq)
    }
}
