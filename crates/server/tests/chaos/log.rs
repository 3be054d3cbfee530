//! What happened, as the server's log tells it, read from the folder after the end.

use std::path::Path;
use std::sync::Arc;
use tidewire_feed::Cursors;
use tidewire_model::{Change, Value};
use tidewire_store::{Options, Store, StoreError};

/// What identifies an event: two events of a history that are equal in all of it are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub cursor: String,
    pub action: String,
    /// of the record; the topic of a message
    pub id: String,
    /// the number that each write gives its record or message
    pub revision: i64,
}

/// What a subscription hears of all that happens.
#[derive(Clone, Debug)]
pub enum Topic {
    All(&'static str),
    One(&'static str, String),
    /// a filter, `kind = "…"`
    Kind(&'static str, &'static str),
    /// messages of a durable topic
    Said(&'static str),
}

pub struct Log {
    changes: Vec<Arc<Change>>,
    cursors: Cursors,
}

impl Log {
    pub fn read(dir: &Path) -> Self {
        let store = Store::open(dir, Options::default(), Box::new(|_| {})).unwrap();
        assert_eq!(store.floor(), 0, "the log has forgotten its beginning");
        let read = store.read_here(|snapshot| {
            Ok::<_, StoreError>((
                snapshot.changes_after(0, usize::MAX >> 1)?,
                snapshot.setting("tidewire.cursorKey")?,
            ))
        });
        let (changes, key) = read.unwrap();
        let key: Vec<u8> = serde_json::from_str(&key.unwrap()).unwrap();
        Self { changes, cursors: Cursors::new(key.try_into().unwrap()) }
    }

    /// All that a subscription must have heard if it began with this cursor.
    pub fn after(&self, beginning: &str, topic: &Topic) -> Vec<Fact> {
        let begun = |change: &&Arc<Change>| self.cursors.write(&change.position) != beginning;
        let after = self.changes.iter().skip_while(begun).skip(1);
        after.filter(|change| topic.covers(change)).map(|change| self.fact(change)).collect()
    }

    fn fact(&self, change: &Change) -> Fact {
        let cursor = self.cursors.write(&change.position);
        match change.message() {
            Some(message) => {
                let data: serde_json::Value = serde_json::from_str(message.data).unwrap();
                let (action, id) = ("message".to_owned(), message.topic.to_owned());
                Fact { cursor, action, id, revision: data["n"].as_i64().unwrap() }
            }
            None => {
                let record = change.record();
                let revision = match record.get("n") {
                    Some(Value::Number(number)) => *number as i64,
                    other => panic!("a record without a number: {other:?}"),
                };
                Fact {
                    cursor,
                    action: change.action.as_str().to_owned(),
                    id: record.id().to_owned(),
                    revision,
                }
            }
        }
    }
}

impl Topic {
    /// As a subscription names it, without options.
    pub fn path(&self) -> String {
        match self {
            Self::All(collection) | Self::Kind(collection, _) => format!("{collection}/*"),
            Self::One(collection, id) => format!("{collection}/{id}"),
            Self::Said(topic) => (*topic).to_owned(),
        }
    }

    pub fn filter(&self) -> Option<String> {
        match self {
            Self::Kind(_, kind) => Some(format!("kind = '{kind}'")),
            _ => None,
        }
    }

    fn covers(&self, change: &Change) -> bool {
        let of = |name: &str| *change.collection.name == *name;
        match self {
            Self::All(collection) => of(collection),
            Self::One(collection, id) => of(collection) && change.record().id() == id,
            Self::Kind(collection, kind) => of(collection) && change.record().text("kind") == *kind,
            Self::Said(topic) => change.message().is_some_and(|message| message.topic == *topic),
        }
    }
}

/// Where two sequences part, in words.
pub fn parting(heard: &[Fact], logged: &[Fact]) -> Option<String> {
    let place = heard.iter().zip(logged).take_while(|(heard, logged)| heard == logged).count();
    if place == heard.len() && place == logged.len() {
        return None;
    }
    let around =
        |facts: &[Fact]| format!("{:#?}", &facts[place.saturating_sub(1)..facts.len().min(place + 3)]);
    let whence = heard.get(place).map(|fact| logged.iter().position(|logged| logged == fact));
    Some(format!(
        "event {place} of {} heard, {} logged; what was heard there stands at {whence:?} in the log\nheard {}\nlogged {}",
        heard.len(),
        logged.len(),
        around(heard),
        around(logged),
    ))
}
