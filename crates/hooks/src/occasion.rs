use crate::Event;
use serde_json::{Map, Value as Json};
use tidewire_model::TenantId;

/// One happening, as handlers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Occasion {
    pub event: Event,
    pub tenant: TenantId,
    /// name of the collection that it is about
    pub collection: Option<Box<str>>,
    /// what it is about, e.g. `connection_id`, `user_id`, `record`; what a handler changes here the next one sees, and the
    /// caller in the end
    pub fields: Map<String, Json>,
    /// what a handler answers to a client's message
    pub reply: Option<Json>,
}

impl Occasion {
    pub fn new(event: Event, tenant: TenantId) -> Self {
        Self { event, tenant, collection: None, fields: Map::new(), reply: None }
    }

    /// The same about a collection, which is also its field `collection`.
    pub fn of(mut self, collection: &str) -> Self {
        self.collection = Some(collection.into());
        self.with("collection", collection)
    }

    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}
