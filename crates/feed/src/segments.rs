use crate::answers::{Answers, Case};
use crate::class::{Decision, Verdict};
use crate::cursor::Cursors;
use crate::event::{Event, Told};
use crate::outbox::Entry;
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
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
    /// of classes that differ in their decision alone
    frames: Frames,
    bytes: AtomicUsize,
    /// beyond it all is forgotten and made again when it is asked for
    bound: usize,
}

struct Segment {
    decision: Arc<Decision>,
    /// who finds it locked waits for what is being made
    heard: Mutex<Heard>,
}

/// A frame: the change, the projection, and how it is told.
type Name = (Seq, u64, Told);

/// Made by whoever needs it first, unless the encoder declines; who comes meanwhile waits.
type Made = Arc<OnceLock<Option<Bytes>>>;

type Frames = Mutex<HashMap<Name, Made>>;

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
    /// by which the age of answers is told
    pub now: Instant,
    pub scratch: Vec<u8>,
}

impl Segments {
    pub fn new(bound: usize) -> Self {
        Self { known: Mutex::default(), frames: Mutex::default(), bytes: AtomicUsize::new(0), bound }
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
        heard.cover(&segment.decision, (changes, after, until), maker, &self.frames);
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
            *self.frames.lock() = HashMap::new();
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
        frames: &Frames,
    ) {
        let is_old = self.asked.is_some_and(|asked| maker.now.saturating_duration_since(asked) > AGE);
        let reaches = changes.first().is_some_and(|first| first.position.seq <= self.until + 1);
        if is_old || !reaches || self.from == self.until {
            *self = Self { from: after, until: after, ..Self::default() };
        }
        if after < self.from {
            let rest = std::mem::replace(self, Self { from: after, until: after, ..Self::default() });
            self.make(decision, between(changes, after, rest.from), after, maker, frames);
            if self.until < rest.from {
                return;
            }
            self.append(rest);
        }
        if until > self.until {
            self.make(decision, between(changes, self.until, until), after, maker, frames);
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
    fn make(
        &mut self,
        decision: &Decision,
        changes: &[Arc<Change>],
        after: Seq,
        maker: &mut Maker<'_>,
        frames: &Frames,
    ) {
        let mut full = self.bytes + maker.room;
        for changes in changes.chunks(STEP) {
            if self.until > after && self.bytes >= full {
                return;
            }
            let decided = self.decide(decision, changes, maker);
            for (change, told) in changes.iter().zip(decided) {
                if self.until <= after {
                    full = self.bytes + maker.room;
                } else if self.bytes >= full {
                    return;
                }
                self.until = change.position.seq;
                self.encode(decision, change, told, maker, frames);
            }
        }
    }

    fn encode(
        &mut self,
        decision: &Decision,
        change: &Change,
        told: Option<Told>,
        maker: &mut Maker<'_>,
        frames: &Frames,
    ) {
        let Some(action) = told else { return };
        let seq = change.position.seq;
        let mut made = 0;
        let mut make = || {
            let cursor = maker.cursors.write(&change.position);
            let frame =
                decision.encode(&Event::Change { change, action, cursor: &cursor }, &mut maker.scratch);
            made = ENTRY + frame.as_ref().map_or(0, Bytes::len);
            frame
        };
        let frame = if decision.needs_store {
            // what an encoder was told by the store is as old as its class's answers
            make()
        } else {
            let known = frames.lock().entry((seq, decision.projection, action)).or_default().clone();
            known.get_or_init(make).clone()
        };
        self.bytes += made;
        if let Some(frame) = frame {
            self.bytes += ENTRY;
            self.frames.push((seq, frame));
        }
    }

    /// What the class is told of each change; the store is asked about all that it must decide at once.
    fn decide(
        &mut self,
        decision: &Decision,
        changes: &[Arc<Change>],
        maker: &Maker<'_>,
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
            self.asked.get_or_insert(maker.now);
            for (place, answer) in places.into_iter().zip(maker.answers.decide(&cases)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::ClassSpec;
    use crate::log::{Answered, Asked, Lookup};
    use crate::{Encoder, Topic};
    use std::sync::atomic::AtomicU64;
    use tidewire_model::{Action, Collection, Position, Record, TenantId, Timestamp, Value};
    use tidewire_rules::Residual;

    struct Nobody;

    impl Lookup for Nobody {
        fn ask(&self, asked: &[Asked<'_>]) -> Answered {
            Answered::nothing(asked.len())
        }
    }

    /// Numbers its frames.
    struct Numbers {
        made: AtomicU64,
        needs_store: bool,
    }

    impl Encoder for Numbers {
        fn encode(&self, _: &Event<'_>, frame: &mut Vec<u8>) -> bool {
            frame.push(b'0' + self.made.fetch_add(1, Relaxed) as u8);
            true
        }
        fn needs_store(&self) -> bool {
            self.needs_store
        }
    }

    fn change(collection: &Arc<Collection>, seq: Seq) -> Arc<Change> {
        let tenant = TenantId::default();
        let mut record = Record::empty(collection.clone(), tenant.clone());
        record.set("id", Value::text("r"));
        Arc::new(Change {
            position: Position { epoch: 1, seq, offset: seq },
            action: Action::Create,
            collection: collection.clone(),
            tenant,
            old: None,
            new: Some(Arc::new(record)),
            actor: "".into(),
            at: Timestamp(0),
            transaction: seq,
        })
    }

    /// Two classes of one projection at one page of changes.
    struct Scene {
        changes: Vec<Arc<Change>>,
        classes: [Arc<Decision>; 2],
        segments: Segments,
        answers: Answers,
    }

    impl Scene {
        fn new(needs_store: bool) -> Self {
            let mut collection = Collection::default();
            collection.id = "c".into();
            collection.index_fields();
            let collection = Arc::new(collection);
            let encoder = Arc::new(Numbers { made: AtomicU64::new(0), needs_store });
            let class = |leave| {
                let topic = Topic::Collection { tenant: TenantId::default(), collection: "c".into() };
                let (gate, projection, encoder) = (Residual::always(), String::new(), encoder.clone());
                Arc::new(Decision::new(ClassSpec { topic, gate, leave, projection, encoder }, 1, 7))
            };
            Self {
                changes: (1..=2).map(|seq| change(&collection, seq)).collect(),
                classes: [class(true), class(false)],
                segments: Segments::new(1 << 20),
                answers: Answers::new(Arc::new(Nobody), Arc::default(), 16),
            }
        }

        /// What a class hears of both changes.
        fn tell(&self, class: usize, now: Instant) -> String {
            let (cursors, scratch) = (&Cursors::new([0; 32]), Vec::new());
            let mut maker = Maker { cursors, answers: &self.answers, room: 1 << 20, now, scratch };
            let mut out = Vec::new();
            let until = self.segments.tell(&self.classes[class], (&self.changes, 0, 2), &mut maker, &mut out);
            assert_eq!(until, 2);
            let frames = out.iter().map(|(_, entry)| match entry {
                Entry::Frame(frame) => String::from_utf8_lossy(frame).into_owned(),
                _ => String::new(),
            });
            frames.collect()
        }
    }

    #[test]
    fn what_the_store_said_is_asked_anew_after_a_while() {
        let (scene, start) = (Scene::new(true), Instant::now());
        assert_eq!(scene.tell(0, start), "01");
        assert_eq!(scene.tell(0, start + AGE), "01");
        let later = start + AGE + Duration::from_nanos(1);
        assert_eq!(scene.tell(0, later), "23");
        assert_eq!(scene.tell(0, later + AGE), "23");
        assert_eq!(scene.tell(1, later), "45", "an encoder that asks the store does so for each class");
    }

    #[test]
    fn classes_that_differ_in_their_decision_share_frames_for_as_long_as_they_stay() {
        let (scene, start) = (Scene::new(false), Instant::now());
        assert_eq!(scene.tell(0, start), "01");
        let alone = scene.segments.bytes();
        assert_eq!(scene.tell(1, start), "01");
        assert_eq!(scene.segments.bytes(), alone + 3 * ENTRY, "a class and two places of frames");
        assert_eq!(scene.tell(0, start + 10 * AGE), "01", "what the images say does not age");
    }

    #[test]
    fn beyond_the_bound_frames_are_forgotten_as_well() {
        let (mut scene, start) = (Scene::new(false), Instant::now());
        scene.segments = Segments::new(1);
        assert_eq!(scene.tell(0, start), "01");
        assert_eq!(scene.tell(1, start), "23");
        assert_eq!(scene.segments.frames.lock().len(), 2);
    }
}
