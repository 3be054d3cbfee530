use super::fault::{Faults, fault};
use super::index::Index;
use crate::RecordError;
use std::sync::Arc;
use tidewire_model::Collection;
use tidewire_store::{StoreError, Tx};

/// Saves a checked definition. What only the database knows of indexes (expressions, data that is not unique) becomes a
/// fault of that index.
pub fn save(tx: &mut Tx<'_>, collection: Collection) -> Result<Arc<Collection>, RecordError> {
    let indexes = collection.indexes.clone();
    tx.save_collection(collection).map_err(|error| match error {
        StoreError::BadIndex { index, reason } => refusal(&indexes, &index, &reason),
        other => other.into(),
    })
}

fn refusal(indexes: &[Box<str>], sql: &str, reason: &str) -> RecordError {
    let at = indexes.iter().position(|index| **index == *sql).unwrap_or(0);
    let name = Index::parse(sql).map(|index| index.name).unwrap_or_default();
    let text = format!("Failed to create index {name} - {reason}.");
    let mut faults = Faults::default();
    faults.add(&["indexes", &at.to_string()], fault("validation_invalid_index_expression", text));
    RecordError::Invalid(faults.0)
}
