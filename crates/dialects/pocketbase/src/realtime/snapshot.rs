//! The records that a topic shows now, as frames, all read at one position.

use crate::realtime::frame;
use crate::realtime::interest::{RecordInterest, TopicInterest, tenant_of};
use crate::realtime::topic::Scope;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_model::{Principal, Record, Seq, Timestamp};
use tidewire_rules::Query;
use tidewire_store::{Snapshot as View, StoreError};

/// What one snapshot may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub records: usize,
    pub bytes: usize,
}

/// Frames, and the position they were read at.
pub struct Snapshot {
    pub head: Seq,
    /// `None`: it is larger than the limits
    pub frames: Option<Vec<Bytes>>,
}

/// Blocks: for a reader's thread.
pub fn take(
    view: &View<'_>,
    interest: &TopicInterest,
    principal: &Principal,
    limits: Limits,
) -> Result<Snapshot, StoreError> {
    let head = view.head()?;
    let collection = interest.collection(view.catalog(), &tenant_of(principal));
    let shown = collection.and_then(|collection| interest.records(view.catalog(), &collection, principal));
    let Some(shown) = shown else { return Ok(Snapshot { head, frames: Some(Vec::new()) }) };
    let records = match &interest.topic.scope {
        Scope::All => all(view, &shown, limits.records)?,
        Scope::One(id) => one(view, &shown, id)?,
    };
    if records.len() > limits.records {
        return Ok(Snapshot { head, frames: None });
    }
    Ok(Snapshot { head, frames: encode(view, &shown, &records, limits.bytes)? })
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

fn encode(
    view: &View<'_>,
    shown: &RecordInterest,
    records: &[Arc<Record>],
    limit: usize,
) -> Result<Option<Vec<Bytes>>, StoreError> {
    let mut frames = Vec::with_capacity(records.len());
    let mut total = 0;
    for record in records {
        let mut bytes = Vec::with_capacity(512);
        frame::open(&mut bytes, "", &shown.encoder.topic);
        shown.encoder.write_snapshot(view, record, &mut bytes)?;
        frame::close(&mut bytes);
        total += bytes.len();
        if total > limit {
            return Ok(None);
        }
        frames.push(bytes.into());
    }
    Ok(Some(frames))
}
