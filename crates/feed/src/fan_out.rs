use crate::class::{Decision, Verdict};
use crate::classes::Member;
use crate::event::Event;
use crate::hub::Hub;
use crate::index::ClassId;
use crate::outbox::{Bounds, Entry, Pushed};
use crate::slot::{Promise, Slot};
use crate::slow::Question;
use bytes::Bytes;
use std::sync::Arc;
use std::task::Waker;
use tidewire_model::{Change, Message, Seq};

/// Memory that every fan-out uses again.
#[derive(Default)]
pub(crate) struct Workspace {
    candidates: Vec<ClassId>,
    deliveries: Vec<(ClassId, Delivery)>,
    pub scratch: Vec<u8>,
    pub wakers: Vec<Waker>,
}

/// What the members of one class are given for one change.
enum Delivery {
    Frame(Bytes),
    Later(Arc<Slot>, Promise),
    /// the slow lane is full: a replay will tell them
    Deferred,
}

/// What became of one class's deliveries.
#[derive(Default)]
struct Tally {
    taken: u64,
    overflows: u64,
}

impl Workspace {
    /// Readers are woken after a whole batch, so that they find all of it at once.
    pub fn wake_readers(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

impl Hub {
    /// Decides and encodes once per class, then pushes to each member.
    pub fn fan_out(&mut self, change: &Arc<Change>) {
        let mut candidates = std::mem::take(&mut self.workspace.candidates);
        candidates.clear();
        self.classes.candidates(change, &mut candidates);
        if !candidates.is_empty() {
            let cursor: Arc<str> = self.cursors.write(&change.position).into();
            self.decide(change, &candidates, &cursor);
            self.deliver(change, &cursor);
        }
        self.workspace.candidates = candidates;
    }

    fn decide(&mut self, change: &Change, candidates: &[ClassId], cursor: &str) {
        let has_room = self.slow.has_room(candidates.len());
        for id in candidates {
            let Some(class) = self.classes.get(*id) else { continue };
            let delivery = match class.decision.judge_by(change, &self.answers) {
                Verdict::Nothing => None,
                Verdict::Ask if has_room => {
                    let (slot, promise) = Slot::new();
                    Some(Delivery::Later(slot, promise))
                }
                Verdict::Ask => Some(Delivery::Deferred),
                Verdict::Tell(action) => {
                    let event = Event::Change { change, action, cursor };
                    let scratch = &mut self.workspace.scratch;
                    let make = |decision: &Decision| decision.encode(&event, scratch);
                    self.classes.frame(*id, change.position.seq, action, make).map(Delivery::Frame)
                }
            };
            self.workspace.deliveries.extend(delivery.map(|delivery| (*id, delivery)));
        }
        // a connection takes all of a change or nothing: so those who cannot have all come first
        self.workspace.deliveries.sort_by_key(|(_, delivery)| !matches!(delivery, Delivery::Deferred));
    }

    fn deliver(&mut self, change: &Arc<Change>, cursor: &Arc<str>) {
        let seq = change.position.seq;
        let mut deliveries = std::mem::take(&mut self.workspace.deliveries);
        for (id, delivery) in deliveries.drain(..) {
            let Some(class) = self.classes.get(id) else { continue };
            let wakers = &mut self.workspace.wakers;
            let (tally, length) = match delivery {
                Delivery::Deferred => (defer(&class.members, seq, wakers), 0),
                Delivery::Frame(frame) => {
                    let length = frame.len();
                    (push(&class.members, seq, &Entry::Frame(frame), self.bounds, wakers), length)
                }
                Delivery::Later(slot, promise) => {
                    let tally = push(&class.members, seq, &Entry::Slot(slot, false), self.bounds, wakers);
                    let (decision, change, cursor) = (class.decision.clone(), change.clone(), cursor.clone());
                    self.slow.push(Question { decision, change, cursor, promise });
                    (tally, 0)
                }
            };
            self.counters.deliveries.add(tally.taken);
            self.counters.bytes.add(tally.taken * length as u64);
            self.counters.overflows.add(tally.overflows);
        }
        self.workspace.deliveries = deliveries;
    }

    /// A custom message, in one order with the changes.
    pub fn publish(&mut self, message: &Message) {
        self.recover(message.after);
        self.counters.messages.add(1);
        let mut listeners = std::mem::take(&mut self.workspace.candidates);
        listeners.clear();
        self.classes.listeners(&message.tenant, &message.topic, &mut listeners);
        let cursor = if listeners.is_empty() { String::new() } else { self.cursors.write(&self.place()) };
        for class in &listeners {
            let Some(class) = self.classes.get(*class) else { continue };
            let Message { id, data, at, .. } = message;
            let event = Event::Message { id, data, at: *at, cursor: &cursor };
            let Some(frame) = class.decision.encode(&event, &mut self.workspace.scratch) else { continue };
            let wakers = &mut self.workspace.wakers;
            let tally = push_message(&class.members, self.position, &frame, self.bounds, wakers);
            self.counters.deliveries.add(tally.taken);
            self.counters.bytes.add(tally.taken * frame.len() as u64);
            self.counters.abandoned.add(tally.overflows);
        }
        self.workspace.candidates = listeners;
    }
}

impl Tally {
    fn add(&mut self, pushed: Pushed, wakers: &mut Vec<Waker>) {
        match pushed {
            Pushed::Taken(waker) => {
                self.taken += 1;
                wakers.extend(waker);
            }
            Pushed::Overflow(waker) => {
                self.overflows += 1;
                wakers.extend(waker);
            }
            Pushed::Refused => {}
        }
    }
}

/// The loop over subscribers.
fn push(members: &[Member], seq: Seq, entry: &Entry, bounds: Bounds, wakers: &mut Vec<Waker>) -> Tally {
    let mut tally = Tally::default();
    for member in members {
        if seq > member.after {
            tally.add(member.outbox.push(seq, entry.clone(), bounds), wakers);
        }
    }
    tally
}

fn push_message(
    members: &[Member],
    position: Seq,
    frame: &Bytes,
    bounds: Bounds,
    wakers: &mut Vec<Waker>,
) -> Tally {
    let mut tally = Tally::default();
    for member in members {
        tally.add(member.outbox.push_message(position, frame, bounds), wakers);
    }
    tally
}

fn defer(members: &[Member], seq: Seq, wakers: &mut Vec<Waker>) -> Tally {
    let mut tally = Tally::default();
    for member in members.iter().filter(|member| seq > member.after) {
        tally.add(member.outbox.defer(seq), wakers);
    }
    tally
}
