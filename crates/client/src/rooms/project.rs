use crate::rooms::info::RoomList;
use crate::rooms::place::Place;
use crate::rooms::{Join, Member, RoomInfo};
use crate::{Client, Error};
use reqwest::Method;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// A project of CocoBase, opened by one of its keys: its rooms, and what is said to everybody in it.
///
/// ```no_run
/// # async fn example() -> Result<(), tidewire_client::Error> {
/// use serde::{Deserialize, Serialize};
/// use tidewire_client::Client;
/// use tidewire_client::rooms::RoomEvent;
///
/// #[derive(Serialize, Deserialize)]
/// struct Line {
///     text: String,
/// }
///
/// let client = Client::new("http://127.0.0.1:8090")?;
/// let project = client.project("a publishable key");
/// let mut room = project.room::<Line>("lobby").user("ann", "Ann").create("The Lobby").await?;
/// room.say(&Line { text: "hello".into() }).await?;
/// while let Some(event) = room.next().await {
///     match event? {
///         RoomEvent::Message(message) => println!("{}: {}", message.from.name, message.data.text),
///         RoomEvent::Joined { member, participants } => println!("{} came: {participants}", member.name),
///         RoomEvent::Gap { reason, .. } => println!("something may be missing: {reason}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Project {
    client: Client,
    key: Arc<str>,
}

impl Client {
    /// The rooms of a project of CocoBase, for who has this key. Nothing is asked yet.
    pub fn project(&self, api_key: impl Into<Arc<str>>) -> Project {
        Project { client: self.clone(), key: api_key.into() }
    }
}

impl Project {
    /// A room to be joined, whose messages are `T`.
    pub fn room<T: DeserializeOwned>(&self, id: impl Into<String>) -> Join<T> {
        Join::new(self.clone(), Place::Room(id.into()))
    }

    /// What is said to everybody of the project: a room that everybody may be in, without a list of members.
    pub fn broadcast<T: DeserializeOwned>(&self) -> Join<T> {
        Join::new(self.clone(), Place::Broadcast)
    }

    /// The rooms that there are, in the order of their creation.
    pub async fn rooms(&self) -> Result<Vec<RoomInfo>, Error> {
        let request = self.client.request(Method::GET, "realtime/rooms").header("x-api-key", &self.key);
        // the key says who asks; a token of somebody else would only be in the way
        let list: RoomList = request.token(String::new()).read().await?;
        Ok(list.rooms)
    }

    /// Who is in a room; nobody if there is none of this id.
    pub async fn members(&self, id: &str) -> Result<Vec<Member>, Error> {
        let rooms = self.rooms().await?;
        Ok(rooms.into_iter().find(|room| room.id == id).map(|room| room.members).unwrap_or_default())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Without the key.
impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project").field("client", &self.client).finish_non_exhaustive()
    }
}
