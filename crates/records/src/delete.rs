use crate::{Asker, RecordError};
use std::sync::Arc;
use tidewire_model::Collection;
use tidewire_store::Tx;

/// Checks the delete rule, deletes what cascades, cleans relations, deletes the record.
pub fn delete(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
) -> Result<(), RecordError> {
    let _ = (tx, asker, collection, id);
    unimplemented!()
}

/// Deletes every record of the collection in the asker's tenant, one change each.
pub fn truncate(tx: &mut Tx<'_>, asker: &Asker, collection: &Arc<Collection>) -> Result<(), RecordError> {
    let _ = (tx, asker, collection);
    unimplemented!()
}
