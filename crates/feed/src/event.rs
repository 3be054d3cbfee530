use tidewire_model::{Action, Change, Kept, Timestamp};

/// What a class is told.
pub enum Event<'a> {
    Change {
        change: &'a Change,
        action: Told,
        cursor: &'a str,
    },
    /// a custom message; `data` is ready text of the publisher
    Message {
        id: &'a str,
        data: &'a [u8],
        at: Timestamp,
        cursor: &'a str,
    },
    /// a message that is kept no longer stood here; only who falls behind retention is told
    Forgotten {
        cursor: &'a str,
    },
}

impl<'a> Event<'a> {
    /// The message that a change keeps.
    pub(crate) fn as_message(&self) -> Option<Event<'a>> {
        let Self::Change { change, cursor, .. } = *self else { return None };
        let Kept { id, data, .. } = change.message()?;
        Some(match data {
            "" => Event::Forgotten { cursor },
            _ => Event::Message { id, data: data.as_bytes(), at: change.at, cursor },
        })
    }
}

/// How a change looks to one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Is(Action),
    /// an update took the record out of the rule or filter (only for classes that asked for it)
    Leave,
}

impl Told {
    pub(crate) const COUNT: usize = 4;

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Is(Action::Create) => 0,
            Self::Is(Action::Update) => 1,
            Self::Is(Action::Delete) => 2,
            Self::Leave => 3,
        }
    }
}

/// Turns an event into the bytes that go on the wire. One per class; called once per event.
pub trait Encoder: Send + Sync {
    /// Appends the whole frame; false if this class gets nothing after all.
    fn encode(&self, event: &Event<'_>, frame: &mut Vec<u8>) -> bool;

    /// True if `encode` asks the store about changes (expand): it is then called on the slow lane. Messages never are.
    fn needs_store(&self) -> bool {
        false
    }
}
