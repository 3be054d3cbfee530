//! Messages on custom topics: they are part of their transaction, and take their place among its changes.

use crate::{StoreError, Tx, kept};
use bytes::Bytes;
use std::sync::Arc;
use tidewire_model::message::messages;
use tidewire_model::{Action, Message, TenantId, Timestamp, TopicRule, id};

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
    /// Nothing is written unless the settings say that the topic's messages are kept, so a transaction of other messages
    /// alone waits for no disk. Refused if too many of those are on their way.
    pub fn publish(&mut self, tenant: &TenantId, topic: &str, data: Bytes) -> Result<(), StoreError> {
        self.post(tenant, topic, data).map(|_| ())
    }

    /// The same; tells by what the message is known.
    pub fn post(&mut self, tenant: &TenantId, topic: &str, data: Bytes) -> Result<Posted, StoreError> {
        Message::check(&self.catalog, tenant, topic, &data)?;
        if let Some(rule) = self.catalog.topics().keeping(topic).cloned() {
            return self.keep(tenant, topic, &data, &rule);
        }
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

    /// A message that is kept is a change: it has a position of its own, and is read from the log like any other.
    fn keep(
        &mut self,
        tenant: &TenantId,
        topic: &str,
        data: &[u8],
        rule: &TopicRule,
    ) -> Result<Posted, StoreError> {
        self.guard()?;
        let posted = Posted { id: id::record_id().into(), at: self.at };
        let record = kept::image(tenant, &posted.id, topic, &String::from_utf8_lossy(data));
        self.log(Action::Create, messages(), None, Some(Arc::new(record)), "")?;
        let place = kept::Place { tenant, topic, seq: self.head };
        kept::add(self.connection(), &place, data.len() as u64, self.at)
            .and_then(|()| kept::trim(self.connection(), &place, rule))
            .inspect_err(|error| self.progress.broken = Some(error.clone()))?;
        Ok(posted)
    }
}
