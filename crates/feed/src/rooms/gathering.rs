use crate::ConnectionId;
use crate::Ending;
use crate::class::guarded;
use crate::crew::Parts;
use crate::hub::Hub;
use crate::interest::ResetReason;
use crate::rooms::spreading::{Said, Spreading};
use crate::rooms::{Channel, Departed, Herald, Join, JoinError, Speech, View};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;

/// What a member missed, or why it cannot be told.
type Missed = Result<Vec<Bytes>, ResetReason>;

enum Speaker<'a> {
    Member(ConnectionId),
    /// in nobody's name who is there
    Nobody(&'a Speech),
}

/// Who is where, and what is said there: in one order with everything else.
impl Hub {
    pub fn join(&mut self, id: ConnectionId, join: &Join) -> Result<(), JoinError> {
        let Some(client) = self.clients.get(&id) else { return Err(JoinError::Stopped) };
        let outbox = client.outbox.clone();
        let turn = self.rooms.enter(&outbox, join)?;
        let missed = join.since.as_ref().map(|since| self.missed(&turn.channel, since));
        self.welcome(join, missed.as_ref()).into_iter().for_each(|frame| outbox.push_own(frame));
        missed.into_iter().flatten().flatten().for_each(|frame| outbox.push_own(frame));
        if turn.news {
            let arrived = self
                .tell(&turn.channel, &join.user, &join.name, |view, frame| join.herald.arrived(view, frame));
            self.spread(&turn.channel, arrived, Some(id));
        }
        self.count_rooms();
        Ok(())
    }

    /// A message of a member. Of somebody who is in no room it is dropped.
    pub fn say(&mut self, id: ConnectionId, data: &[u8]) {
        let Some((channel, herald)) = self.rooms.seat(id).cloned() else { return };
        self.message(&channel, &*herald, data, Speaker::Member(id));
    }

    /// A message that no member sends.
    pub fn speak(&mut self, speech: &Speech) {
        self.message(&speech.channel, &*speech.herald, &speech.data, Speaker::Nobody(speech));
    }

    fn message(&mut self, channel: &Channel, herald: &dyn Herald, data: &[u8], speaker: Speaker<'_>) {
        let scratch = &mut self.workspace.scratch;
        let Some(room) = self.rooms.room(channel) else { return };
        let view = match speaker {
            Speaker::Member(id) => room.view_of(channel, id),
            Speaker::Nobody(speech) if room.owner != speech.tenant => None,
            Speaker::Nobody(speech) => Some(room.view(channel, &speech.user, &speech.name)),
        };
        let Some(view) = view else { return };
        let position = self.cursors.write(&room.history.next());
        let mut make = |cursor| encode(scratch, |frame| herald.message(&view, data, cursor, frame));
        let plain = if room.needs_plain() { make(None) } else { None };
        let positioned = if room.needs_positions() { make(Some(&position)) } else { None };
        room.history.push(positioned.clone(), Instant::now());
        self.counters.messages.add(1);
        self.push_to_seats(channel, &Said { plain, positioned }, None);
    }

    /// Takes a connection out of its room and tells those who stay.
    pub fn leave_room(&mut self, id: ConnectionId) {
        let Some((turn, Departed { participant, herald })) = self.rooms.leave(id, Instant::now()) else {
            return;
        };
        if turn.news {
            let departed = self.tell(&turn.channel, &participant.user, &participant.name, |view, frame| {
                herald.departed(view, frame)
            });
            self.spread(&turn.channel, departed, None);
        }
        self.count_rooms();
    }

    /// Ends the empty rooms whose grace is over.
    pub fn expire_rooms(&mut self) {
        if self.rooms.next_expiry().is_some() {
            self.rooms.expire(Instant::now());
            self.count_rooms();
        }
    }

    fn missed(&mut self, channel: &Channel, since: &str) -> Missed {
        let position = self.cursors.read(since).map_err(|_| ResetReason::InvalidCursor)?;
        let room = self.rooms.room(channel).ok_or(ResetReason::EpochChanged)?;
        room.history.after(&position, Instant::now())
    }

    fn welcome(&mut self, join: &Join, missed: Option<&Missed>) -> Option<Bytes> {
        let recovered = missed.map(|missed| missed.as_ref().map(|_| ()).map_err(|reason| *reason));
        let scratch = &mut self.workspace.scratch;
        let room = self.rooms.room(&join.channel)?;
        let cursor = join.positions.then(|| self.cursors.write(&room.history.last()));
        let view = room.view(&join.channel, &join.user, &join.name);
        encode(scratch, |frame| join.herald.welcome(&view, recovered, cursor.as_deref(), frame))
    }

    /// A frame about somebody, with the numbers of this moment.
    fn tell(
        &mut self,
        channel: &Channel,
        user: &str,
        name: &str,
        make: impl FnOnce(&View<'_>, &mut Vec<u8>) -> bool,
    ) -> Option<Bytes> {
        let scratch = &mut self.workspace.scratch;
        let room = self.rooms.room(channel)?;
        let view = room.view(channel, user, name);
        encode(scratch, |frame| make(&view, frame))
    }

    fn spread(&mut self, channel: &Channel, frame: Option<Bytes>, but: Option<ConnectionId>) {
        let said = Said { plain: frame.clone(), positioned: frame };
        self.push_to_seats(channel, &said, but);
    }

    fn push_to_seats(&mut self, channel: &Channel, said: &Said, but: Option<ConnectionId>) {
        let Some(room) = self.rooms.room(channel) else { return };
        let (members, place) = (room.members(), (self.position, self.bounds));
        let spreading = Spreading::new(room.ears().clone(), said.clone(), but, place, self.crew.worth);
        let spreading = Arc::new(spreading);
        if self.crew.is_for(members) {
            self.crew.share(spreading.clone(), members);
        } else {
            (0..spreading.count()).for_each(|part| spreading.part(part));
        }
        for outcome in spreading.outcomes() {
            self.counters.deliveries.add(outcome.taken);
            self.counters.bytes.add(outcome.bytes);
            self.counters.abandoned.add(outcome.abandoned.len() as u64);
            self.abandoned.extend(outcome.abandoned);
        }
    }

    /// Those who let too much wait are gone for the others as well. Their going may be too much for somebody else.
    pub fn drop_abandoned(&mut self) {
        while let Some(id) = self.abandoned.pop() {
            self.disconnect(id, Ending::Overflow);
        }
    }

    fn count_rooms(&self) {
        self.counters.rooms.set(self.rooms.len() as u64);
        self.counters.members.set(self.rooms.members() as u64);
    }
}

/// One frame of its own, or nothing if the dialect declines.
fn encode(scratch: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Bytes> {
    scratch.clear();
    let wanted = guarded("herald", || make(scratch)).unwrap_or(false);
    wanted.then(|| Bytes::copy_from_slice(scratch))
}
