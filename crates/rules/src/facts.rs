use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidewire_model::Principal;

/// What is known of one request: all that `@request.*` can read.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// `default`, `realtime`, `batch`, `expand`, `password`, …
    pub context: Box<str>,
    pub method: Box<str>,
    pub principal: Principal,
    /// names of the groups that the principal is in, as far as its record does not have them
    pub groups: Arc<[Box<str>]>,
    pub query: BTreeMap<String, String>,
    /// names in lower snake case
    pub headers: BTreeMap<String, String>,
    /// field values after write modifiers were applied
    pub body: Map<String, Json>,
}
