//! What user code says to sockets, to what they watch, and to those who meet in rooms.

use crate::realtime::first_frame::FirstFrame;
use crate::realtime::interest::CollectionInterest;
use crate::realtime::refusal::Refusal;
use crate::realtime::session::Session;
use crate::realtime::visitor::Visitor;
use serde_json::{Value as Json, json};
use std::hash::{BuildHasher as _, RandomState};
use tidewire_connection::events::{Grant, Turn, Visit, Who, Wish};
use tidewire_feed::{Channel, Connection, Feed, Join, Make};
use tidewire_hooks::{Event, Occasion};
use tidewire_model::{Operations, Principal};
use tidewire_records::Asker;
use tidewire_records::account::random_uuid;
use tidewire_rules::DocumentFilter;
use tokio::sync::{Mutex, MutexGuard};

/// Rooms that can be made at once while user code is asked about it.
const STRIPES: usize = 64;

/// Rooms that are being made: what is asked about a room that does not exist is asked once.
pub struct Making {
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
}

impl Default for Making {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Making {
    async fn turn(&self, channel: &Channel) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(channel) % STRIPES as u64;
        self.stripes[stripe as usize].lock().await
    }
}

/// Asks whether an admitted client may connect.
pub async fn connect(session: &mut Session, visitor: &Visitor) -> Result<(), Refusal> {
    let Some(origin) = session.origin.take() else { return Ok(()) };
    let token_type = if visitor.principal.identity().is_some() { "user" } else { "api_key" };
    session.visit = Visit::new(&session.app.events, random_uuid(), Some(origin), || Who {
        asker: Asker {
            principal: visitor.principal.clone(),
            tenant: visitor.access.project().clone(),
            context: "realtime",
            method: "GET".to_owned(),
            ..Asker::default()
        },
        token_type: Some(token_type),
    });
    session.visit.connect().await.map_err(Refusal::from)
}

/// What was asked and granted; it begins with [`Granted::begin`].
#[derive(Default)]
pub struct Granted {
    turn: Option<Turn>,
    grant: Option<Grant>,
    /// what is told when a member leaves
    leave: Option<Occasion>,
}

impl Granted {
    /// From now on its end is told.
    pub fn begin(self) {
        let Some(mut turn) = self.turn else { return };
        if let Some(leave) = self.leave {
            turn.hold("room.leave", leave);
        }
        if let Some(grant) = self.grant {
            turn.begin(grant);
        }
    }
}

/// Asks whether a collection may be watched, and narrows what is told of it.
pub async fn watch(
    visit: &Visit,
    frame: &FirstFrame,
    interest: &mut CollectionInterest,
) -> Result<Granted, Refusal> {
    let Some(turn) = visit.turn().await else { return Ok(Granted::default()) };
    let options = json!({
        "since": frame.since, "snapshot": frame.snapshot, "cursor": frame.cursor, "leave": frame.leave,
    });
    let wish = Wish {
        key: "collection",
        collection: Some(&interest.collection.name),
        topic: Some("collection"),
        operations: Operations::ALL,
        filter: Json::Object(frame.filters.clone()),
        options,
    };
    let grant = turn.subscribe(&wish).await?;
    interest.operations = grant.operations;
    for filter in grant.filters.iter().filter_map(Json::as_object) {
        interest.narrowed.push(DocumentFilter::from_json(filter).map_err(|error| {
            tracing::error!(%error, ?filter, "a hook's filter is no filter");
            Refusal::from(tidewire_hooks::Refusal::broken())
        })?);
    }
    Ok(Granted { turn: Some(turn), grant: Some(grant), leave: None })
}

/// The same for a socket that speaks: `broadcast` or `room`.
pub async fn speak(visit: &Visit, topic: &str) -> Result<Granted, Refusal> {
    let Some(turn) = visit.turn().await else { return Ok(Granted::default()) };
    let grant = turn.subscribe(&Wish::whole(topic)).await?;
    Ok(Granted { turn: Some(turn), grant: Some(grant), leave: None })
}

/// A member of a room as user code is told of it.
pub struct Seat<'a> {
    pub room: &'a str,
    pub user: &'a str,
    pub name: &'a str,
    /// the id is a user's who has shown a token, and not what the client says it is
    pub signed_in: bool,
}

impl<'a> Seat<'a> {
    pub fn of(join: &'a Join, principal: &Principal) -> Self {
        let signed_in = principal.identity().is_some();
        Self { room: join.channel.id(), user: &join.user, name: &join.name, signed_in }
    }

    pub fn occasion(&self, turn: &Turn, event: Event) -> Occasion {
        turn.occasion(event)
            .with("room", self.room)
            .with("user_id", self.user)
            .with("user_name", self.name)
            .with("signed_in", self.signed_in)
    }
}

/// Joins a room after user code was asked about it.
pub async fn join(
    session: &mut Session,
    granted: &mut Granted,
    join: &Join,
    seat: &Seat<'_>,
) -> Result<(), Refusal> {
    let asked = [Event::RoomCreate, Event::RoomJoin, Event::RoomLeave];
    let Some(turn) = &granted.turn else { return enter(&session.connection, join.clone()).await };
    if !asked.into_iter().any(|event| session.visit.wants(event)) {
        return enter(&session.connection, join.clone()).await;
    }
    let Session { app, connection, .. } = session;
    let exists = is_there(&app.feed, join).await?;
    let _making = if exists { None } else { Some(app.realtime.making.turn(&join.channel).await) };
    // somebody else may have made it meanwhile
    let exists = exists || is_there(&app.feed, join).await?;
    if !exists {
        let Make::Titled(title) = &join.make else { return Err(Refusal::NoRoom(seat.room.to_owned())) };
        turn.ask(&mut seat.occasion(turn, Event::RoomCreate).with("title", &**title)).await?;
    }
    turn.ask(&mut seat.occasion(turn, Event::RoomJoin)).await?;
    // one that has ended meanwhile is not made without being asked
    let make = if exists { Make::No } else { join.make.clone() };
    enter(connection, Join { make, ..join.clone() }).await?;
    granted.leave = Some(seat.occasion(turn, Event::RoomLeave));
    Ok(())
}

/// Whether the room exists; one of another project is refused.
async fn is_there(feed: &Feed, join: &Join) -> Result<bool, Refusal> {
    match feed.owner(join.channel.clone()).await {
        Some(owner) if owner != join.tenant => Err(Refusal::ForeignRoom),
        owner => Ok(owner.is_some()),
    }
}

async fn enter(connection: &Connection, join: Join) -> Result<(), Refusal> {
    let room = join.channel.id().to_owned();
    connection.join(join).await.map_err(|error| Refusal::of_join(error, &room))
}
