use crate::ConnectionId;
use crate::outbox::Outbox;
use crate::rooms::history::History;
use crate::rooms::{Channel, Join, Limits, Make, Participant, RoomInfo, View};
use hashbrown::HashMap;
use parking_lot::RwLock;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;
use tidewire_model::{TenantId, Timestamp};

/// One room, from its first member to its last.
pub(crate) struct Room {
    /// rooms are numbered as they are made
    pub number: u64,
    pub owner: TenantId,
    title: Box<str>,
    creator: Box<str>,
    created_at: Timestamp,
    /// when it ends unless somebody comes
    pub ends_at: Option<Instant>,
    pub history: History,
    seats: Vec<Seat>,
    /// of the same connections, in the same order
    ears: Arc<Ears>,
    /// where in `seats` a connection is
    indexes: HashMap<ConnectionId, usize>,
    users: HashMap<Box<str>, User>,
    /// users that have come so far
    came: u64,
    /// seats whose frames carry positions
    positioned: usize,
}

/// One connection in a room.
struct Seat {
    user: Box<str>,
    /// as this connection gave it
    name: Box<str>,
}

/// What of a seat those need who tell it something: several threads, in a big room.
pub(crate) struct Ear {
    pub outbox: Arc<Outbox>,
    pub positions: bool,
}

pub(crate) type Ears = RwLock<Vec<Ear>>;

struct User {
    name: Box<str>,
    seats: usize,
    number: u64,
}

impl Room {
    pub fn history_bytes(&self) -> usize {
        self.history.held()
    }

    pub fn new(number: u64, join: &Join, limits: &Limits) -> Self {
        let title = match &join.make {
            Make::Titled(title) => title,
            Make::No => "",
        };
        Self {
            number,
            owner: join.tenant.clone(),
            title: title.into(),
            creator: join.user.clone(),
            created_at: Timestamp::now(),
            ends_at: None,
            history: History::new(RandomState::new().hash_one(number), limits),
            seats: Vec::new(),
            ears: Arc::default(),
            indexes: HashMap::new(),
            users: HashMap::new(),
            came: 0,
            positioned: 0,
        }
    }

    /// True if it is the user's first connection.
    pub fn enter(&mut self, outbox: &Arc<Outbox>, user: &str, name: &str, positions: bool) -> bool {
        self.indexes.insert(outbox.id, self.seats.len());
        self.seats.push(Seat { user: user.into(), name: name.into() });
        self.ears.write().push(Ear { outbox: outbox.clone(), positions });
        self.positioned += usize::from(positions);
        if let Some(known) = self.users.get_mut(user) {
            known.name = name.into();
            known.seats += 1;
            return false;
        }
        self.came += 1;
        self.users.insert(user.into(), User { name: name.into(), seats: 1, number: self.came });
        true
    }

    /// Whose connection it was, and whether it was the user's last.
    pub fn leave(&mut self, id: ConnectionId) -> Option<(Participant, bool)> {
        let index = self.indexes.remove(&id)?;
        let Seat { user, .. } = self.seats.swap_remove(index);
        let mut ears = self.ears.write();
        let positions = ears.swap_remove(index).positions;
        if let Some(moved) = ears.get(index) {
            self.indexes.insert(moved.outbox.id, index);
        }
        drop(ears);
        self.positioned -= usize::from(positions);
        let known = self.users.get_mut(&user)?;
        known.seats -= 1;
        let (name, last) = (known.name.clone(), known.seats == 0);
        if last {
            self.users.remove(&user);
        }
        Some((Participant { user, name }, last))
    }

    pub fn ears(&self) -> &Arc<Ears> {
        &self.ears
    }

    pub fn members(&self) -> usize {
        self.seats.len()
    }

    /// True if somebody's frames carry positions, or they are kept for those who come back.
    pub fn needs_positions(&self) -> bool {
        self.positioned > 0 || self.history.keeps()
    }

    /// True if somebody's frames carry none.
    pub fn needs_plain(&self) -> bool {
        self.positioned < self.seats.len()
    }

    pub fn view<'a>(&'a self, channel: &'a Channel, user: &'a str, name: &'a str) -> View<'a> {
        View { id: channel.id(), title: &self.title, participants: self.users.len(), user, name }
    }

    /// The same for somebody who is in it.
    pub fn view_of<'a>(&'a self, channel: &'a Channel, id: ConnectionId) -> Option<View<'a>> {
        let seat = &self.seats[*self.indexes.get(&id)?];
        Some(self.view(channel, &seat.user, &seat.name))
    }

    pub fn info(&self, channel: &Channel) -> RoomInfo {
        let mut users: Vec<_> = self.users.iter().collect();
        users.sort_unstable_by_key(|(_, user)| user.number);
        let participants =
            users.into_iter().map(|(id, user)| Participant { user: id.clone(), name: user.name.clone() });
        RoomInfo {
            id: channel.id().into(),
            title: self.title.clone(),
            creator: self.creator.clone(),
            created_at: self.created_at,
            participants: participants.collect(),
        }
    }
}
