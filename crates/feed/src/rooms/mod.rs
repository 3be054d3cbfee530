//! Rooms and broadcast channels: who is in which, and what is said there.
//!
//! The registry keeps facts only; `gathering` is the hub's work with it. Nodes that share rooms would exchange exactly
//! what goes through [`Rooms::enter`], [`Rooms::leave`] and [`Room::record`], and the seats of other nodes would have no
//! outbox here.

mod gathering;
mod herald;
mod history;
mod join;
mod room;
mod spreading;

use crate::ConnectionId;
use crate::outbox::Outbox;
use hashbrown::HashMap;
use room::Room;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidewire_model::TenantId;

pub use herald::{Herald, View};
pub use join::{Channel, Join, JoinError, Make, Participant, RoomInfo, Speech};

const LONGEST_GRACE: Duration = Duration::from_secs(24 * 3600);

/// What rooms may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// rooms of one tenant at once; default 10 000
    pub rooms: usize,
    /// connections in one room; default 10 000
    pub members: usize,
    /// how long a room stays joinable after its last member left; default 0
    pub grace: Duration,
    /// messages that a room keeps for those who come back; default 0
    pub history: usize,
    /// how long it keeps them; default 60 s
    pub history_age: Duration,
    /// bytes of them; default 1 MiB
    pub history_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 10_000,
            members: 10_000,
            grace: Duration::ZERO,
            history: 0,
            history_age: Duration::from_secs(60),
            history_bytes: 1 << 20,
        }
    }
}

/// Every room of this node; owned by the hub.
pub(crate) struct Rooms {
    limits: Limits,
    by_channel: HashMap<Channel, Room>,
    /// where a connection is, with its own way to tell
    seats: HashMap<ConnectionId, (Channel, Arc<dyn Herald>)>,
    /// rooms of a tenant in the order of their creation
    by_owner: HashMap<TenantId, BTreeMap<u64, Channel>>,
    /// rooms made so far
    made: u64,
    /// empty rooms that wait for somebody to come back, by the time of their end and their number
    empty: BTreeMap<(Instant, u64), Channel>,
}

/// How a room has changed.
pub(crate) struct Turn {
    pub channel: Channel,
    /// the participant whose first connection came, or whose last one went
    pub news: bool,
}

impl Rooms {
    pub fn new(limits: Limits) -> Self {
        // far times overflow
        let grace = limits.grace.min(LONGEST_GRACE);
        Self {
            limits: Limits { grace, ..limits },
            by_channel: HashMap::new(),
            seats: HashMap::new(),
            by_owner: HashMap::new(),
            made: 0,
            empty: BTreeMap::new(),
        }
    }

    /// Takes a seat, in a new room if need be. Refused, nothing has changed.
    pub fn enter(&mut self, outbox: &Arc<Outbox>, join: &Join) -> Result<Turn, JoinError> {
        if self.seats.contains_key(&outbox.id) {
            return Err(JoinError::Seated);
        }
        self.admit(join)?;
        if !self.by_channel.contains_key(&join.channel) {
            self.found(join);
        }
        let Some(room) = self.by_channel.get_mut(&join.channel) else { return Err(JoinError::Missing) };
        if let Some(end) = room.ends_at.take() {
            self.empty.remove(&(end, room.number));
        }
        let news = room.enter(outbox, &join.user, &join.name, join.positions);
        self.seats.insert(outbox.id, (join.channel.clone(), join.herald.clone()));
        Ok(Turn { channel: join.channel.clone(), news })
    }

    pub fn history_bytes(&self) -> usize {
        self.by_channel.values().map(Room::history_bytes).sum()
    }

    fn admit(&self, join: &Join) -> Result<(), JoinError> {
        match (self.by_channel.get(&join.channel), &join.make) {
            (Some(room), _) if room.owner != join.tenant => Err(JoinError::Foreign),
            (Some(room), _) if room.members() >= self.limits.members => Err(JoinError::Full),
            (Some(_), _) => Ok(()),
            (None, _) if !join.channel.is_room() => Ok(()),
            (None, Make::No) => Err(JoinError::Missing),
            (None, Make::Titled(_)) if self.owned(&join.tenant) >= self.limits.rooms => {
                Err(JoinError::TooMany)
            }
            (None, Make::Titled(_)) => Ok(()),
        }
    }

    fn found(&mut self, join: &Join) {
        self.made += 1;
        let room = Room::new(self.made, join, &self.limits);
        if join.channel.is_room() {
            self.by_owner.entry(join.tenant.clone()).or_default().insert(self.made, join.channel.clone());
        }
        self.by_channel.insert(join.channel.clone(), room);
    }

    /// Gives up the seat. A room that is left empty ends, at once or when its grace is over.
    pub fn leave(&mut self, id: ConnectionId, now: Instant) -> Option<(Turn, Departed)> {
        let (channel, herald) = self.seats.remove(&id)?;
        let room = self.by_channel.get_mut(&channel)?;
        let (participant, news) = room.leave(id)?;
        if room.members() == 0 {
            if self.limits.grace.is_zero() {
                self.end(&channel);
            } else {
                let end = now + self.limits.grace;
                room.ends_at = Some(end);
                self.empty.insert((end, room.number), channel.clone());
            }
        }
        Some((Turn { channel, news }, Departed { participant, herald }))
    }

    pub fn room(&mut self, channel: &Channel) -> Option<&mut Room> {
        self.by_channel.get_mut(channel)
    }

    /// The room that a connection is in.
    pub fn seat(&self, id: ConnectionId) -> Option<&(Channel, Arc<dyn Herald>)> {
        self.seats.get(&id)
    }

    /// The rooms of a tenant in which somebody is, oldest first.
    pub fn list(&self, tenant: &TenantId) -> Vec<RoomInfo> {
        let channels = self.by_owner.get(tenant).into_iter().flat_map(BTreeMap::values);
        channels
            .filter_map(|channel| Some((channel, self.by_channel.get(channel)?)))
            .filter(|(_, room)| room.members() > 0)
            .map(|(channel, room)| room.info(channel))
            .collect()
    }

    pub fn len(&self) -> usize {
        self.by_channel.len()
    }

    pub fn members(&self) -> usize {
        self.seats.len()
    }

    /// Ends the empty rooms whose grace is over.
    pub fn expire(&mut self, now: Instant) {
        while self.next_expiry().is_some_and(|end| end <= now)
            && let Some((_, channel)) = self.empty.pop_first()
        {
            self.end(&channel);
        }
    }

    pub fn next_expiry(&self) -> Option<Instant> {
        self.empty.keys().next().map(|(end, _)| *end)
    }

    fn owned(&self, tenant: &TenantId) -> usize {
        self.by_owner.get(tenant).map_or(0, BTreeMap::len)
    }

    fn end(&mut self, channel: &Channel) {
        let Some(room) = self.by_channel.remove(channel) else { return };
        if let Some(rooms) = self.by_owner.get_mut(&room.owner) {
            rooms.remove(&room.number);
            if rooms.is_empty() {
                self.by_owner.remove(&room.owner);
            }
        }
    }
}

/// Who went, and how the others are told.
pub(crate) struct Departed {
    pub participant: Participant,
    pub herald: Arc<dyn Herald>,
}
