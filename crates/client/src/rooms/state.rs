/// How somebody stands to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomState {
    /// in it, with so many; a broadcast counts nobody
    Joined { participants: Option<u64> },
    /// the connection was lost; this is the so-manieth try to come back
    Rejoining { attempt: u32, reason: String },
    /// for good
    Left,
}
