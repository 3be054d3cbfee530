use crate::RecordError;
use std::sync::Arc;
use tidewire_model::Collection;
use tidewire_store::Tx;

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
    Ok(tx.delete_collection(&collection.id)?)
}
