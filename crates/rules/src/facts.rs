use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use tidewire_model::Principal;

/// What is known of one request: all that `@request.*` can read.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `default`, `realtime`, `batch`, `expand`, `password`, …
    pub context: Box<str>,
    pub method: Box<str>,
    pub principal: Principal,
    pub query: BTreeMap<String, String>,
    /// names in lower snake case
    pub headers: BTreeMap<String, String>,
    /// field values after write modifiers were applied
    pub body: Map<String, Json>,
}
