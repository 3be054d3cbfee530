use crate::{Asker, Prepared, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_store::Tx;

/// Checks the create rule, validates and writes a new record.
pub fn create(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    body: &Prepared,
) -> Result<Arc<Record>, RecordError> {
    let _ = (tx, asker, collection, body);
    unimplemented!()
}
