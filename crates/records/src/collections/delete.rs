use crate::{RecordError, attached, unproven};
use std::sync::Arc;
use tidewire_model::Collection;
use tidewire_store::{StoreError, Tx};

/// Refused with `RecordError::Referenced` while other collections point to it; system collections stay.
pub fn delete(tx: &mut Tx<'_>, collection: &Arc<Collection>) -> Result<(), RecordError> {
    if collection.system {
        return Err(RecordError::Invalid(crate::FieldErrors::default()));
    }
    let referenced =
        tx.catalog().references_to(&collection.id).iter().any(|(other, _)| other.id != collection.id);
    if referenced {
        return Err(RecordError::Referenced);
    }
    Ok(remove(tx, collection)?)
}

/// Drops it with all that belongs to its records.
pub(super) fn remove(tx: &mut Tx<'_>, collection: &Collection) -> Result<(), StoreError> {
    if collection.is_auth() {
        attached::remove_all(tx, collection)?;
        unproven::clear_all(tx, collection)?;
    }
    tx.delete_collection(&collection.id)
}
