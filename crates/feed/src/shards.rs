use crate::ConnectionId;
use crate::crew::{Crew, Parts};
use crate::outbox::{Bounds, Entry, Outbox, Pushed};
use crate::rows::Rows;
use crate::slot::Slot;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::task::Waker;
use tidewire_model::Seq;

/// Connections are dealt out to shards. The hub decides what each class is told, in one order; each shard pushes it to its
/// own connections in that order. Much is pushed by several threads at once, a shard by one of them; the hub goes on when
/// all is pushed.
pub(crate) struct Shards {
    list: Arc<[Mutex<Shard>]>,
    crew: Arc<Crew>,
    bounds: Bounds,
    /// what is to be pushed, by shard
    parcels: Box<[Vec<(RowId, Parcel)>]>,
    /// some are to be told by a replay
    defers: bool,
    /// members that it is pushed to
    pushes: usize,
    /// readers that are to be woken
    sleepers: usize,
}

/// The place of a row in its shard.
pub(crate) type RowId = u32;
pub(crate) type ShardId = u16;

/// Members of one class in one shard.
type Row = Vec<Member>;

/// One subscription in a class.
pub(crate) struct Member {
    pub outbox: Arc<Outbox>,
    /// it gets changes after this one
    pub after: Seq,
    pub seat: u32,
}

/// What the members of one row are given.
#[derive(Clone)]
pub(crate) enum Parcel {
    Frame(Bytes),
    Later(Arc<Slot>),
    /// the slow lane is full: a replay will tell them
    Deferred,
    Message(Bytes),
}

#[derive(Default)]
struct Shard {
    rows: Vec<Row>,
    free: Vec<RowId>,
    parcels: Vec<(RowId, Parcel)>,
    /// readers of what was pushed
    wakers: Vec<Waker>,
    tally: Tally,
}

/// What became of what was pushed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub taken: u64,
    pub bytes: u64,
    /// of changes: the log will tell them
    pub overflows: u64,
    /// of messages: they are closed
    pub abandoned: u64,
    /// readers that are to be woken
    sleepers: usize,
}

impl Shards {
    pub fn new(count: usize, bounds: Bounds, crew: Arc<Crew>) -> Self {
        let count = count.clamp(1, usize::from(ShardId::MAX));
        Self {
            list: (0..count).map(|_| Mutex::default()).collect(),
            crew,
            bounds,
            parcels: (0..count).map(|_| Vec::new()).collect(),
            defers: false,
            pushes: 0,
            sleepers: 0,
        }
    }

    pub fn of(&self, id: ConnectionId) -> ShardId {
        (id.0 % self.list.len() as u64) as ShardId
    }

    /// A row for one class.
    pub fn found(&self, shard: ShardId) -> RowId {
        let mut shard = self.list[usize::from(shard)].lock();
        shard.free.pop().unwrap_or_else(|| {
            shard.rows.push(Row::new());
            (shard.rows.len() - 1) as RowId
        })
    }

    /// Adds a member to a row and says where in it.
    pub fn join(&self, shard: ShardId, row: RowId, member: Member) -> u32 {
        let row = &mut self.list[usize::from(shard)].lock().rows[row as usize];
        if row.is_empty() {
            // most rows have one member
            row.reserve_exact(1);
        }
        row.push(member);
        (row.len() - 1) as u32
    }

    /// Takes a member out: who has taken its place, and whether the row was given up.
    pub fn leave(&self, shard: ShardId, row: RowId, index: u32) -> (Option<u32>, bool) {
        let mut shard = self.list[usize::from(shard)].lock();
        let members = &mut shard.rows[row as usize];
        members.swap_remove(index as usize);
        let moved = members.get(index as usize).map(|member| member.seat);
        let is_empty = members.is_empty();
        if is_empty {
            *members = Row::new();
            shard.free.push(row);
        }
        (moved, is_empty)
    }

    pub fn after(&self, shard: ShardId, row: RowId, index: u32) -> Seq {
        self.list[usize::from(shard)].lock().rows[row as usize][index as usize].after
    }

    pub fn start_after(&self, shard: ShardId, row: RowId, index: u32, after: Seq) {
        self.list[usize::from(shard)].lock().rows[row as usize][index as usize].after = after;
    }

    /// Gives this to rows of so many members with the next push, behind what they were given before.
    pub fn give(&mut self, rows: &Rows, members: usize, parcel: Parcel) {
        self.defers |= matches!(parcel, Parcel::Deferred);
        match rows {
            Rows::One(shard, row) => self.parcels[usize::from(*shard)].push((*row, parcel)),
            rows => rows.each(|shard, row| self.parcels[usize::from(shard)].push((row, parcel.clone()))),
        }
        self.pushes += members;
    }

    /// Pushes all that was given, as the change `seq`, or as messages at the position `seq`.
    pub fn push(&mut self, seq: Seq) -> Tally {
        let members = std::mem::take(&mut self.pushes);
        if std::mem::take(&mut self.defers) {
            // a connection takes all of a change or nothing: so those who cannot have all come first
            let is_later = |(_, parcel): &(RowId, Parcel)| !matches!(parcel, Parcel::Deferred);
            self.parcels.iter_mut().for_each(|parcels| parcels.sort_by_key(is_later));
        }
        let busy = || self.parcels.iter().enumerate().filter(|(_, parcels)| !parcels.is_empty());
        let tally = if !self.crew.is_for(members) || busy().nth(1).is_none() {
            self.push_alone(seq)
        } else {
            let busy = busy().map(|(index, _)| index).collect();
            self.push_together(seq, busy, members)
        };
        self.sleepers += tally.sleepers;
        tally
    }

