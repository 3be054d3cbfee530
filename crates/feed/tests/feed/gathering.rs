//! Connections in rooms, with frames that can be read.

use crate::world::{World, options};
use bytes::Bytes;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::io::Write as _;
use std::sync::Arc;
use std::task::Poll;
use tidewire_feed::*;
use tidewire_model::TenantId;

/// Frames: "welcome r 1 u", "came r 2 v", "gone r 1 v", "r u: text"; with "@position" if there is one.
pub struct Plain;

impl Herald for Plain {
    fn welcome(
        &self,
        room: &View<'_>,
        recovered: Option<Result<(), ResetReason>>,
        cursor: Option<&str>,
        frame: &mut Vec<u8>,
    ) -> bool {
        let recovered = recovered.map_or(String::new(), |outcome| format!(" {outcome:?}"));
        let cursor = cursor.map_or(String::new(), |cursor| format!("@{cursor}"));
        let View { id, title, participants, user, .. } = room;
        write!(frame, "welcome {id} {title:?} {participants} {user}{recovered}{cursor}").is_ok()
    }

    fn arrived(&self, room: &View<'_>, frame: &mut Vec<u8>) -> bool {
        write!(frame, "came {} {} {}/{}", room.id, room.participants, room.user, room.name).is_ok()
    }

    fn departed(&self, room: &View<'_>, frame: &mut Vec<u8>) -> bool {
        write!(frame, "gone {} {} {}/{}", room.id, room.participants, room.user, room.name).is_ok()
    }

    fn message(&self, room: &View<'_>, data: &[u8], cursor: Option<&str>, frame: &mut Vec<u8>) -> bool {
        assert!(data != b"panic", "as asked");
        let cursor = cursor.map_or(String::new(), |cursor| format!("@{cursor}"));
        write!(frame, "{} {}/{}: {}{cursor}", room.id, room.user, room.name, String::from_utf8_lossy(data))
            .is_ok()
    }
}

/// "create r u/Name", "join r u/Name", "since CURSOR r u/Name", "broadcast u/Name"; before it "tenant:", or "own tenant:"
/// for a name space of its own.
pub fn wish(text: &str) -> Join {
    let (tenant, text) = text.split_once(": ").unwrap_or(("t", text));
    let (own, tenant) = tenant.strip_prefix("own ").map_or((false, tenant), |tenant| (true, tenant));
    let tenant = TenantId::new(tenant);
    let words: Vec<&str> = text.split(' ').collect();
    let (user, name) = words.last().unwrap().split_once('/').unwrap();
    let id = words[words.len() - 2];
    let channel = match words[0] {
        "broadcast" => Channel::Broadcast(tenant.clone()),
        _ => Channel::Room { scope: own.then(|| tenant.clone()), id: id.into() },
    };
    let make = if words[0] == "create" { Make::Titled(id.to_uppercase().into()) } else { Make::No };
    let since = (words[0] == "since").then(|| words[1].into());
    let positions = since.is_some();
    Join {
        channel,
        tenant,
        user: user.into(),
        name: name.into(),
        make,
        positions,
        since,
        herald: Arc::new(Plain),
    }
}

/// Connections by number; each step is awaited.
pub struct Hall {
    pub world: World,
    connections: Vec<Option<Connection>>,
}

impl Hall {
    pub fn new(rooms: RoomLimits) -> Self {
        Self::with(Options { rooms, ..options() })
    }

    pub fn with(options: Options) -> Self {
        Self { world: World::new(options), connections: Vec::new() }
    }

    /// "ok", or the error.
    pub async fn enter(&mut self, number: usize, join: Join) -> String {
        self.connections.resize_with(self.connections.len().max(number + 1), || None);
        let connection =
            self.connections[number].get_or_insert_with(|| self.world.feed.connect(OnRevoked::Close));
        connection.join(join).await.map_or_else(|error| format!("{error:?}"), |()| "ok".to_owned())
    }

    pub async fn say(&self, number: usize, text: &str) {
        self.connection(number).say(Bytes::copy_from_slice(text.as_bytes())).await;
    }

    /// Without a word, as when a socket breaks.
    pub async fn drop(&mut self, number: usize) {
        self.connections[number] = None;
        self.world.sync().await;
    }

    pub fn connection(&self, number: usize) -> &Connection {
        self.connections[number].as_ref().unwrap()
    }

    /// What waits for it.
    pub async fn heard(&self, number: usize) -> Vec<String> {
        self.world.sync().await;
        let mut frames = Vec::new();
        poll_fn(|cx| {
            let _ = self.connection(number).poll_frames(cx, usize::MAX, &mut frames);
            Poll::Ready(())
        })
        .await;
        frames.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
    }

    /// "id title creator n: user/name user/name" of each.
    pub async fn rooms(&self, tenant: &str) -> Vec<String> {
        let rooms = self.world.feed.rooms(&TenantId::new(tenant)).await;
        rooms
            .iter()
            .map(|room| {
                let mut line = format!("{} {} {}:", room.id, room.title, room.creator);
                for participant in &room.participants {
                    let _ = write!(line, " {}/{}", participant.user, participant.name);
                }
                line
            })
            .collect()
    }
}
