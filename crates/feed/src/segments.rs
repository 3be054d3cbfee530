use crate::answers::{Answers, Case};
use crate::class::{Decision, Verdict};
use crate::cursor::Cursors;
use crate::event::{Event, Told};
use crate::outbox::Entry;
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tidewire_model::{Change, Seq};

/// What a frame, or a class, costs besides its bytes.
const ENTRY: usize = 64;
/// Changes that are decided at once.
const STEP: usize = 32;
/// Answers of the store are not kept for longer.
const AGE: Duration = Duration::from_secs(1);

/// What each class hears of one page of changes, judged and encoded once for all who come back over it.
pub(crate) struct Segments {
    /// by the address of the decision, which is kept alive beside it
    known: Mutex<HashMap<usize, Arc<Segment>>>,
    bytes: AtomicUsize,
    /// beyond it all is forgotten and made again when it is asked for
    bound: usize,
}

struct Segment {
    decision: Arc<Decision>,
    /// who finds it locked waits for what is being made
    heard: Mutex<Heard>,
}

/// The frames of the changes after `from` up to `until`.
#[derive(Default)]
struct Heard {
    from: Seq,
    until: Seq,
    frames: Vec<(Seq, Bytes)>,
    /// what the frames take
    bytes: usize,
    /// when the first answer of the store in it was given
    asked: Option<Instant>,
}

/// What frames are made with.
pub(crate) struct Maker<'a> {
    pub cursors: &'a Cursors,
    pub answers: &'a Answers,
    /// bytes that it is worth making at once
    pub room: usize,
    pub scratch: Vec<u8>,
}

impl Segments {
    pub fn new(bound: usize) -> Self {
        Self { known: Mutex::default(), bytes: AtomicUsize::new(0), bound }
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Appends what the class hears of the changes after `after` up to `until`, which are all among `changes`. Returns
    /// how far it came: it stops after the change with which it had to make `maker.room` bytes.
    pub fn tell(
        &self,
        decision: &Arc<Decision>,
        (changes, after, until): (&[Arc<Change>], Seq, Seq),
        maker: &mut Maker<'_>,
        out: &mut Vec<(Seq, Entry)>,
    ) -> Seq {
        if after >= until {
            return until;
        }
        let segment = self.segment(decision);
        let mut heard = segment.heard.lock();
        let before = heard.bytes;
        heard.cover(&segment.decision, (changes, after, until), maker);
        let until = until.min(heard.until);
        let start = heard.frames.partition_point(|(seq, _)| *seq <= after);
        let end = heard.frames.partition_point(|(seq, _)| *seq <= until);
        out.extend(heard.frames[start..end].iter().map(|(seq, frame)| (*seq, Entry::Frame(frame.clone()))));
        if heard.bytes != before {
            let count = |bytes: usize| Some((bytes + heard.bytes).saturating_sub(before));
            let _ = self.bytes.fetch_update(Relaxed, Relaxed, count);
        }
        until
    }

    fn segment(&self, decision: &Arc<Decision>) -> Arc<Segment> {
        let mut known = self.known.lock();
        if self.bytes() > self.bound {
            *known = HashMap::new();
            self.bytes.store(0, Relaxed);
        }
        let new = || {
            self.bytes.fetch_add(ENTRY, Relaxed);
            Arc::new(Segment { decision: decision.clone(), heard: Mutex::default() })
        };
        known.entry(Arc::as_ptr(decision) as usize).or_insert_with(new).clone()
    }
}

impl Heard {
    /// Makes what is missing between `after` and `until`.
    fn cover(
        &mut self,
        decision: &Decision,
        (changes, after, until): (&[Arc<Change>], Seq, Seq),
        maker: &mut Maker<'_>,
    ) {
        let is_old = self.asked.is_some_and(|asked| asked.elapsed() > AGE);
        let reaches = changes.first().is_some_and(|first| first.position.seq <= self.until + 1);
        if is_old || !reaches || self.from == self.until {
            *self = Self { from: after, until: after, ..Self::default() };
        }
        if after < self.from {
            let rest = std::mem::replace(self, Self { from: after, until: after, ..Self::default() });
            self.make(decision, between(changes, after, rest.from), after, maker);
            if self.until < rest.from {
                return;
            }
            self.append(rest);
        }
        if until > self.until {
            self.make(decision, between(changes, self.until, until), after, maker);
        }
    }

    /// Takes what follows.
    fn append(&mut self, rest: Self) {
        self.until = rest.until;
        self.bytes += rest.bytes;
        self.frames.extend(rest.frames);
        self.asked = self.asked.into_iter().chain(rest.asked).min();
    }

    /// Decides and encodes what follows, beyond `after` only as far as there is room.
    fn make(&mut self, decision: &Decision, changes: &[Arc<Change>], after: Seq, maker: &mut Maker<'_>) {
        let mut full = self.bytes + maker.room;
        for changes in changes.chunks(STEP) {
            if self.until > after && self.bytes >= full {
                return;
            }
            let decided = self.decide(decision, changes, maker.answers);
            for (change, told) in changes.iter().zip(decided) {
                if self.until <= after {
                    full = self.bytes + maker.room;
                } else if self.bytes >= full {
                    return;
                }
                self.until = change.position.seq;
                self.encode(decision, change, told, maker);
            }
        }
    }

    fn encode(&mut self, decision: &Decision, change: &Change, told: Option<Told>, maker: &mut Maker<'_>) {
        let Some(action) = told else { return };
        let cursor = maker.cursors.write(&change.position);
        let event = Event::Change { change, action, cursor: &cursor };
        if let Some(frame) = decision.encode(&event, &mut maker.scratch) {
            self.bytes += ENTRY + frame.len();
            self.frames.push((change.position.seq, frame));
        }
    }

    /// What the class is told of each change; the store is asked about all that it must decide at once.
    fn decide(
        &mut self,
        decision: &Decision,
        changes: &[Arc<Change>],
        answers: &Answers,
    ) -> Vec<Option<Told>> {
        let mut told = vec![None; changes.len()];
        let (mut cases, mut places) = (Vec::new(), Vec::new());
        for (place, change) in changes.iter().enumerate() {
            if !decision.topic.covers(change) {
                continue;
            }
            match decision.judge(change) {
                Verdict::Nothing => {}
                Verdict::Tell(action) => told[place] = Some(action),
                Verdict::Ask => {
                    cases.push(Case { decision, change });
                    places.push(place);
                }
            }
        }
        if !cases.is_empty() {
            self.asked.get_or_insert_with(Instant::now);
            for (place, answer) in places.into_iter().zip(answers.decide(&cases)) {
                told[place] = answer;
            }
        }
        told
    }
}

/// Those of neighbouring changes that come after `after`, up to `until`.
fn between(changes: &[Arc<Change>], after: Seq, until: Seq) -> &[Arc<Change>] {
    let end = changes.partition_point(|change| change.position.seq <= until);
    let start = changes.partition_point(|change| change.position.seq <= after);
    &changes[start.min(end)..end]
}
