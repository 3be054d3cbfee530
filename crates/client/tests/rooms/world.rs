use crate::relay::Relay;
use crate::server::Server;
use serde_json::Value as Json;
use std::time::Duration;
use tidewire_client::realtime::Backoff;
use tidewire_client::rooms::{Join, Project, Room, RoomEvent, RoomState};
use tidewire_client::{Client, Error};
use tidewire_server::command::Command;
use tidewire_server::config::Config;

/// Of the project.
pub const KEY: &str = "acme-key-0123456789";

/// A server with a project, and two ways to it: one that can be cut, and one that cannot.
pub struct World {
    pub server: Server,
    pub relay: Relay,
    /// behind the relay
    pub far: Project,
    pub near: Project,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Rooms keep what is said in them.
    pub async fn with_history(count: usize) -> Self {
        Self::start_with(|config| {
            config.rooms.history = count;
            config.rooms.history_age = Duration::from_secs(3600);
        })
        .await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut server = Server::start_with(change).await;
        // started anew it is found where it was
        server.config.http = server.address();
        let key = project(&server, "acme").await;
        assert_eq!(key, KEY);
        let relay = Relay::start(server.address()).await;
        let at = |address| Client::new(format!("http://{address}")).unwrap().project(key.clone());
        let (far, near) = (at(relay.address), at(server.address()));
        Self { server, relay, far, near }
    }

    pub async fn another_project(&self) -> Project {
        let key = project(&self.server, "other").await;
        Client::new(format!("http://{}", self.server.address())).unwrap().project(key)
    }

    /// Breaks all connections of the relay, and lets nobody through until it is mended.
    pub async fn cut(&self, room: &Room<Json>) {
        self.relay.turn_to("127.0.0.1:1".parse().unwrap());
        self.relay.cut();
        wait(room, |state| matches!(state, RoomState::Rejoining { .. })).await;
    }

    pub fn mend(&self) {
        self.relay.turn_to(self.server.address());
    }
}

async fn project(server: &Server, slug: &str) -> String {
    let key = format!("{slug}-key-0123456789");
    let command =
        Command::AccountCreate { slug: slug.to_owned(), name: String::new(), api_key: Some(key.clone()) };
    server.command(command).await.unwrap();
    key
}

/// The lobby, for this user; it comes back quickly.
pub fn lobby(project: &Project, user: &str) -> Join<Json> {
    quick(project.room("lobby").user(user, user.to_uppercase()).create("The Lobby"))
}

pub fn quick(join: Join<Json>) -> Join<Json> {
    join.backoff(Backoff { base: Duration::from_millis(5), cap: Duration::from_millis(50) })
}

pub async fn wait(room: &Room<Json>, is_wanted: impl FnMut(&RoomState) -> bool) {
    room.state().wait_for(is_wanted).await.unwrap();
}

/// An event as short text: `ann: 1`, `+bob 2`, `-bob 1`, `resumed 2`, `gap retention`.
pub fn short(event: &Result<RoomEvent<Json>, Error>) -> String {
    match event {
        Ok(RoomEvent::Message(message)) => format!("{}: {}", message.from.id, message.data),
        Ok(RoomEvent::Joined { member, participants }) => format!("+{} {participants}", member.id),
        Ok(RoomEvent::Left { member, participants }) => format!("-{} {participants}", member.id),
        Ok(RoomEvent::Resumed { participants }) => format!("resumed {}", participants.unwrap_or(0)),
        Ok(RoomEvent::Gap { reason, .. }) => format!("gap {reason}"),
        Ok(other) => format!("{other:?}"),
        Err(Error::Refused { refusal, .. }) => format!("refused {refusal:?}"),
        Err(error) => format!("error {error}"),
    }
}

pub async fn hear(room: &mut Room<Json>, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(short(&room.next().await.unwrap()));
    }
    heard
}

/// What is heard until and with this.
pub async fn hear_until(room: &mut Room<Json>, last: &str) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|text| text != last) {
        heard.push(short(&room.next().await.unwrap()));
    }
    heard
}
