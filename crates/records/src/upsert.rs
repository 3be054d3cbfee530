use crate::create::create;
use crate::normalise::text;
use crate::update::update;
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
    let id = body.body.get("id").map(text).unwrap_or_default();
    if !id.is_empty() && tx.get(collection, &asker.tenant, &id)?.is_some() {
        return update(tx, asker, collection, &id, body);
    }
    create(tx, asker, collection, body)
}
