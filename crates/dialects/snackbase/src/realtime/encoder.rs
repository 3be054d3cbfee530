use crate::realtime::frame::{Envelope, Wire};
use crate::record_json::{AccountName, RecordJson, Unset};
use tidewire_feed::{Encoder, Event, Told};
use tidewire_model::json::{self, Escape};
use tidewire_model::{Action, Operations, Record, Timestamp};

/// What one class of subscribers of a collection is sent.
pub struct RecordEncoder {
    pub wire: Wire,
    pub collection: Box<str>,
    pub operations: Operations,
    /// cursors are told
    pub cursor: bool,
    pub json: RecordJson,
}

impl RecordEncoder {
    /// One record of a snapshot.
    pub fn write_snapshot(&self, record: &Record, at: Timestamp, out: &mut Vec<u8>) {
        let envelope = Envelope { collection: &self.collection, what: "snapshot", at, cursor: None };
        self.write(&envelope, record, Unset::Null, out);
    }

    fn write(&self, envelope: &Envelope<'_>, record: &Record, unset: Unset, out: &mut Vec<u8>) {
        let mut data = |out: &mut Vec<u8>| self.json.write(record, unset, AccountName::Absent, out);
        self.wire.write(envelope, Some(&mut data), out);
    }
}

impl Encoder for RecordEncoder {
    fn encode(&self, event: &Event<'_>, bytes: &mut Vec<u8>) -> bool {
        let Event::Change { change, action, cursor } = event else { return false };
        let action = match action {
            Told::Is(action) => *action,
            // to its reader the record is gone
            Told::Leave => Action::Delete,
        };
        if !self.operations.has(action) {
            return false;
        }
        let envelope = Envelope {
            collection: &self.collection,
            what: action.as_str(),
            at: change.at,
            cursor: self.cursor.then_some(*cursor),
        };
        let record = change.record();
        match action {
            Action::Create => self.write(&envelope, record, Unset::Absent, bytes),
            Action::Update => self.write(&envelope, record, Unset::Null, bytes),
            Action::Delete => {
                let mut data = |out: &mut Vec<u8>| {
                    out.extend_from_slice(b"{\"id\":");
                    json::write_text(out, record.id(), Escape::Minimal);
                    out.push(b'}');
                };
                self.wire.write(&envelope, Some(&mut data), bytes);
            }
        }
        true
    }
}
