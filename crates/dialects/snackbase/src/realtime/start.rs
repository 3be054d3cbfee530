//! Where a new subscription begins: now, after a cursor, or after a snapshot.

use crate::App;
use crate::realtime::frame::{Envelope, Wire};
use crate::realtime::interest::CollectionInterest;
use crate::realtime::snapshot::{self, Limits};
use crate::realtime::wanted::Wanted;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_feed::{ResetReason, Start};
use tidewire_model::{Position, Principal, Seq, Timestamp};
use tidewire_store::StoreError;

/// `bytes`: what snapshots may still take.
pub async fn of(
    app: &App,
    interest: &Arc<CollectionInterest>,
    principal: &Principal,
    bytes: &mut usize,
) -> Result<Start, StoreError> {
    let Wanted { wire, collection, extras, .. } = &interest.wanted;
    let mut preface = Vec::new();
    if !extras.since.is_empty() {
        match app.feed.resume(&extras.since) {
            Ok(seq) => return Ok(Start::After { seq, preface }),
            Err(error) => {
                let seq = app.store.head();
                preface.push(wire.reset(collection, reason(error), &cursor(app, seq)));
                if !extras.snapshot {
                    return Ok(Start::After { seq, preface });
                }
            }
        }
    }
    if !extras.snapshot {
        return Ok(Start::Now);
    }
    let limits = Limits { records: app.realtime.options.snapshot_records, bytes: *bytes };
    let (reading, asking) = (interest.clone(), principal.clone());
    let taken = app.store.read(move |view| snapshot::take(view, &reading, &asking, limits)).await?;
    let cursor = cursor(app, taken.head);
    match taken.frames {
        Some(frames) => {
            *bytes -= frames.iter().map(Bytes::len).sum::<usize>();
            preface.extend(frames);
            preface.push(live(*wire, collection, &cursor));
        }
        None => preface.push(wire.reset(collection, "snapshot_too_large", &cursor)),
    }
    Ok(Start::After { seq: taken.head, preface })
}

/// The position after the change `seq`.
pub fn cursor(app: &App, seq: Seq) -> String {
    app.feed.cursors().write(&Position { epoch: app.store.epoch(), seq, offset: 0 })
}

/// The snapshot is complete; changes after `cursor` follow.
fn live(wire: Wire, collection: &str, cursor: &str) -> Bytes {
    let mut out = Vec::with_capacity(128);
    let envelope = Envelope { collection, what: "live", at: Timestamp::now(), cursor: Some(cursor) };
    wire.write(&envelope, None, &mut out);
    out.into()
}

/// How a client is told it.
pub fn reason(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::EpochChanged => "epoch_changed",
        ResetReason::Retention => "retention",
        ResetReason::AheadOfHead => "ahead_of_head",
        ResetReason::InvalidCursor => "invalid_cursor",
    }
}
