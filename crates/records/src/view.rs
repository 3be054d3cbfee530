use crate::rule::{Bound, bind};
use crate::{Asker, Body, RecordError};
use std::sync::Arc;
use tidewire_model::{Collection, Record, Timestamp};
use tidewire_rules::Query;
use tidewire_store::{Snapshot, StoreError};

/// One record under the view rule.
pub fn view(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    id: &str,
) -> Result<Arc<Record>, RecordError> {
    let rule = bind(snapshot.catalog(), collection, asker, collection.rules.view.as_deref(), &Body::new())?;
    let record = snapshot.get(collection, &asker.tenant, id)?.ok_or(RecordError::NotFound)?;
    if permits(snapshot, &rule, &record)? { Ok(record) } else { Err(RecordError::NotFound) }
}

/// Those of these records that exist and that the view rule lets through, in no order; ids must differ.
pub fn view_many(
    snapshot: &Snapshot<'_>,
    asker: &Asker,
    collection: &Arc<Collection>,
    ids: &[&str],
) -> Result<Vec<Arc<Record>>, StoreError> {
    match bind(snapshot.catalog(), collection, asker, collection.rules.view.as_deref(), &Body::new()) {
        Ok(Bound::Open) => snapshot.get_many(collection, &asker.tenant, ids),
        Ok(Bound::If(residual)) => {
            let query = Query::new(collection, &asker.tenant, Timestamp::now()).only("id", ids);
            snapshot.select(collection, &query.filter(&residual))
        }
        Ok(Bound::Broken) | Err(_) => Ok(Vec::new()),
    }
}

/// Whether a bound rule holds for a record as it is.
pub(crate) fn permits(snapshot: &Snapshot<'_>, rule: &Bound, record: &Record) -> Result<bool, RecordError> {
    match rule {
        Bound::Open => Ok(true),
        Bound::Broken => Ok(false),
        Bound::If(residual) => Ok(snapshot.holds(residual, record, &[])?),
    }
}
