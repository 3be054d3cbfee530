//! One topic of one socket, as the feed sees it.

use crate::realtime::interest::tenant_of;
use crate::realtime::pubsub::frame;
use std::sync::Arc;
use tidewire_feed::{ClassSpec, Encoder, Event, Interest, Topic};
use tidewire_model::{Catalog, Language, Principal};
use tidewire_records::Asker;
use tidewire_records::topics::{self, Deed};
use tidewire_rules::Residual;

pub struct PubsubInterest {
    pub topic: Box<str>,
}

/// Messages of a topic.
struct PubsubEncoder {
    topic: Box<str>,
}

impl Interest for PubsubInterest {
    fn classes(&self, catalog: &Arc<Catalog>, principal: &Principal) -> Vec<ClassSpec> {
        if !may(catalog, principal, &self.topic, Deed::Subscribe) {
            return Vec::new();
        }
        vec![ClassSpec {
            topic: Topic::Custom { tenant: tenant_of(principal), name: self.topic.clone() },
            gate: Residual::always(),
            leave: false,
            projection: "bosbase pubsub".to_owned(),
            encoder: Arc::new(PubsubEncoder { topic: self.topic.clone() }),
        }]
    }
}

impl Encoder for PubsubEncoder {
    fn encode(&self, event: &Event<'_>, bytes: &mut Vec<u8>) -> bool {
        match event {
            Event::Message { id, data, at, .. } => frame::message(bytes, id, &self.topic, data, *at),
            Event::Change { .. } | Event::Forgotten { .. } => false,
        }
    }
}

/// Rules see nothing of a socket's request but who sends it.
pub fn may(catalog: &Arc<Catalog>, principal: &Principal, topic: &str, deed: Deed) -> bool {
    topics::may(catalog, principal, topic, deed, || Asker {
        principal: principal.clone(),
        tenant: tenant_of(principal),
        language: Language::PocketBase,
        context: "realtime",
        method: "GET".to_owned(),
        ..Asker::default()
    })
}
