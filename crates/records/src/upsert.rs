use crate::{Asker, Prepared, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_store::Tx;

/// Updates the record named by `body.id`, or creates it.
pub fn upsert(
    tx: &mut Tx<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    body: &Prepared,
) -> Result<Arc<Record>, RecordError> {
    let _ = (tx, asker, collection, body);
    unimplemented!()
}
