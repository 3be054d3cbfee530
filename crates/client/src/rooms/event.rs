use crate::realtime::Cursor;
use serde::Deserialize;
use serde_json::Value as Json;

/// What a room tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RoomEvent<T> {
    /// somebody said something, maybe this client itself
    Message(Message<T>),
    /// a user came who had no other socket in the room; with this one so many are in it
    Joined { member: Member, participants: u64 },
    /// the last socket of a user left the room
    Left { member: Member, participants: u64 },
    /// the connection was lost and is back: what was said meanwhile follows. Who came or went meanwhile is not told
    Resumed { participants: Option<u64> },
    /// the connection was lost and is back, or `since` was asked for, and messages may be missing: `not_kept`, `retention`,
    /// `epoch_changed`, `ahead_of_head`, `invalid_cursor`
    Gap { reason: String, participants: Option<u64> },
    /// what user code of the server answers, to this client alone
    Reply(Json),
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<T> {
    pub from: Member,
    /// `message`; on a broadcast the name of an event, if the server itself speaks
    pub kind: String,
    pub data: T,
    /// when the server heard it, as it writes moments
    pub at: String,
    /// what was said after it can be had with [`since`](crate::rooms::Join::since); `None`: servers that have no cursors
    pub cursor: Option<Cursor>,
}

/// Somebody in a room. Sockets that give the same id are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Member {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

impl<T> RoomEvent<T> {
    /// What was said, if something was.
    pub fn message(&self) -> Option<&Message<T>> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
}
