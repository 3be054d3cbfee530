//! `/realtime/broadcast` and `/realtime/rooms/{id}`: everybody hears everybody.

use crate::realtime::first_frame::FirstFrame;
use crate::realtime::frame;
use crate::realtime::herald::{BroadcastHerald, RoomHerald};
use crate::realtime::interest::{KeyInterest, Signals};
use crate::realtime::message::{Message, Payload};
use crate::realtime::pace::Pace;
use crate::realtime::permission::{self, Seat};
use crate::realtime::refusal::Refusal;
use crate::realtime::session::{Session, Stop};
use crate::realtime::visitor::Visitor;
use bytes::Bytes;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use tidewire_feed::{Channel, Herald, Join, Make, Start, Subscription};
use tidewire_hooks::Event;
use tidewire_model::Principal;

const TOO_LARGE: &str = "Message too large";
/// Bytes of a room's id.
const ROOM_ID: usize = 256;

/// Where a client speaks.
pub enum Place {
    Broadcast,
    Room(String),
}

pub async fn serve(mut session: Session, place: Place) {
    let stop = match Member::enter(&mut session, &place).await {
        Ok(member) => member.converse(&mut session, place.payload()).await,
        Err(stop) => stop,
    };
    session.end(stop).await;
}

impl Place {
    fn payload(&self) -> Payload {
        match self {
            Self::Broadcast => Payload::Data,
            Self::Room(_) => Payload::Content,
        }
    }

    fn topic(&self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Room(_) => "room",
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Broadcast => "",
            Self::Room(id) => id,
        }
    }
}

/// What a member holds while it is one.
struct Member {
    signals: Arc<Signals>,
    visitor: Visitor,
    pace: Pace,
    /// as it was let in
    join: Join,
}

impl Member {
    async fn enter(session: &mut Session, place: &Place) -> Result<Self, Stop> {
        let (frame, visitor) = session.first().await?;
        if place.id().len() > ROOM_ID {
            return Err(Refusal::RoomIdTooLong.into());
        }
        let signals: Arc<Signals> = Arc::default();
        let interest = Arc::new(KeyInterest { signals: signals.clone() });
        let key = Subscription { name: "key".into(), interest, start: Start::Now };
        session.connection.set(visitor.principal.clone(), vec![key]).await;
        let mut granted = permission::speak(&session.visit, place.topic()).await?;
        let options = &session.app.realtime.options;
        let join = join(place, frame, &visitor, options.room_scope_project);
        let pace = Pace::new(options.message_rate, Instant::now());
        let seat = Seat::of(&join, &visitor.principal);
        match place {
            Place::Broadcast => {
                session.connection.join(join.clone()).await.map_err(|error| Refusal::of_join(error, ""))?
            }
            Place::Room(_) => permission::join(session, &mut granted, &join, &seat).await?,
        }
        granted.begin();
        Ok(Self { signals, visitor, pace, join })
    }

    async fn converse(mut self, session: &mut Session, payload: Payload) -> Stop {
        loop {
            let text = tokio::select! {
                text = session.next() => text,
                () = self.signals.changed.notified() => match self.visitor.check(&session.app) {
                    Ok(()) => continue,
                    Err(refusal) => return refusal.into(),
                },
            };
            match text {
                Ok(Some(text)) => match session.permits(&text).await {
                    Some(true) if Message::parse(&text, payload) == Message::UnknownType => {}
                    Some(_) => self.take(session, Message::parse(&text, payload)).await,
                    None => {}
                },
                Ok(None) => self.take(session, Message::NotJson).await,
                Err(stop) => return stop,
            }
        }
    }

    async fn take(&mut self, session: &mut Session, message: Message) {
        match message {
            Message::Ping => session.pong(),
            Message::Secret => {}
            Message::NotJson => session.answer(frame::error("Invalid JSON", None)),
            Message::NotAnObject => {
                session.answer(frame::error("Invalid JSON", Some("expected an object")));
            }
            Message::UnknownType => session.answer(frame::error("Unknown message type", None)),
            Message::Say(data) if data.len() > session.app.realtime.options.message_bytes => {
                session.answer(frame::error(TOO_LARGE, None));
            }
            Message::Say(_) if !self.pace.allows(Instant::now()) => {
                session.answer(frame::error("Too many messages", None));
            }
            Message::Say(data) => match self.permitted(session, data).await {
                Ok(data) => session.connection.say(data).await,
                Err(text) => session.answer(frame::error(&text, None)),
            },
        }
    }

    /// What user code makes of a message to a room.
    async fn permitted(&self, session: &mut Session, data: Bytes) -> Result<Bytes, Cow<'static, str>> {
        if matches!(self.join.channel, Channel::Broadcast(_)) || !session.visit.wants(Event::RoomMessage) {
            return Ok(data);
        }
        let Some(turn) = session.visit.turn().await else { return Ok(data) };
        let said: Json = serde_json::from_slice(&data).unwrap_or_default();
        let seat = Seat::of(&self.join, &self.visitor.principal);
        let mut occasion = seat.occasion(&turn, Event::RoomMessage).with("data", said.clone());
        turn.ask(&mut occasion).await.map_err(|refusal| refusal.message)?;
        let left = occasion.fields.remove("data").unwrap_or_default();
        if left == said {
            // to the last digit
            return Ok(data);
        }
        let data = left.to_string();
        if data.len() > session.app.realtime.options.message_bytes {
            return Err(TOO_LARGE.into());
        }
        Ok(data.into())
    }
}

fn join(place: &Place, frame: FirstFrame, visitor: &Visitor, own_names: bool) -> Join {
    let tenant = visitor.access.project().clone();
    let (channel, make, herald): (_, _, Arc<dyn Herald>) = match place {
        Place::Broadcast => {
            (Channel::Broadcast(tenant.clone()), Make::Titled("".into()), Arc::<BroadcastHerald>::default())
        }
        Place::Room(id) => {
            let channel = Channel::Room { scope: own_names.then(|| tenant.clone()), id: id.as_str().into() };
            let title = || frame.room_title.as_deref().unwrap_or(id).into();
            let make = if frame.create { Make::Titled(title()) } else { Make::No };
            (channel, make, Arc::new(RoomHerald))
        }
    };
    let user = match &visitor.principal {
        Principal::Known(identity) => identity.record.id().into(),
        Principal::Guest => frame.user_id.into(),
    };
    let (name, positions) = (frame.user_name.into(), frame.cursor);
    Join { channel, tenant, user, name, make, positions, since: frame.since.map(Into::into), herald }
}
