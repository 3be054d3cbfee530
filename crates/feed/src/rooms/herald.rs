use crate::interest::ResetReason;

/// A room at one moment, as one participant is told of or talked about.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub id: &'a str,
    pub title: &'a str,
    /// distinct users
    pub participants: usize,
    pub user: &'a str,
    pub name: &'a str,
}

/// How a dialect puts into frames what happens in a room; each is made once, for all. False: nobody is told.
///
/// `cursor` is the position of the last message; given for members that asked for positions.
pub trait Herald: Send + Sync {
    /// The first frame of a new member. `recovered`: what it missed follows, or why it cannot.
    fn welcome(
        &self,
        room: &View<'_>,
        recovered: Option<Result<(), ResetReason>>,
        cursor: Option<&str>,
        frame: &mut Vec<u8>,
    ) -> bool;

    /// For the others, when the first connection of a user has come.
    fn arrived(&self, room: &View<'_>, frame: &mut Vec<u8>) -> bool;

    /// For those who stay, when the last connection of a user has gone.
    fn departed(&self, room: &View<'_>, frame: &mut Vec<u8>) -> bool;

    /// For everybody, the sender included. `data` is what the sender's session made ready.
    fn message(&self, room: &View<'_>, data: &[u8], cursor: Option<&str>, frame: &mut Vec<u8>) -> bool;
}
