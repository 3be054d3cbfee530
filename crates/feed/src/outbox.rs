use crate::slot::{Peek, Slot};
use crate::{ConnectionId, Ending};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tidewire_model::{Principal, Seq};

/// What a slot counts for before anybody knows how long its frame will be.
const SLOT_BYTES: usize = 1024;
/// A queue that grew beyond this gives its memory back when it is empty.
const KEPT_ENTRIES: usize = 64;

/// What may wait for one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub bytes: usize,
    pub frames: usize,
}

/// The queue of one connection: the hub and the replays push, the session reads.
pub(crate) struct Outbox {
    pub id: ConnectionId,
    pub principal: Mutex<Principal>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// of all entries but own ones
    bytes: usize,
    /// of own entries
    own_bytes: usize,
    waker: Option<Waker>,
    /// nothing more is taken
    ending: Option<Ending>,
    /// the last change of which an entry was taken live: all of a change is taken, or nothing
    current: Seq,
    /// `None` while live
    behind: Option<Box<Behind>>,
    /// counts replays, so that one which was overtaken by events finds out
    generation: u64,
}

/// A connection that is served from the log until it has reached the hub.
struct Behind {
    /// everything up to here is queued
    done: Seq,
    work: Work,
    /// messages that came meanwhile, each after the changes up to its position
    held: VecDeque<(Seq, Bytes)>,
    held_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// waits for the reader to make room
    Parked,
    /// the reader made room and the hub was told
    Asked,
    Running,
}

#[derive(Clone)]
pub(crate) enum Entry {
    /// shared with other connections
    Frame(Bytes),
    /// the connection's own debt: not counted against the bound
    Own(Bytes),
    /// and whether this outbox waits for it already
    Slot(Arc<Slot>, bool),
    /// an own frame that is not known yet, likewise
    Answer(Arc<Slot>, bool),
}

/// What became of a live push.
#[derive(Debug)]
pub(crate) enum Pushed {
    Taken(Option<Waker>),
    /// this push was the first one too many
    Overflow(Option<Waker>),
    /// the log will serve it, or it is closed
    Refused,
}

/// What became of a change pushed by a replay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replayed {
    More,
    /// the replay is parked
    Full,
    /// somebody else has taken over
    Stale,
}

/// What a reader got.
pub(crate) struct Read {
    pub poll: Poll<Option<()>>,
    /// the hub must be told that there is room for a replay
    pub hungry: bool,
}

/// What an outbox holds.
pub(crate) struct Waiting {
    pub bytes: usize,
    /// bytes of held messages, if it is behind
    pub held: Option<usize>,
}

impl Outbox {
    pub fn new(id: ConnectionId) -> Arc<Self> {
        Arc::new(Self { id, principal: Mutex::default(), state: Mutex::default() })
    }

    /// Takes an entry of the change `seq` for a live connection.
    pub fn push(&self, seq: Seq, entry: Entry, bounds: Bounds) -> Pushed {
        let mut state = self.state.lock();
        if state.is_ending() || state.behind.is_some() {
            return Pushed::Refused;
        }
        if state.current != seq {
            if !state.has_room(bounds) {
                state.fall_behind(seq - 1, Work::Parked);
                return Pushed::Overflow(state.waker.take());
            }
            state.current = seq;
        }
        state.append(entry);
        Pushed::Taken(state.waker.take())
    }

    /// Leaves the change `seq`, of which nothing was pushed yet, to a replay.
    pub fn defer(&self, seq: Seq) -> Pushed {
        let mut state = self.state.lock();
        if state.is_ending() || state.behind.is_some() {
            return Pushed::Refused;
        }
        state.fall_behind(seq - 1, Work::Parked);
        Pushed::Overflow(state.waker.take())
    }

    /// A message, which no log has: it is held for a connection that is behind, and one that lets too many wait is closed.
    pub fn push_message(&self, position: Seq, frame: &Bytes, bounds: Bounds) -> Pushed {
        let mut state = self.state.lock();
        if state.is_ending() {
            return Pushed::Refused;
        }
        if state.behind.is_none() {
            if state.has_room(bounds) {
                state.append(Entry::Frame(frame.clone()));
                return Pushed::Taken(state.waker.take());
            }
            state.fall_behind(position, Work::Parked);
        }
        if state.hold(position, frame, bounds) {
            return Pushed::Taken(state.waker.take());
        }
        state.discard();
        Pushed::Overflow(state.waker.take())
    }

