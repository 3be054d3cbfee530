//! The records that a subscription shows now, read on a reader's thread.

use crate::realtime::interest::CollectionInterest;
use tidewire_connection::snapshot::{Limits, Snapshot};
use tidewire_model::{Principal, Timestamp};
use tidewire_rules::Query;
use tidewire_store::{Snapshot as View, StoreError};

/// Blocks: for a reader's thread.
pub fn take(
    view: &View<'_>,
    interest: &CollectionInterest,
    principal: &Principal,
    limits: Limits,
) -> Result<Snapshot, StoreError> {
    let Some(shown) = interest.shown(view.catalog(), principal) else {
        return Ok(Snapshot::empty(view.head()?));
    };
    let now = Timestamp::now();
    let query = Query::new(&shown.collection, &shown.tenant, now).filter(&shown.gate);
    // one more than the limit, so that it can be told that it was passed
    let records = view.select(&shown.collection, &query.page(limits.records as u64 + 1, 0))?;
    Snapshot::of(view, &records, limits, |record, out| {
        shown.encoder.write_snapshot(record, now, out);
        Ok(())
    })
}
