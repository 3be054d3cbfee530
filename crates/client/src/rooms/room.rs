use crate::Error;
use crate::rooms::event::{Member, Message, RoomEvent};
use crate::rooms::frame::Frame;
use crate::rooms::place::Place;
use crate::rooms::project::Project;
use crate::rooms::queue::{Item, Source};
use crate::rooms::speaker::Speaker;
use crate::rooms::state::RoomState;
use crate::rooms::task::Seat;
use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::{oneshot, watch};

/// A room that was joined, or the broadcast of a project: a stream of what happens in it, in the server's order. Dropping it leaves.
///
/// A room that is not read fills a buffer, 256 events or 1 MiB; then the client stops to read from the server, which after a while
/// puts a member that does not read out of the room. Once what waits was read, the client joins again, and
/// [`RoomEvent::Resumed`] or [`RoomEvent::Gap`] says whether something is missing. Nothing grows, and nothing goes missing in silence.
pub struct Room<T> {
    source: Source,
    speaker: Speaker,
    state: watch::Receiver<RoomState>,
    /// dropped, it ends the task
    leave: oneshot::Sender<()>,
    title: String,
    user: String,
    project: Project,
    place: Place,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Room<T> {
    pub(crate) fn new(seat: Seat) -> Self {
        let Seat { source, speaker, leave, state, title, user, entry: (project, place) } = seat;
        Self { source, speaker, state, leave, title, user, project, place, kind: PhantomData }
    }

    /// The next event; `None` once the room was left. An error is something that the server did not pass on, or a message that is
    /// no `T`, and the next event follows; the last is why the server lets this client in no more.
    pub async fn next(&mut self) -> Option<Result<RoomEvent<T>, Error>> {
        self.source.next().await.map(|item| self.read(item))
    }

    fn read(&self, item: Item) -> Result<RoomEvent<T>, Error> {
        match item {
            Item::Resumed { participants } => Ok(RoomEvent::Resumed { participants }),
            Item::Gap { reason, participants } => Ok(RoomEvent::Gap { reason, participants }),
            Item::Failed(error) => Err(error),
            Item::Frame(frame, _) => self.read_frame(*frame),
        }
    }

    fn read_frame(&self, frame: Frame) -> Result<RoomEvent<T>, Error> {
        Ok(match frame {
            Frame::Joined { member, participants } => RoomEvent::Joined { member, participants },
            Frame::Left { member, participants } => RoomEvent::Left { member, participants },
            Frame::Reply(json) => RoomEvent::Reply(json),
            Frame::Message { from, kind, data, at, cursor } => {
                let data =
                    serde_json::from_str(data.get()).map_err(|error| self.fault(&error.to_string()))?;
                RoomEvent::Message(Message { from, kind, data, at, cursor })
            }
            // the task keeps these to itself
            Frame::Welcome(_) | Frame::Refused { .. } | Frame::Pong => {
                return Err(self.fault(&format!("unexpected: {frame:?}")));
            }
        })
    }
}

impl<T> Room<T> {
    /// Says something to everybody in the room; see [`Speaker::say`].
    pub async fn say<D: Serialize + ?Sized>(&self, data: &D) -> Result<(), Error> {
        self.speaker.say(data).await
    }

    /// Speaks from elsewhere, while this is read.
    pub fn speaker(&self) -> Speaker {
        self.speaker.clone()
    }

    /// Its title, as it was when it was joined; a broadcast has none.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// As who this client is in it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Who is in it now, as the server says; of a broadcast nobody knows.
    pub async fn members(&self) -> Result<Vec<Member>, Error> {
        match &self.place {
            Place::Room(id) => self.project.members(id).await,
            Place::Broadcast => Ok(Vec::new()),
        }
    }

    /// How this client stands to it, with the number of participants; the receiver is told of each change.
    pub fn state(&self) -> watch::Receiver<RoomState> {
        self.state.clone()
    }

    /// Leaves, and returns when the server has closed, or has not answered for 2 seconds. What is being said is finished first.
    pub async fn leave(self) {
        let Self { mut state, leave, .. } = self;
        drop(leave);
        // an error says that the task has ended, which is what is waited for
        let _ = state.wait_for(|state| *state == RoomState::Left).await;
    }

    fn fault(&self, reason: &str) -> Error {
        let url = self.place.url(self.project.client());
        Error::Decode { url: url.map(String::from).unwrap_or_default(), reason: reason.to_owned() }
    }
}

impl<T: DeserializeOwned> Stream for Room<T> {
    type Item = Result<RoomEvent<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let item = ready!(this.source.poll_next(cx));
        Poll::Ready(item.map(|item| this.read(item)))
    }
}

impl<T> fmt::Debug for Room<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("place", &self.place).field("state", &*self.state.borrow()).finish()
    }
}
