//! Where a new subscription begins: now, after a cursor, or after a snapshot.

use crate::App;
use crate::realtime::frame::{Envelope, Wire};
use crate::realtime::interest::CollectionInterest;
use crate::realtime::snapshot;
use crate::realtime::wanted::Wanted;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_connection::snapshot::{Limits, Snapshot, Wanted as WantedSnapshot};
use tidewire_feed::{Interest as _, ResetReason, Start};
use tidewire_model::{Position, Principal, Seq, Timestamp};
use tidewire_store::{Snapshot as View, StoreError};

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
    let taken = snapshot(app, interest, principal).await?;
    let (cursor, length) = (cursor(app, taken.head), taken.bytes());
    // others share it, whatever is left for this connection
    match taken.frames.filter(|_| length <= *bytes) {
        Some(frames) => {
            *bytes -= length;
            preface.extend(frames.iter().cloned());
            preface.push(live(*wire, collection, &cursor));
        }
        None => preface.push(wire.reset(collection, "snapshot_too_large", &cursor)),
    }
    Ok(Start::After { seq: taken.head, preface })
}

async fn snapshot(
    app: &App,
    interest: &Arc<CollectionInterest>,
    principal: &Principal,
) -> Result<Snapshot, StoreError> {
    let (head, catalog) = (app.store.head(), app.store.catalog());
    let Some(class) = interest.classes(&catalog, principal).pop() else { return Ok(Snapshot::empty(head)) };
    let options = &app.realtime.options;
    let limits = Limits { records: options.snapshot_records, bytes: options.snapshot_bytes };
    let (reading, asking) = (interest.clone(), principal.clone());
    let read = move |view: &View<'_>| snapshot::take(view, &reading, &asking, limits);
    app.realtime.snapshots.take(&app.store, WantedSnapshot::of(&class, catalog.revision), read).await
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
