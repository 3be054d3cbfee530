use crate::rooms::Herald;
use bytes::Bytes;
use std::sync::Arc;
use tidewire_model::{TenantId, Timestamp};

/// Names a place where members hear each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// everybody of a tenant; never listed
    Broadcast(TenantId),
    /// `scope`: the tenant whose name space it is in; `None`: the one that all share
    Room { scope: Option<TenantId>, id: Box<str> },
}

impl Channel {
    pub fn id(&self) -> &str {
        match self {
            Self::Broadcast(tenant) => tenant.as_str(),
            Self::Room { id, .. } => id,
        }
    }

    pub(crate) fn is_room(&self) -> bool {
        matches!(self, Self::Room { .. })
    }
}

/// What is done if the room does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Make {
    No,
    Titled(Box<str>),
}

/// A connection's wish to become a member.
#[derive(Clone)]
pub struct Join {
    pub channel: Channel,
    pub tenant: TenantId,
    pub user: Box<str>,
    pub name: Box<str>,
    pub make: Make,
    /// its frames carry their positions
    pub positions: bool,
    /// the position of the last message that it heard
    pub since: Option<Box<str>>,
    pub herald: Arc<dyn Herald>,
}

/// A message that no member sends.
pub struct Speech {
    pub channel: Channel,
    /// whose room it must be
    pub tenant: TenantId,
    pub user: Box<str>,
    pub name: Box<str>,
    pub data: Bytes,
    pub herald: Arc<dyn Herald>,
}

/// Why somebody did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    Missing,
    /// it belongs to another tenant
    Foreign,
    Full,
    /// the tenant has as many rooms as it may have
    TooMany,
    /// a connection is in one room at most
    Seated,
    /// the feed has stopped
    Stopped,
}

/// A user, however many connections it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub user: Box<str>,
    /// the newest that it gave
    pub name: Box<str>,
}

/// A room as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomInfo {
    pub id: Box<str>,
    pub title: Box<str>,
    pub creator: Box<str>,
    pub created_at: Timestamp,
    /// in the order in which they came
    pub participants: Vec<Participant>,
}
