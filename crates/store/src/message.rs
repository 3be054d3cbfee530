//! Messages on custom topics: they are part of their transaction, and take their place among its changes.

use crate::{StoreError, Tx};
use bytes::Bytes;
use std::sync::Arc;
use tidewire_model::{Message, TenantId, Timestamp, id};

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    pub id: Box<str>,
    pub at: Timestamp,
}

impl Tx<'_> {
    /// Tells everyone who is subscribed to exactly this topic, after the commit: after the changes that were written
    /// before it, and before those written after it. `data` is one line of ASCII JSON.
    ///
    /// Nothing is written, so a transaction of messages alone waits for no disk. Refused if too many messages are on
    /// their way.
    pub fn publish(&mut self, tenant: &TenantId, topic: &str, data: Bytes) -> Result<(), StoreError> {
        self.post(tenant, topic, data).map(|_| ())
    }

    /// The same; tells by what the message is known.
    pub fn post(&mut self, tenant: &TenantId, topic: &str, data: Bytes) -> Result<Posted, StoreError> {
        Message::check(&self.catalog, tenant, topic, &data)?;
        let room = self.progress.backlog.take(topic.len() + data.len()).ok_or(StoreError::TooManyMessages)?;
        let posted = Posted { id: id::record_id().into(), at: self.at };
        self.progress.messages.push(Arc::new(Message {
            id: posted.id.clone(),
            tenant: tenant.clone(),
            topic: topic.into(),
            data,
            at: self.at,
            after: self.head,
            room: Some(room),
        }));
        Ok(posted)
    }
}
