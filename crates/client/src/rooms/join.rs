use crate::Error;
use crate::realtime::Backoff;
use crate::rooms::credential::Credential;
use crate::rooms::place::Place;
use crate::rooms::project::Project;
use crate::rooms::room::Room;
use crate::rooms::task::Task;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;

/// A room to be joined: `.await` it.
#[must_use = "nobody joins until this is awaited"]
pub struct Join<T> {
    pub(crate) entry: Entry,
    since: Option<String>,
    backoff: Backoff,
    kind: PhantomData<fn() -> T>,
}

/// What is said at the door, each time.
pub(crate) struct Entry {
    pub(crate) project: Project,
    pub(crate) place: Place,
    user: Option<(String, String)>,
    /// makes the room if there is none
    title: Option<String>,
    credential: Credential,
}

impl<T: DeserializeOwned> Join<T> {
    pub(crate) fn new(project: Project, place: Place) -> Self {
        let entry = Entry { project, place, user: None, title: None, credential: Credential::Guest };
        Self { entry, since: None, backoff: Backoff::default(), kind: PhantomData }
    }

    /// As who: others see this id and name. Nobody checks them; see [`Join::token`].
    pub fn user(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.entry.user = Some((id.into(), name.into()));
        self
    }

    /// Makes the room, with this title, if nobody is in it; joins it otherwise.
    pub fn create(mut self, title: impl Into<String>) -> Self {
        self.entry.title = Some(title.into());
        self
    }

    /// As the user of the project who has this token, whose id takes the place of the one given. Tidewire only.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.entry.credential = Credential::Token(token.into());
        self
    }

    /// As the user who is signed in with this client, with the token that it has each time it joins. Tidewire only.
    pub fn signed_in(mut self) -> Self {
        self.entry.credential = Credential::Client;
        self
    }

    /// First what was said after this cursor, then what is said; [`RoomEvent::Gap`](crate::rooms::RoomEvent::Gap) comes first
    /// if the server does not have all of it. Tidewire only.
    pub fn since(mut self, cursor: impl Into<String>) -> Self {
        self.since = Some(cursor.into());
        self
    }

    /// How long waits between tries to come back are.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    async fn join(self) -> Result<Room<T>, Error> {
        let Self { entry, since, backoff, .. } = self;
        Task::begin(entry, since, backoff).await.map(Room::new)
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Join<T> {
    type Output = Result<Room<T>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Returns when the server has let it in: everything that is said from then on is told. A server that is not there, or that
    /// refuses, is an error; only who was in the room already waits.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.join())
    }
}

impl Entry {
    /// The first frame, to go on after this cursor.
    pub(crate) async fn first(&self, since: Option<&str>) -> Result<Json, Error> {
        let mut frame = Map::new();
        frame.insert("api_key".to_owned(), json!(self.project.key()));
        frame.insert("cursor".to_owned(), json!(true));
        if let Some((id, name)) = &self.user {
            frame.insert("user_id".to_owned(), json!(id));
            frame.insert("user_name".to_owned(), json!(name));
        }
        if let Some(title) = &self.title {
            frame.insert("action".to_owned(), json!("create"));
            frame.insert("room_title".to_owned(), json!(title));
        }
        if let Some(token) = self.credential.token(self.project.client()).await? {
            frame.insert("token".to_owned(), json!(token));
        }
        if let Some(since) = since {
            frame.insert("since".to_owned(), json!(since));
        }
        Ok(Json::Object(frame))
    }
}

/// Without key and token.
impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("place", &self.entry.place).finish_non_exhaustive()
    }
}
