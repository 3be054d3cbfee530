use crate::{Asker, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record};
use tidewire_store::Snapshot;

/// One record under the view rule.
pub fn view(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
) -> Result<Arc<Record>, RecordError> {
    let _ = (snapshot, asker, collection, id);
    unimplemented!()
}
