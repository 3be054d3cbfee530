use crate::class::{Decision, Verdict, guarded};
use crate::client::Client;
use crate::event::Event;
use crate::frames::Frames;
use crate::hub::Hub;
use crate::outbox::{Entry, Replayed};
use crate::replay::Replay;
use crate::slot::Slot;
use crate::slow::Question;
use crate::{ConnectionId, ResetReason};
use std::sync::Arc;
use tidewire_model::{Change, Seq};

/// Changes that the hub itself tells a connection at the end of its replay, at most.
const LAST_CHANGES: u64 = 64;
/// Decisions that the hub makes at the end of one connection's replay, at most.
const LAST_DECISIONS: u64 = 1024;

/// What one connection hears of one change at the end of its replay.
#[derive(Default)]
struct Words {
    entries: Vec<(Seq, Entry)>,
    questions: Vec<Question>,
}

/// How connections that are behind the hub come back to it.
impl Hub {
    /// Goes live, or into a replay from the earliest change that a subscription has not seen.
    pub fn settle(&mut self, id: ConnectionId) {
        let Some(client) = self.clients.get(&id) else { return };
        let start = client.subscriptions.iter().map(|held| held.after).min().unwrap_or(self.position);
        if let Some((generation, done)) = client.outbox.settle(start, self.position, self.bounds) {
            self.counters.replays.add(1);
            self.replay(client, generation, done);
        }
    }

    /// The reader has made room.
    pub fn begin_replay(&mut self, id: ConnectionId) {
        let Some(client) = self.clients.get(&id) else { return };
        if let Some((generation, done)) = client.outbox.begin() {
            self.counters.replays.add(1);
            self.replay(client, generation, done);
        }
    }

    /// A replay has come to where the hub stood when it began: only the hub can tell the rest without gap or overlap.
    pub fn end_replay(&mut self, id: ConnectionId, generation: u64, lost: bool) {
        let Some(client) = self.clients.get(&id) else { return };
        let Some(done) = client.outbox.progress(generation) else { return };
        if lost {
            return self.reset(id, ResetReason::Retention);
        }
        let missing = self.position - done;
        let seats: usize = client.subscriptions.iter().map(|held| held.seats.len()).sum();
        let is_short = missing <= LAST_CHANGES && missing * seats as u64 <= LAST_DECISIONS;
        let changes = if is_short { self.ring.recent(done, missing as usize) } else { None };
        match changes {
            Some(changes) => self.finish(id, generation, &changes),
            None if missing == 0 => self.finish(id, generation, &[]),
            None => self.replay(client, generation, done),
        }
    }

    fn replay(&self, client: &Client, generation: u64, done: Seq) {
        self.replays.push(Replay {
            outbox: client.outbox.clone(),
            generation,
            done,
            until: self.position,
            listeners: client.listeners(&self.classes),
        });
    }

    fn finish(&mut self, id: ConnectionId, generation: u64, changes: &[Arc<Change>]) {
        let mut frames = std::mem::replace(&mut self.frames, Frames::new());
        frames.age();
        if let Some(client) = self.clients.get(&id) {
            self.tell_rest(client, generation, changes, &mut frames);
        }
        self.frames = frames;
    }

    fn tell_rest(&self, client: &Client, generation: u64, changes: &[Arc<Change>], frames: &mut Frames) {
        let listeners = client.listeners(&self.classes);
        for change in changes {
            let seq = change.position.seq;
            let mut words = Words::default();
            for listener in listeners.iter().filter(|listener| listener.wants(change)) {
                self.add_words(&listener.decision, change, frames, &mut words);
            }
            if !words.questions.is_empty() && !self.slow.has_room(words.questions.len()) {
                return self.replay(client, generation, seq - 1);
            }
            let replayed = client.outbox.replay(generation, seq, &mut words.entries, self.bounds);
            words.questions.into_iter().for_each(|question| self.slow.push(question));
            if replayed != Replayed::More {
                return;
            }
        }
        client.outbox.settle(self.position, self.position, self.bounds);
    }

    fn add_words(
        &self,
        decision: &Arc<Decision>,
        change: &Arc<Change>,
        frames: &mut Frames,
        words: &mut Words,
    ) {
        let seq = change.position.seq;
        let cursor = || self.cursors.write(&change.position);
        match decision.judge(change) {
            Verdict::Nothing => {}
            Verdict::Tell(action) => {
                let encode = || {
                    let event = Event::Change { change, action, cursor: &cursor() };
                    decision.encode(&event, &mut Vec::new())
                };
                let frame = frames.of(decision, (seq, action), encode);
                words.entries.extend(frame.map(|frame| (seq, Entry::Frame(frame))));
            }
            Verdict::Ask => {
                let (slot, promise) = Slot::new();
                words.entries.push((seq, Entry::Slot(slot, false)));
                let (decision, change, cursor) = (decision.clone(), change.clone(), cursor().into());
                words.questions.push(Question { decision, change, cursor, promise });
            }
        }
    }

    /// Tells every subscription of a connection that changes are gone, and goes on live.
    pub fn reset(&mut self, id: ConnectionId, reason: ResetReason) {
        let cursor = self.cursors.write(&self.place());
        let Some(client) = self.clients.get_mut(&id) else { return };
        self.counters.resets.add(1);
        client.outbox.interrupt();
        client.freeze(self.position, &mut self.classes);
        for held in &client.subscriptions {
            let frame = guarded("interest", || held.interest.reset(reason, &cursor)).flatten();
            frame.into_iter().for_each(|frame| client.outbox.push_own(frame));
        }
        client.outbox.settle(self.position, self.position, self.bounds);
    }
}
