use crate::answers::Answers;
use crate::classes::Classes;
use crate::client::Client;
use crate::crew::Crew;
use crate::cursor::Cursors;
use crate::fan_out::Workspace;
use crate::frames::Frames;
use crate::identities::Identities;
use crate::inbox::{Inbox, Input, Popped};
use crate::log::Log;
use crate::outbox::Bounds;
use crate::ring::Ring;
use crate::rooms::Rooms;
use crate::slow::SlowLane;
use crate::stats::Counters;
use crate::turns::Turns;
use crate::waste::Waste;
use crate::{ConnectionId, Ending, ResetReason};
use hashbrown::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidewire_model::{Catalog, Change, Epoch, Message, Position, Seq, Timestamp};

/// Changes read from the log at once when announcements were missed.
const RECOVERY_CHUNK: usize = 512;

/// Owns everything that decides who gets what; runs on one thread, which takes one input after the other.
pub(crate) struct Hub {
    pub inbox: Arc<Inbox>,
    pub log: Arc<dyn Log>,
    pub epoch: Epoch,
    pub cursors: Cursors,
    pub counters: Arc<Counters>,
    pub catalog: Arc<Catalog>,
    /// the last change applied
    pub position: Seq,
    pub clients: HashMap<ConnectionId, Client>,
    /// subscriptions of all of them
    pub subscribed: usize,
    pub classes: Classes,
    pub identities: Identities,
    pub rooms: Rooms,
    /// they let too many messages of a room wait, and are to be disconnected
    pub abandoned: Vec<ConnectionId>,
    pub ring: Arc<Ring>,
    pub slow: Arc<SlowLane>,
    pub answers: Arc<Answers>,
    pub replays: Arc<Turns>,
    pub bounds: Bounds,
    /// made for the last changes of replays
    pub frames: Frames,
    pub workspace: Workspace,
    pub crew: Arc<Crew>,
    pub waste: Arc<Waste>,
    /// when the commit was announced that was just applied for somebody
    pub applied: Option<Instant>,
}

impl Hub {
    /// Works until the inbox is closed and empty.
    pub fn run(mut self) {
        loop {
            self.expire();
            self.expire_rooms();
            match self.inbox.pop(self.position, !self.clients.is_empty(), self.until_expiry()) {
                Popped::Input(after, input) => {
                    self.recover(after);
                    self.take(input);
                }
                Popped::Idle(announced) => self.recover(announced),
                Popped::Timeout => {}
                Popped::Closed => break,
            }
            self.drop_abandoned();
            self.classes.wake_readers();
            self.classes.dead().clear();
            if let Some(announced) = self.applied.take() {
                self.counters.fan_outs.add(announced.elapsed());
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Commit { changes, messages, catalog, announced } => {
                if let Some(catalog) = catalog {
                    self.redefine(catalog);
                }
                self.commit(&changes, &messages);
                self.applied = (!self.clients.is_empty()).then_some(announced);
            }
            Input::Connect { outbox, on_revoked } => self.connect(outbox, on_revoked),
            Input::Set { id, principal, subscriptions, done } => {
                self.set(id, principal, subscriptions);
                // a session that no longer waits is no error
                let _ = done.send(());
            }
            Input::Join { id, join, done } => {
                // a session that is gone sends its own disconnect
                let _ = done.send(self.join(id, &join));
            }
            Input::Say { id, data, done } => {
                self.say(id, &data);
                let _ = done.send(());
            }
            Input::Rooms { tenant, done } => {
                let _ = done.send(self.rooms.list(&tenant));
            }
            Input::Owner { channel, done } => {
                let _ = done.send(self.rooms.room(&channel).map(|room| room.owner.clone()));
            }
            Input::Speak(speech) => self.speak(&speech),
            Input::Settle { done } => {
                let _ = done.send(());
            }
            Input::Weigh { done } => {
                let _ = done.send(self.weigh());
            }
            Input::Hungry(id) => self.begin_replay(id),
            Input::Replayed { id, generation, lost } => self.end_replay(id, generation, lost),
            Input::Disconnect(id) => self.disconnect(id, Ending::Closed),
        }
    }

    /// Changes and messages of one commit, in the order in which they were written.
    fn commit(&mut self, changes: &[Arc<Change>], messages: &[Arc<Message>]) {
        let mut messages = messages.iter().peekable();
        for change in changes {
            let seq = change.position.seq;
            while let Some(message) = messages.next_if(|message| message.after < seq) {
                self.publish(message);
            }
            // a commit between the start's look at the log and its first announcement comes twice
            if seq > self.position {
                self.recover(seq - 1);
                self.apply(change);
            }
        }
        // their changes may have found no room in the queue
        messages.for_each(|message| self.publish(message));
    }

    /// One change: first who everybody is, then who is told.
    fn apply(&mut self, change: &Arc<Change>) {
        self.answers.touch(change);
        self.follow_identities(change);
        self.fan_out(change);
        self.ring.push(change);
        self.position = change.position.seq;
        self.counters.changes.add(1);
        if change.message().is_some() {
            self.counters.messages.add(1);
        }
    }

    /// Applies from the log what was announced up to `target` but found no room in the queue.
    pub fn recover(&mut self, target: Seq) {
        while self.position < target {
            let missing = (target - self.position).min(RECOVERY_CHUNK as u64) as usize;
            let changes = self.log.read(self.position, missing);
            for change in &changes {
                if change.position.seq != self.position + 1 {
                    return self.lose(target);
                }
                self.apply(change);
                self.counters.recovered.add(1);
            }
            if changes.is_empty() {
                return self.lose(target);
            }
        }
    }

    /// The log cannot give back what was missed: everybody is told.
    fn lose(&mut self, target: Seq) {
        tracing::error!(after = self.position, up_to = target, "changes are missing from the log");
        self.ring.clear();
        self.answers.touch_all(target);
        self.position = self.position.max(target);
        let everybody: Vec<ConnectionId> = self.clients.keys().copied().collect();
        for id in everybody {
            self.reset(id, ResetReason::Retention);
        }
    }

    /// Where the hub stands, in no collection.
    pub fn place(&self) -> Position {
        Position { epoch: self.epoch, seq: self.position, offset: 0 }
    }

    fn until_expiry(&self) -> Option<Duration> {
        let identity = self.identities.next_expiry().map(|at| {
            let left = at.millis().saturating_sub(Timestamp::now().millis());
            // looked at again within the hour: clocks are set, and far times overflow
            Duration::from_millis(left.clamp(0, 3_600_000) as u64)
        });
        let room = self.rooms.next_expiry().map(|at| at.saturating_duration_since(Instant::now()));
        identity.into_iter().chain(room).min()
    }
}

impl Drop for Hub {
    /// However it ends, nobody waits for it any more.
    fn drop(&mut self) {
        self.inbox.abandon();
        for client in self.clients.values() {
            client.outbox.close(Ending::Stopped);
        }
        self.crew.close();
        self.waste.close();
        self.slow.close();
        self.replays.close();
    }
}
