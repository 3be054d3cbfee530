use std::fmt;

/// Why a server lets nobody in, or does not pass on what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// there is no such key, or it was revoked
    Key,
    /// nobody is in the room, and it was not to be made
    NoRoom,
    /// its id is taken by a room of another project
    ForeignRoom,
    RoomFull,
    TooManyRooms,
    TooManyConnections,
    /// a wrong token, or an id, name or title that is too long
    Authentication,
    /// the server did not get the first frame in time
    Timeout,
    MessageTooLarge,
    TooManyMessages,
    /// a frame that the server cannot read
    Message,
    Unavailable,
    /// by user code of the server, or a reason that this client does not know
    Other,
}

const WORDS: [(&str, Refusal); 15] = [
    ("API key is required", Refusal::Key),
    ("Invalid API key", Refusal::Key),
    ("Room not found", Refusal::NoRoom),
    ("Room belongs to different project", Refusal::ForeignRoom),
    ("Room is full", Refusal::RoomFull),
    ("Too many rooms", Refusal::TooManyRooms),
    ("Too many connections", Refusal::TooManyConnections),
    ("Authentication failed", Refusal::Authentication),
    ("Authentication timeout", Refusal::Timeout),
    ("Message too large", Refusal::MessageTooLarge),
    ("Too many messages", Refusal::TooManyMessages),
    ("Invalid JSON", Refusal::Message),
    ("Unknown message type", Refusal::Message),
    ("Service unavailable", Refusal::Unavailable),
    ("Internal server error", Refusal::Unavailable),
];

impl Refusal {
    pub(crate) fn read(text: &str) -> Self {
        WORDS.iter().find(|(word, _)| *word == text).map_or(Self::Other, |(_, refusal)| *refusal)
    }

    /// Whether the same may work a moment later.
    pub fn is_temporary(self) -> bool {
        match self {
            Self::RoomFull | Self::TooManyRooms | Self::TooManyConnections | Self::TooManyMessages => true,
            Self::Timeout | Self::Unavailable => true,
            Self::Key | Self::NoRoom | Self::ForeignRoom | Self::Authentication => false,
            Self::MessageTooLarge | Self::Message | Self::Other => false,
        }
    }

    /// Whether who was in the room already tries again. Who made it may come back later than others.
    pub(crate) fn may_pass(self) -> bool {
        self == Self::NoRoom || self.is_temporary()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = WORDS.iter().find(|(_, refusal)| refusal == self);
        f.write_str(known.map_or("Refused", |(word, _)| word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_reasons() {
        for (word, refusal, temporary, may_pass) in [
            ("Invalid API key", Refusal::Key, false, false),
            ("Room not found", Refusal::NoRoom, false, true),
            ("Room is full", Refusal::RoomFull, true, true),
            ("Authentication failed", Refusal::Authentication, false, false),
            ("not on Sundays", Refusal::Other, false, false),
        ] {
            let read = Refusal::read(word);
            assert_eq!(
                (read, read.is_temporary(), read.may_pass()),
                (refusal, temporary, may_pass),
                "{word}"
            );
        }
        assert_eq!(Refusal::RoomFull.to_string(), "Room is full");
        assert_eq!(Refusal::Other.to_string(), "Refused");
    }
}
