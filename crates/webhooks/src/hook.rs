use crate::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tidewire_hooks::Event;

/// What a receiver that breaks means for an event that can be refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fail {
    /// the event goes on
    #[default]
    Open,
    /// the event is refused
    Closed,
}

/// One definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    pub id: String,
    pub name: String,
    pub url: String,
    pub secret: Secret,
    /// names of events
    pub events: Vec<String>,
    /// "": all collections
    pub collection: String,
    pub priority: i64,
    pub timeout_ms: u64,
    pub fail: Fail,
    pub enabled: bool,
    pub headers: BTreeMap<String, String>,
    pub created: String,
    pub updated: String,
}

impl Hook {
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.events.iter().filter_map(|name| Event::named(name))
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Under which its place in the log is kept.
    pub fn group(&self) -> String {
        format!("http:{}", self.id)
    }

    /// As superusers see it: never with its secret.
    pub fn shown(&self) -> Json {
        json!({
            "id": self.id, "name": self.name, "url": self.url, "events": self.events, "collection": self.collection,
            "priority": self.priority, "timeout_ms": self.timeout_ms, "fail": self.fail, "enabled": self.enabled,
            "headers": self.headers, "created": self.created, "updated": self.updated,
        })
    }
}
