//! Settings that superusers change at run time.

use crate::RecordError;
use tidewire_store::{Store, StoreError};

/// The parts that Tidewire acts on; the rest of PocketBase's settings is kept and shown as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub batch_enabled: bool,
    pub batch_max_requests: usize,
    /// the whole document as superusers see it
    pub document: serde_json::Value,
}

impl Settings {
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let _ = store;
        unimplemented!()
    }

    /// Merges a PATCH into the document, validates and saves it.
    pub async fn save(store: &Store, patch: serde_json::Value) -> Result<Self, RecordError> {
        let _ = (store, patch);
        unimplemented!()
    }
}