    /// A frame that is owed to this connection alone; it is never refused before the end.
    pub fn push_own(&self, frame: Bytes) {
        let mut state = self.state.lock();
        if state.is_ending() {
            return;
        }
        state.append(Entry::Own(frame));
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    /// A place for such a frame: what is queued later waits until it is filled.
    pub fn push_answer(&self, slot: Arc<Slot>) {
        let mut state = self.state.lock();
        if !state.is_ending() {
            state.append(Entry::Answer(slot, false));
        }
    }

    /// Bytes of own frames that were not read yet.
    pub fn owed(&self) -> usize {
        self.state.lock().own_bytes
    }

    pub fn waiting(&self) -> Waiting {
        let state = self.state.lock();
        let held = state.behind.as_ref().map(|behind| behind.held_bytes);
        Waiting { bytes: state.bytes + state.own_bytes, held }
    }

    /// All that a replay has to say about the changes up to `until`, in their order; empties `words`.
    pub fn replay(
        &self,
        generation: u64,
        until: Seq,
        words: &mut Vec<(Seq, Entry)>,
        bounds: Bounds,
    ) -> Replayed {
        let mut state = self.state.lock();
        if state.is_ending() || state.generation != generation || state.behind.is_none() {
            words.clear();
            return Replayed::Stale;
        }
        let done = state.tell(until, words, bounds);
        let full = !state.has_room(bounds);
        if let Some(behind) = &mut state.behind {
            behind.done = done;
            if full {
                behind.work = Work::Parked;
            }
        }
        let waker = if state.entries.is_empty() { None } else { state.waker.take() };
        drop(state);
        wake(waker);
        if full { Replayed::Full } else { Replayed::More }
    }

    /// How far a connection that is behind has come, if a replay of this generation runs.
    pub fn progress(&self, generation: u64) -> Option<Seq> {
        let state = self.state.lock();
        let behind = state.behind.as_ref().filter(|behind| behind.work == Work::Running)?;
        (state.generation == generation && !state.is_ending()).then_some(behind.done)
    }

    /// Ends a replay's right to push. `Some` position if the connection is behind.
    pub fn interrupt(&self) -> Option<Seq> {
        let mut state = self.state.lock();
        state.generation += 1;
        let behind = state.behind.as_mut()?;
        if behind.work == Work::Running {
            behind.work = Work::Asked;
        }
        Some(behind.done)
    }

    /// Everything up to `start` is queued or not wanted, the hub stands at `position`. `Some`: a replay of this
    /// generation is to begin now.
    pub fn settle(&self, start: Seq, position: Seq, bounds: Bounds) -> Option<(u64, Seq)> {
        let mut state = self.state.lock();
        if state.is_ending() {
            return None;
        }
        if start >= position {
            state.go_live(position);
            let waker = state.waker.take();
            drop(state);
            wake(waker);
            return None;
        }
        let ready = state.has_low_water(bounds);
        let work = if ready { Work::Running } else { Work::Parked };
        match &mut state.behind {
            Some(behind) => (behind.done, behind.work) = (start, work),
            None => state.fall_behind(start, work),
        }
        ready.then_some((state.generation, start))
    }

    /// Answers the reader's hunger: a new replay may begin.
    pub fn begin(&self) -> Option<(u64, Seq)> {
        let mut state = self.state.lock();
        let behind = state.behind.as_mut().filter(|behind| behind.work == Work::Asked)?;
        behind.work = Work::Running;
        let done = behind.done;
        state.generation += 1;
        Some((state.generation, done))
    }

    /// The next frames, at most about `bytes` long, as far as they are known.
    pub fn read(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        bytes: usize,
        out: &mut Vec<Bytes>,
        bounds: Bounds,
    ) -> Read {
        let mut state = self.state.lock();
        let got = state.take(self, bytes, out);
        let poll = if got {
            Poll::Ready(Some(()))
        } else if state.is_ending() && state.entries.is_empty() {
            Poll::Ready(None)
        } else {
            state.wait(cx.waker());
            Poll::Pending
        };
        Read { poll, hungry: state.is_hungry(bounds) }
    }

    pub fn is_behind(&self) -> bool {
        self.state.lock().behind.is_some()
    }

    pub fn ending(&self) -> Option<Ending> {
        self.state.lock().ending
    }

    /// Nothing more is taken; what is queued can still be read. The first reason stands.
    pub fn close(&self, ending: Ending) {
        let mut state = self.state.lock();
        state.ending.get_or_insert(ending);
        state.behind = None;
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    pub fn wake(&self) {
        let waker = self.state.lock().waker.take();
        wake(waker);
    }
}

impl State {
    fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    fn append(&mut self, entry: Entry) {
        self.bytes += entry.cost();
        self.own_bytes += entry.own_cost();
        self.entries.push_back(entry);
    }

    fn has_room(&self, bounds: Bounds) -> bool {
        self.bytes < bounds.bytes && self.entries.len() < bounds.frames
    }

    /// Half empty: worth starting a replay.
    fn has_low_water(&self, bounds: Bounds) -> bool {
        self.bytes <= bounds.bytes / 2 && self.entries.len() <= bounds.frames / 2
    }

    fn fall_behind(&mut self, done: Seq, work: Work) {
        self.behind = Some(Box::new(Behind { done, work, held: VecDeque::new(), held_bytes: 0 }));
    }

    fn go_live(&mut self, position: Seq) {
        self.release(Seq::MAX);
        self.behind = None;
        self.current = position;
    }

    /// False if the held messages would pass the bound.
    fn hold(&mut self, position: Seq, frame: &Bytes, bounds: Bounds) -> bool {
        let Some(behind) = &mut self.behind else { return false };
        if behind.held_bytes >= bounds.bytes || behind.held.len() >= bounds.frames {
            return false;
        }
        behind.held_bytes += frame.len();
        behind.held.push_back((position, frame.clone()));
        true
    }

    /// Queues the held messages that stand before the change `seq`.
    fn release(&mut self, seq: Seq) {
        while let Some(behind) = &mut self.behind
            && behind.held.front().is_some_and(|(position, _)| *position < seq)
            && let Some((_, frame)) = behind.held.pop_front()
        {
            behind.held_bytes -= frame.len();
            self.append(Entry::Frame(frame));
        }
    }

    /// Queues entries in their places among the held messages. All of a change is taken; returns the last for which there
    /// was room.
    fn tell(&mut self, until: Seq, words: &mut Vec<(Seq, Entry)>, bounds: Bounds) -> Seq {
        let mut words = words.drain(..).peekable();
        while let Some((seq, entry)) = words.next() {
            self.release(seq);
            self.append(entry);
            let is_whole = words.peek().is_none_or(|(next, _)| *next != seq);
            if is_whole && !self.has_room(bounds) {
                return seq;
            }
        }
        self.release(until);
        until
    }

    /// Gives up a connection that does not read.
    fn discard(&mut self) {
        self.ending = Some(Ending::Overflow);
        self.behind = None;
        self.entries = VecDeque::new();
        (self.bytes, self.own_bytes) = (0, 0);
    }

    fn take(&mut self, outbox: &Arc<Outbox>, bytes: usize, out: &mut Vec<Bytes>) -> bool {
        let mut taken = 0;
        let mut got = false;
        while taken < bytes || !got {
            let Some(frame) = self.next((!got).then_some(outbox)) else { break };
            if let Some(frame) = frame {
                taken += frame.len();
                got = true;
                out.push(frame);
            }
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT_ENTRIES {
            self.entries.shrink_to(KEPT_ENTRIES);
        }
        got
    }

    /// The first entry's frame, if it is known and has one. It is moved out: other threads count its holders too, and each
    /// clone would make them wait. `waiter` waits for a frame that is not known.
    fn next(&mut self, waiter: Option<&Arc<Outbox>>) -> Option<Option<Bytes>> {
        let mut entry = self.entries.pop_front()?;
        let (cost, own_cost) = (entry.cost(), entry.own_cost());
        let frame = match &mut entry {
            Entry::Frame(frame) | Entry::Own(frame) => Some(std::mem::take(frame)),
            Entry::Slot(slot, waiting) | Entry::Answer(slot, waiting) => {
                match slot.peek(waiter.filter(|_| !*waiting)) {
                    Peek::Pending => {
                        *waiting |= waiter.is_some();
                        self.entries.push_front(entry);
                        return None;
                    }
                    Peek::Filled(frame) => frame,
                }
            }
        };
        self.bytes -= cost;
        self.own_bytes -= own_cost;
        Some(frame)
    }

    fn wait(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// True once for each time that a parked replay may go on.
    fn is_hungry(&mut self, bounds: Bounds) -> bool {
        let room = self.has_low_water(bounds);
        match &mut self.behind {
            Some(behind) if behind.work == Work::Parked && room => {
                behind.work = Work::Asked;
                true
            }
            _ => false,
        }
    }
}

impl Entry {
    fn cost(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.len(),
            Self::Own(_) | Self::Answer(..) => 0,
            Self::Slot(..) => SLOT_BYTES,
        }
    }

    fn own_cost(&self) -> usize {
        match self {
            Self::Own(frame) => frame.len(),
            Self::Answer(..) => SLOT_BYTES,
            Self::Frame(_) | Self::Slot(..) => 0,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
