use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::fmt;

/// A place in the order of a server's changes: what came after it can be had with `since`. Opaque; holds across restarts.
pub type Cursor = String;

/// What a subscription tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<T> {
    /// something happened to a record, or it belongs to the snapshot that was asked for
    Record {
        action: Action,
        /// as it is now; as it was, of a deleted one; its id and collection only, of one that left
        record: T,
        /// `None`: records of a snapshot, and servers that have no cursors
        cursor: Option<Cursor>,
    },
    /// a message on a custom topic
    Message { data: T, cursor: Option<Cursor> },
    /// the snapshot is complete, what follows is live
    Live { cursor: Cursor },
    /// what was missed cannot be told any more: load the records again. What follows came after `cursor`. With `snapshot` a
    /// new snapshot follows.
    Reset { reason: String, cursor: Option<Cursor> },
    /// the connection was lost and is back, and the server has no positions, as a real PocketBase: it cannot tell what
    /// happened meanwhile. Tidewire tells of a custom topic that is not durable by a reset, `not_kept`.
    Gap,
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    Create,
    Update,
    Delete,
    /// an update took it out of the rule or the filter
    Leave,
    /// it is part of a snapshot
    Snapshot,
}

impl Action {
    /// As it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Leave => "leave",
            Self::Snapshot => "snapshot",
        }
    }

    fn read(text: &str) -> Option<Self> {
        let all = [Self::Create, Self::Update, Self::Delete, Self::Leave, Self::Snapshot];
        all.into_iter().find(|action| action.as_str() == text)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<T> Event<T> {
    /// The record or message that it is about.
    pub fn record(&self) -> Option<&T> {
        match self {
            Self::Record { record, .. } => Some(record),
            Self::Message { data, .. } => Some(data),
            _ => None,
        }
    }

    /// What happened to the record.
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::Record { action, .. } => Some(*action),
            _ => None,
        }
    }

    /// Where it has its place.
    pub fn cursor(&self) -> Option<&str> {
        match self {
            Self::Record { cursor, .. } | Self::Message { cursor, .. } | Self::Reset { cursor, .. } => {
                cursor.as_deref()
            }
            Self::Live { cursor } => Some(cursor),
            Self::Gap => None,
        }
    }
}

/// What the stream's task hands to subscriptions.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// of a topic of records
    Record {
        data: Box<str>,
        cursor: Option<Cursor>,
    },
    /// of a custom topic
    Message {
        data: Box<str>,
        cursor: Option<Cursor>,
    },
    Live {
        cursor: Cursor,
    },
    Reset {
        reason: String,
        cursor: Option<Cursor>,
    },
    Gap,
    Refused(Refusal),
}

impl Item {
    /// Bytes of what it carries.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Record { data, cursor } | Self::Message { data, cursor } => {
                data.len() + cursor.as_ref().map_or(0, String::len)
            }
            Self::Live { cursor } => cursor.len(),
            Self::Reset { reason, cursor } => reason.len() + cursor.as_ref().map_or(0, String::len),
            Self::Gap | Self::Refused(_) => 0,
        }
    }
}

/// Why the server refused to go on with a subscription after a reconnect.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) body: serde_json::Value,
    pub(crate) url: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    action: &'a str,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// The record and what happened to it; or why it cannot be read.
pub(crate) fn read_record<T: DeserializeOwned>(
    data: &str,
    cursor: Option<Cursor>,
) -> Result<Event<T>, String> {
    let envelope: Envelope<'_> = serde_json::from_str(data).map_err(|error| error.to_string())?;
    let action = Action::read(envelope.action).ok_or_else(|| format!("no action: {:?}", envelope.action))?;
    let record = serde_json::from_str(envelope.record.get()).map_err(|error| error.to_string())?;
    Ok(Event::Record { action, record, cursor })
}

pub(crate) fn read_message<T: DeserializeOwned>(
    data: &str,
    cursor: Option<Cursor>,
) -> Result<Event<T>, String> {
    let data = serde_json::from_str(data).map_err(|error| error.to_string())?;
    Ok(Event::Message { data, cursor })
}
