use crate::realtime::frame;
use bytes::Bytes;
use tidewire_connection::websocket::Close;
use tidewire_feed::JoinError;

/// Why a socket is not served. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    KeyMissing,
    KeyUnknown,
    Timeout,
    /// a first frame that cannot be understood, and why
    Failed(String),
    NoCollection,
    NoRoom(String),
    ForeignRoom,
    RoomFull,
    TooManyRooms,
    TooManyConnections,
    NameTooLong(&'static str),
    RoomIdTooLong,
    Unavailable,
    /// by user code, in its words
    Hook(String),
}

impl From<tidewire_hooks::Refusal> for Refusal {
    fn from(refusal: tidewire_hooks::Refusal) -> Self {
        Self::Hook(refusal.message)
    }
}

impl Refusal {
    pub fn of_join(error: JoinError, room: &str) -> Self {
        match error {
            JoinError::Missing => Self::NoRoom(room.to_owned()),
            JoinError::Foreign => Self::ForeignRoom,
            JoinError::Full => Self::RoomFull,
            JoinError::TooMany => Self::TooManyRooms,
            JoinError::Seated | JoinError::Stopped => Self::Unavailable,
        }
    }

    /// The status of its close frame.
    pub fn code(&self) -> u16 {
        if *self == Self::Unavailable { Close::TRY_AGAIN } else { Close::POLICY }
    }

    /// The one frame that the client gets.
    pub fn frame(&self) -> Bytes {
        frame::object(|out| {
            out.text("error", self.error());
            match self {
                Self::KeyUnknown => out.text("error_detail", "Project not found"),
                Self::Failed(detail) => out.text("error_detail", detail),
                Self::NameTooLong(name) => out.text("error_detail", &format!("{name} is too long")),
                Self::RoomIdTooLong => out.text("error_detail", "room id is too long"),
                Self::NoRoom(room) => out.text("room_id", room),
                _ => {}
            }
        })
    }

    pub fn error(&self) -> &str {
        match self {
            Self::KeyMissing => "API key is required",
            Self::KeyUnknown => "Invalid API key",
            Self::Timeout => "Authentication timeout",
            Self::Failed(_) | Self::NameTooLong(_) | Self::RoomIdTooLong => "Authentication failed",
            Self::NoCollection => "Collection not found or access denied",
            Self::NoRoom(_) => "Room not found",
            Self::ForeignRoom => "Room belongs to different project",
            Self::RoomFull => "Room is full",
            Self::TooManyRooms => "Too many rooms",
            Self::TooManyConnections => "Too many connections",
            Self::Unavailable => "Service unavailable",
            Self::Hook(message) => message,
        }
    }
}
