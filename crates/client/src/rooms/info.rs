use crate::rooms::Member;
use serde::Deserialize;

/// A room, and who is in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RoomInfo {
    pub id: String,
    #[serde(default)]
    pub title: String,
    /// the id of its first member
    #[serde(default)]
    pub created_by: String,
    /// distinct users
    pub participants: u64,
    #[serde(default, rename = "participant_list")]
    pub members: Vec<Member>,
    /// seconds since 1970
    #[serde(default)]
    pub created_at: i64,
}

/// The answer of a server.
#[derive(Deserialize)]
pub(crate) struct RoomList {
    pub(crate) rooms: Vec<RoomInfo>,
}