    fn push_alone(&mut self, seq: Seq) -> Tally {
        let mut tally = Tally::default();
        for (shard, parcels) in self.list.iter().zip(&mut self.parcels) {
            if !parcels.is_empty() {
                tally.add(shard.lock().push(seq, parcels, self.bounds));
            }
        }
        tally
    }

    fn push_together(&mut self, seq: Seq, busy: Box<[usize]>, members: usize) -> Tally {
        for index in &busy {
            std::mem::swap(&mut self.list[*index].lock().parcels, &mut self.parcels[*index]);
        }
        let pushing = Arc::new(Pushing { list: self.list.clone(), busy, seq, bounds: self.bounds });
        self.crew.share(pushing.clone(), members);
        let mut tally = Tally::default();
        for index in &pushing.busy {
            let mut shard = self.list[*index].lock();
            std::mem::swap(&mut shard.parcels, &mut self.parcels[*index]);
            tally.add(std::mem::take(&mut shard.tally));
        }
        tally
    }

    /// Readers are woken after a whole batch, so that they find all of it at once.
    pub fn wake_readers(&mut self) {
        let sleepers = std::mem::take(&mut self.sleepers);
        if sleepers == 0 {
            return;
        }
        if self.crew.is_for(sleepers) {
            self.crew.share(Arc::new(Waking(self.list.clone())), sleepers);
        } else {
            self.list.iter().for_each(|shard| shard.lock().wake_readers());
        }
    }
}

/// One change, or some messages, on their way to the members in several shards.
struct Pushing {
    list: Arc<[Mutex<Shard>]>,
    /// shards with something to do
    busy: Box<[usize]>,
    seq: Seq,
    bounds: Bounds,
}

impl Parts for Pushing {
    fn count(&self) -> usize {
        self.busy.len()
    }

    fn part(&self, index: usize) {
        let mut shard = self.list[self.busy[index]].lock();
        let mut parcels = std::mem::take(&mut shard.parcels);
        let tally = shard.push(self.seq, &mut parcels, self.bounds);
        (shard.tally, shard.parcels) = (tally, parcels);
    }
}

struct Waking(Arc<[Mutex<Shard>]>);

impl Parts for Waking {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn part(&self, index: usize) {
        self.0[index].lock().wake_readers();
    }
}

impl Shard {
    /// The loop over subscribers.
    fn push(&mut self, seq: Seq, parcels: &mut Vec<(RowId, Parcel)>, bounds: Bounds) -> Tally {
        let (mut tally, before) = (Tally::default(), self.wakers.len());
        for (row, parcel) in parcels.drain(..) {
            let members = &self.rows[row as usize];
            let wakers = &mut self.wakers;
            match parcel {
                Parcel::Frame(frame) => {
                    let length = frame.len() as u64;
                    let taken = push(members, seq, &Entry::Frame(frame), bounds, wakers, &mut tally);
                    tally.bytes += taken * length;
                }
                Parcel::Later(slot) => {
                    push(members, seq, &Entry::Slot(slot, false), bounds, wakers, &mut tally);
                }
                Parcel::Deferred => defer(members, seq, wakers, &mut tally),
                Parcel::Message(frame) => push_message(members, seq, &frame, bounds, wakers, &mut tally),
            }
        }
        tally.sleepers = self.wakers.len() - before;
        tally
    }

    fn wake_readers(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

/// Returns how many have taken it.
fn push(
    members: &[Member],
    seq: Seq,
    entry: &Entry,
    bounds: Bounds,
    wakers: &mut Vec<Waker>,
    tally: &mut Tally,
) -> u64 {
    let before = tally.taken;
    for member in members {
        if seq > member.after {
            match member.outbox.push(seq, entry.clone(), bounds) {
                Pushed::Taken(waker) => {
                    tally.taken += 1;
                    wakers.extend(waker);
                }
                Pushed::Overflow(waker) => {
                    tally.overflows += 1;
                    wakers.extend(waker);
                }
                Pushed::Refused => {}
            }
        }
    }
    tally.taken - before
}

fn push_message(
    members: &[Member],
    position: Seq,
    frame: &Bytes,
    bounds: Bounds,
    wakers: &mut Vec<Waker>,
    tally: &mut Tally,
) {
    for member in members {
        match member.outbox.push_message(position, frame, bounds) {
            Pushed::Taken(waker) => {
                tally.taken += 1;
                tally.bytes += frame.len() as u64;
                wakers.extend(waker);
            }
            Pushed::Overflow(waker) => {
                tally.abandoned += 1;
                wakers.extend(waker);
            }
            Pushed::Refused => {}
        }
    }
}

fn defer(members: &[Member], seq: Seq, wakers: &mut Vec<Waker>, tally: &mut Tally) {
    for member in members.iter().filter(|member| seq > member.after) {
        if let Pushed::Overflow(waker) = member.outbox.defer(seq) {
            tally.overflows += 1;
            wakers.extend(waker);
        }
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.bytes += other.bytes;
        self.overflows += other.overflows;
        self.abandoned += other.abandoned;
        self.sleepers += other.sleepers;
    }
}
