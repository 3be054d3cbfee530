//! What one class of subscribers is sent: made once per event, however many they are.

use crate::realtime::frame;
use std::sync::Arc;
use tidewire_feed::{Encoder, Event, Told};
use tidewire_model::json::{self, Escape};
use tidewire_model::{Action, Operations, Record};
use tidewire_records::Asker;
use tidewire_records::show::{self, Expand, Fields, Sight};
use tidewire_store::{Snapshot, Store, StoreError};

/// Record events of one topic for one kind of reader.
pub struct RecordEncoder {
    pub topic: Box<str>,
    pub operations: Operations,
    pub store: Store,
    pub asker: Asker,
    pub sight: Sight,
    pub expand: Option<Expand>,
    pub fields: Option<Fields>,
}

/// Messages of a custom topic.
pub struct MessageEncoder {
    pub topic: Box<str>,
}

impl RecordEncoder {
    fn write_record(&self, record: &Arc<Record>, out: &mut Vec<u8>) -> bool {
        if !self.needs_store() {
            self.write_alone(record, out);
            return true;
        }
        let shown = self.store.read_here(|snapshot| self.show(snapshot, record));
        match shown {
            Ok(json) => {
                json::write(out, &json, Escape::Ascii);
                true
            }
            Err(error) => {
                tracing::error!(%error, topic = %self.topic, "cannot show a record");
                false
            }
        }
    }

    fn write_alone(&self, record: &Record, out: &mut Vec<u8>) {
        match &self.fields {
            Some(fields) => self.sight.write_fields(record, fields, Escape::Ascii, out),
            None => self.sight.write(record, Escape::Ascii, out),
        }
    }

    /// The data of one frame of a snapshot.
    pub fn write_snapshot(
        &self,
        view: &Snapshot<'_>,
        record: &Arc<Record>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let shown = if self.needs_store() { Some(self.show(view, record)?) } else { None };
        frame::record(out, "snapshot", |out| match &shown {
            Some(json) => {
                json::write(out, json, Escape::Ascii);
                true
            }
            None => {
                self.write_alone(record, out);
                true
            }
        });
        Ok(())
    }

    fn show(&self, snapshot: &Snapshot<'_>, record: &Arc<Record>) -> Result<serde_json::Value, StoreError> {
        show::show(snapshot, &self.asker, record, self.expand.as_ref(), self.fields.as_ref())
    }
}

impl Encoder for RecordEncoder {
    fn encode(&self, event: &Event<'_>, bytes: &mut Vec<u8>) -> bool {
        let Event::Change { change, action, cursor } = event else { return false };
        let operation = match action {
            Told::Is(action) => *action,
            // to its reader the record is gone
            Told::Leave => Action::Delete,
        };
        if !self.operations.has(operation) {
            return false;
        }
        frame::open(bytes, cursor, &self.topic);
        let written = match action {
            Told::Is(action) => {
                frame::record(bytes, action.as_str(), |out| self.write_record(change.record(), out))
            }
            Told::Leave => frame::record(bytes, "leave", |out| {
                json::write(out, &frame::left(change.record()), Escape::Ascii);
                true
            }),
        };
        frame::close(bytes);
        written
    }

    fn needs_store(&self) -> bool {
        self.expand.is_some() || !self.sight.email.is_local()
    }
}

impl Encoder for MessageEncoder {
    fn encode(&self, event: &Event<'_>, bytes: &mut Vec<u8>) -> bool {
        let Event::Message { data, cursor, .. } = event else { return false };
        frame::open(bytes, cursor, &self.topic);
        bytes.extend_from_slice(data);
        frame::close(bytes);
        true
    }
}
