//! What watchers of one collection with one filter are sent: made once per change, however many they are.

use crate::realtime::document;
use crate::realtime::frame::{self, Object};
use bytes::Bytes;
use tidewire_feed::{Encoder, Event, ResetReason, Told};
use tidewire_model::{Action, Change, Operations, Record};

pub struct ChangeEncoder {
    /// frames carry their positions
    pub cursor: bool,
    pub operations: Operations,
}

impl Encoder for ChangeEncoder {
    fn encode(&self, event: &Event<'_>, bytes: &mut Vec<u8>) -> bool {
        let Event::Change { change, action, cursor } = event else { return false };
        let operation = match action {
            Told::Is(action) => *action,
            // to its reader the document is gone
            Told::Leave => Action::Delete,
        };
        if !self.operations.has(operation) {
            return false;
        }
        frame::append(bytes, |out| {
            write(change, *action, out);
            out.cursor(self.cursor.then_some(*cursor));
        })
    }
}

fn write(change: &Change, told: Told, out: &mut Object<'_>) {
    let record = change.record();
    let (event, whole) = match told {
        Told::Is(Action::Create) => ("create", true),
        Told::Is(Action::Update) => ("update", true),
        Told::Is(Action::Delete) => ("delete", false),
        Told::Leave => ("leave", false),
    };
    open(event, &record.collection.name, out);
    out.object("data", |data| {
        if whole {
            document::write_hybrid(record, data);
        } else {
            data.text("id", record.id());
        }
    });
    if let (Told::Is(Action::Update), Some(old), Some(new)) = (told, &change.old, &change.new) {
        out.object("old_data", |data| document::write_changed(old, new, data));
    }
}

/// A document that was there before the watch began.
pub fn write_snapshot(record: &Record, bytes: &mut Vec<u8>) {
    frame::append(bytes, |out| {
        open("snapshot", &record.collection.name, out);
        out.object("data", |data| document::write_hybrid(record, data));
    });
}

/// The snapshot is complete; what changes after the position follows.
pub fn live(collection: &str, cursor: &str) -> Bytes {
    frame::object(|out| {
        open("live", collection, out);
        out.text("cursor", cursor);
    })
}

/// Changes were missed for good.
pub fn reset(collection: &str, reason: ResetReason, cursor: &str) -> Bytes {
    told_anew(collection, frame::reason(reason), cursor)
}

/// In the place of a snapshot that would be larger than the limits.
pub fn too_large(collection: &str, cursor: &str) -> Bytes {
    told_anew(collection, "snapshot_too_large", cursor)
}

fn told_anew(collection: &str, reason: &str, cursor: &str) -> Bytes {
    frame::object(|out| {
        open("reset", collection, out);
        out.text("reason", reason);
        out.text("cursor", cursor);
    })
}

fn open(event: &str, collection: &str, out: &mut Object<'_>) {
    out.text("event", event);
    out.text("collection_id", collection);
}
