use crate::class::{Decision, Verdict};
use crate::event::Event;
use crate::hub::Hub;
use crate::index::ClassId;
use crate::judging::{Judged, Judging};
use crate::shards::{Parcel, Tally};
use crate::slot::Slot;
use crate::slow::Question;
use std::sync::Arc;
use tidewire_model::{Change, Message};

/// Memory that every fan-out uses again.
#[derive(Default)]
pub(crate) struct Workspace {
    candidates: Vec<ClassId>,
    questions: Vec<Question>,
    pub scratch: Vec<u8>,
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
            self.deliver(change);
        }
        self.workspace.candidates = candidates;
    }

    fn decide(&mut self, change: &Arc<Change>, candidates: &[ClassId], cursor: &Arc<str>) {
        let has_room = self.slow.has_room(candidates.len());
        let mut shared = self.judge_together(change, candidates, cursor).into_iter();
        for id in candidates {
            let Some(class) = self.classes.get(*id) else { continue };
            let judge = || Judged::Verdict(class.decision.judge_by(change, &self.answers));
            let parcel = match shared.next().unwrap_or_else(judge) {
                Judged::Told(frame) => frame.map(Parcel::Frame),
                Judged::Verdict(Verdict::Nothing) => None,
                Judged::Verdict(Verdict::Ask) if has_room => {
                    let (slot, promise) = Slot::new();
                    let (decision, change, cursor) = (class.decision.clone(), change.clone(), cursor.clone());
                    self.workspace.questions.push(Question { decision, change, cursor, promise });
                    Some(Parcel::Later(slot))
                }
                Judged::Verdict(Verdict::Ask) => Some(Parcel::Deferred),
                Judged::Verdict(Verdict::Tell(action)) => {
                    let event = Event::Change { change, action, cursor };
                    let scratch = &mut self.workspace.scratch;
                    let make = |decision: &Decision| decision.encode(&event, scratch);
                    self.classes.frame(*id, change.position.seq, action, make).map(Parcel::Frame)
                }
            };
            if let Some(parcel) = parcel {
                self.classes.give(*id, parcel);
            }
        }
    }

    /// What each of the candidates is told, if they are so many that others help; else nothing.
    fn judge_together(&self, change: &Arc<Change>, candidates: &[ClassId], cursor: &Arc<str>) -> Vec<Judged> {
        if !self.crew.is_for(candidates.len()) {
            return Vec::new();
        }
        let cases = candidates.iter().filter_map(|id| self.classes.case(*id)).collect();
        let judging = Arc::new(Judging::new(change, cursor, &self.answers, cases, self.crew.worth));
        self.crew.share(judging.clone(), candidates.len());
        judging.take()
    }

    fn deliver(&mut self, change: &Change) {
        let tally = self.classes.push(change.position.seq);
        // only now: what no outbox holds is not asked
        self.workspace.questions.drain(..).for_each(|question| self.slow.push(question));
        self.count_pushes(tally);
    }

    fn count_pushes(&self, tally: Tally) {
        self.counters.deliveries.add(tally.taken);
        self.counters.bytes.add(tally.bytes);
        self.counters.overflows.add(tally.overflows);
        self.counters.abandoned.add(tally.abandoned);
    }

    /// A custom message, in one order with the changes.
    pub fn publish(&mut self, message: &Message) {
        self.recover(message.after);
        self.counters.messages.add(1);
        let mut listeners = std::mem::take(&mut self.workspace.candidates);
        listeners.clear();
        self.classes.listeners(&message.tenant, &message.topic, &mut listeners);
        let cursor = if listeners.is_empty() { String::new() } else { self.cursors.write(&self.place()) };
        for listener in &listeners {
            let Some(class) = self.classes.get(*listener) else { continue };
            let Message { id, data, at, .. } = message;
            let event = Event::Message { id, data, at: *at, cursor: &cursor };
            let Some(frame) = class.decision.encode(&event, &mut self.workspace.scratch) else { continue };
            self.classes.give(*listener, Parcel::Message(frame));
        }
        let tally = self.classes.push(self.position);
        self.count_pushes(tally);
        self.workspace.candidates = listeners;
    }
}
