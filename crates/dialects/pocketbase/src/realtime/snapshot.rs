//! The records that a topic shows now, read on a reader's thread.

use crate::realtime::frame;
use crate::realtime::interest::{RecordInterest, TopicInterest, tenant_of};
use crate::realtime::topic::Scope;
use std::sync::Arc;
use tidewire_connection::snapshot::{Limits, Snapshot};
use tidewire_model::{Principal, Record, Timestamp};
use tidewire_rules::Query;
use tidewire_store::{Snapshot as View, StoreError};

/// Blocks: for a reader's thread.
pub fn take(
    view: &View<'_>,
    interest: &TopicInterest,
    principal: &Principal,
    limits: Limits,
) -> Result<Snapshot, StoreError> {
    let collection = interest.collection(view.catalog(), &tenant_of(principal));
    let shown = collection.and_then(|collection| interest.records(view.catalog(), &collection, principal));
    let Some(shown) = shown else { return Ok(Snapshot::empty(view.head()?)) };
    let records = match &interest.topic.scope {
        Scope::All => all(view, &shown, limits.records)?,
        Scope::One(id) => one(view, &shown, id)?,
    };
    Snapshot::of(view, &records, limits, |record, out| {
        frame::open(out, "", &shown.encoder.topic);
        shown.encoder.write_snapshot(view, record, out)?;
        frame::close(out);
        Ok(())
    })
}

/// One more than the limit, so that it can be told that it was passed.
fn all(view: &View<'_>, shown: &RecordInterest, limit: usize) -> Result<Vec<Arc<Record>>, StoreError> {
    let tenant = &shown.encoder.asker.tenant;
    let query = Query::new(&shown.collection, tenant, Timestamp::now()).filter(&shown.gate);
    view.select(&shown.collection, &query.page(limit as u64 + 1, 0))
}

fn one(view: &View<'_>, shown: &RecordInterest, id: &str) -> Result<Vec<Arc<Record>>, StoreError> {
    let tenant = &shown.encoder.asker.tenant;
    let Some(record) = view.get(&shown.collection, tenant, id)? else { return Ok(Vec::new()) };
    let visible = view.holds(&shown.gate, &record, &[])?;
    Ok(if visible { vec![record] } else { Vec::new() })
}
