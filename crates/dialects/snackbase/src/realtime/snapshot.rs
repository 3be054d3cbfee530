//! The records that a subscription shows now, as frames, all read at one position.

use crate::realtime::interest::CollectionInterest;
use bytes::Bytes;
use tidewire_model::{Principal, Seq, Timestamp};
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
    interest: &CollectionInterest,
    principal: &Principal,
    limits: Limits,
) -> Result<Snapshot, StoreError> {
    let head = view.head()?;
    let Some(shown) = interest.shown(view.catalog(), principal) else {
        return Ok(Snapshot { head, frames: Some(Vec::new()) });
    };
    let now = Timestamp::now();
    let query = Query::new(&shown.collection, &shown.tenant, now).filter(&shown.gate);
    // one more than the limit, so that it can be told that it was passed
    let records = view.select(&shown.collection, &query.page(limits.records as u64 + 1, 0))?;
    if records.len() > limits.records {
        return Ok(Snapshot { head, frames: None });
    }
    let mut frames = Vec::with_capacity(records.len());
    let mut total = 0;
    for record in &records {
        let mut bytes = Vec::with_capacity(512);
        shown.encoder.write_snapshot(record, now, &mut bytes);
        total += bytes.len();
        if total > limits.bytes {
            return Ok(Snapshot { head, frames: None });
        }
        frames.push(bytes.into());
    }
    Ok(Snapshot { head, frames: Some(frames) })
}
