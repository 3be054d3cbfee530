use crate::{Asker, Prepared, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_store::Tx;

/// Checks the update rule on the stored record, applies modifiers, validates and writes.
pub fn update(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
    body: &Prepared,
) -> Result<Arc<Record>, RecordError> {
    let _ = (tx, asker, collection, id, body);
    unimplemented!()
}
