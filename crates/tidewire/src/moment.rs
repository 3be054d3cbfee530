use crate::acts::Target;
use serde_json::Value as Json;
use tidewire_hooks::{Act, ActError, Hands, HookError, Occasion};

/// What a closure is given: what happens, and hands to act with. In a before-hook all acts belong to the transaction of the
/// record.
pub struct Moment<'a> {
    pub occasion: &'a mut Occasion,
    pub hands: &'a mut dyn Hands,
}

impl Moment<'_> {
    /// A field of what happens, e.g. `user_id`.
    pub fn field(&self, name: &str) -> Option<&Json> {
        self.occasion.fields.get(name)
    }

    /// A field of the record that it is about.
    pub fn record(&self, field: &str) -> Option<&Json> {
        self.occasion.fields.get("record")?.get(field)
    }

    /// A field of the record as it was before an update.
    pub fn old(&self, field: &str) -> Option<&Json> {
        self.occasion.fields.get("old")?.get(field)
    }

    /// Sets a field of the record that is about to be written.
    pub fn set(&mut self, field: &str, value: impl Into<Json>) {
        if let Some(Json::Object(record)) = self.occasion.fields.get_mut("record") {
            record.insert(field.to_owned(), value.into());
        }
    }

    /// Refuses what happens: `return moment.abort(403, "…")`.
    pub fn abort(&self, status: u16, message: &str) -> Result<(), HookError> {
        Err(HookError::abort(status, message))
    }

    /// To everyone who is subscribed to exactly this topic.
    pub fn publish(&mut self, topic: &str, data: impl Into<Json>) -> Result<(), HookError> {
        let act = Act::Publish { topic: topic.to_owned(), data: data.into() };
        self.hands.act(act).map(drop).map_err(failed)
    }

    /// Records of a collection, without rules.
    pub fn records(&mut self, collection: &str) -> MomentRecords<'_> {
        let target = Target { collection: collection.to_owned(), rules: false };
        MomentRecords { hands: self.hands, target }
    }
}

/// Reads and writes of a closure. An error may be handed on with `?` or looked at.
pub struct MomentRecords<'a> {
    hands: &'a mut dyn Hands,
    target: Target,
}

impl MomentRecords<'_> {
    /// As the user may for whom it happens.
    pub fn with_rules(mut self) -> Self {
        self.target.rules = true;
        self
    }

    pub fn get(&mut self, id: &str) -> Result<Json, ActError> {
        self.hands.act(self.target.get(id))
    }

    /// A page of those that a filter lets through; at most 1000.
    pub fn list(&mut self, filter: &str, sort: &str, page: u64, per_page: u64) -> Result<Json, ActError> {
        self.hands.act(self.target.list(filter, sort, page, per_page))
    }

    pub fn create(&mut self, data: Json) -> Result<Json, ActError> {
        self.hands.act(self.target.create(data)?)
    }

    pub fn update(&mut self, id: &str, data: Json) -> Result<Json, ActError> {
        self.hands.act(self.target.update(id, data)?)
    }

    pub fn delete(&mut self, id: &str) -> Result<(), ActError> {
        self.hands.act(self.target.delete(id)).map(drop)
    }
}

pub(crate) fn failed(error: ActError) -> HookError {
    HookError::Failed(format!("{} ({})", error.message, error.status))
}
