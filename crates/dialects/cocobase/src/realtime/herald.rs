//! How broadcast channels and rooms speak.

use crate::realtime::frame::{self, Object};
use std::borrow::Cow;
use tidewire_feed::{Herald, ResetReason, View};

pub struct BroadcastHerald {
    /// the type of its messages
    pub kind: Cow<'static, str>,
}

pub struct RoomHerald;

impl Default for BroadcastHerald {
    fn default() -> Self {
        Self { kind: "message".into() }
    }
}

impl Herald for BroadcastHerald {
    fn welcome(
        &self,
        room: &View<'_>,
        recovered: Option<Result<(), ResetReason>>,
        cursor: Option<&str>,
        bytes: &mut Vec<u8>,
    ) -> bool {
        frame::append(bytes, |out| {
            out.text("event", "connected");
            out.text("project_id", room.id);
            out.text("user_id", room.user);
            out.recovered(recovered);
            out.cursor(cursor);
        })
    }

    fn arrived(&self, _: &View<'_>, _: &mut Vec<u8>) -> bool {
        false
    }

    fn departed(&self, _: &View<'_>, _: &mut Vec<u8>) -> bool {
        false
    }

    fn message(&self, room: &View<'_>, data: &[u8], cursor: Option<&str>, bytes: &mut Vec<u8>) -> bool {
        frame::append(bytes, |out| {
            open(out, &self.kind, room);
            out.raw("data", data);
            out.cursor(cursor);
        })
    }
}

impl Herald for RoomHerald {
    fn welcome(
        &self,
        room: &View<'_>,
        recovered: Option<Result<(), ResetReason>>,
        cursor: Option<&str>,
        bytes: &mut Vec<u8>,
    ) -> bool {
        frame::append(bytes, |out| {
            out.text("event", "joined");
            out.text("room_id", room.id);
            out.text("room_title", room.title);
            out.count("participants", room.participants);
            out.text("user_id", room.user);
            out.recovered(recovered);
            out.cursor(cursor);
        })
    }

    fn arrived(&self, room: &View<'_>, bytes: &mut Vec<u8>) -> bool {
        came_or_went("user_joined", room, bytes)
    }

    fn departed(&self, room: &View<'_>, bytes: &mut Vec<u8>) -> bool {
        came_or_went("user_left", room, bytes)
    }

    fn message(&self, room: &View<'_>, data: &[u8], cursor: Option<&str>, bytes: &mut Vec<u8>) -> bool {
        frame::append(bytes, |out| {
            open(out, "message", room);
            out.raw("content", data);
            out.object("room_info", |info| {
                info.text("id", room.id);
                info.text("title", room.title);
            });
            out.cursor(cursor);
        })
    }
}

fn came_or_went(kind: &str, room: &View<'_>, bytes: &mut Vec<u8>) -> bool {
    frame::append(bytes, |out| {
        open(out, kind, room);
        out.object("room_info", |info| {
            info.text("id", room.id);
            info.text("title", room.title);
            info.count("participants", room.participants);
        });
    })
}

fn open(out: &mut Object<'_>, kind: &str, room: &View<'_>) {
    out.text("type", kind);
    out.text("user_id", room.user);
    out.text("user_name", room.name);
    out.now();
}
