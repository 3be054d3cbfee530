use crate::class::{ClassSpec, Decision};
use crate::event::Told;
use crate::index::{ClassId, Index, Place};
use crate::judging::Case;
use crate::outbox::Outbox;
use crate::projections::{ProjectionId, Projections};
use crate::rows::Rows;
use crate::shards::{Member, Parcel, ShardId, Shards, Tally};
use crate::topic::Topic;
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::Arc;
use tidewire_model::{Change, Seq, TenantId};

pub(crate) type SeatId = u32;

/// All classes that have members, and who sits where in them.
pub(crate) struct Classes {
    list: Vec<Option<Class>>,
    free: Vec<ClassId>,
    by_key: HashTable<ClassId>,
    hasher: DefaultHashBuilder,
    projections: Projections,
    index: Index,
    /// used again for each look-up
    scratch: String,
    seats: Vec<Seat>,
    free_seats: Vec<SeatId>,
    shards: Shards,
    /// empty classes, whose memory is to be given back
    dead: Vec<Class>,
}

pub(crate) struct Class {
    pub decision: Arc<Decision>,
    rows: Rows,
    /// in all rows
    members: u32,
    /// it is of one catalog: under another, this is another class
    projection: ProjectionId,
    /// the text of its decision
    text: Box<str>,
    place: Place,
    /// the last change it was a candidate for
    stamp: Seq,
}

/// Where a member is found: its class, its shard, and its index in the row there.
#[derive(Clone, Copy)]
struct Seat {
    class: ClassId,
    index: u32,
    shard: ShardId,
}

impl Classes {
    pub fn new(shards: Shards) -> Self {
        Self {
            list: Vec::new(),
            free: Vec::new(),
            by_key: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            projections: Projections::default(),
            index: Index::default(),
            scratch: String::new(),
            seats: Vec::new(),
            free_seats: Vec::new(),
            shards,
            dead: Vec::new(),
        }
    }

    /// Adds a member to the class that `spec` describes, which is made if it does not exist.
    pub fn join(&mut self, spec: ClassSpec, revision: u64, outbox: &Arc<Outbox>, after: Seq) -> SeatId {
        let projection = self.projections.take(&spec.projection, revision);
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        spec.write_decision(&mut text);
        let class = match self.find(&spec.topic, projection, &text) {
            Some(class) => {
                self.projections.give_back(projection);
                class
            }
            None => self.found(spec, revision, projection, &text),
        };
        self.scratch = text;
        let shard = self.shards.of(outbox.id);
        let seat = self.free_seats.pop().unwrap_or_else(|| {
            self.seats.push(Seat { class, index: 0, shard });
            (self.seats.len() - 1) as SeatId
        });
        if let Some(class_of) = &mut self.list[class as usize] {
            class_of.members += 1;
            let row = class_of.rows.get(shard).unwrap_or_else(|| {
                let row = self.shards.found(shard);
                class_of.rows.add(shard, row);
                row
            });
            let index = self.shards.join(shard, row, Member { outbox: outbox.clone(), after, seat });
            self.seats[seat as usize] = Seat { class, index, shard };
        }
        seat
    }

    /// Gives up a seat; a class that is left empty is removed.
    pub fn leave(&mut self, seat: SeatId) {
        let Seat { class: id, index, shard } = self.seats[seat as usize];
        self.free_seats.push(seat);
        let Some(class) = &mut self.list[id as usize] else { return };
        let Some(row) = class.rows.get(shard) else { return };
        class.members -= 1;
        let (moved, is_empty) = self.shards.leave(shard, row, index);
        if let Some(moved) = moved {
            self.seats[moved as usize].index = index;
        }
        if is_empty {
            class.rows.remove(shard);
        }
        if class.members == 0 {
            self.remove(id);
        }
    }

    /// Gives this to all members with the next push, behind what they were given before.
    pub fn give(&mut self, id: ClassId, parcel: Parcel) {
        if let Some(class) = &self.list[id as usize] {
            self.shards.give(&class.rows, class.members as usize, parcel);
        }
    }

    /// Pushes all that was given, as the change `seq`, or as messages at the position `seq`.
    pub fn push(&mut self, seq: Seq) -> Tally {
        self.shards.push(seq)
    }

    pub fn wake_readers(&mut self) {
        self.shards.wake_readers();
    }

    pub fn get(&self, id: ClassId) -> Option<&Class> {
        self.list.get(id as usize)?.as_ref()
    }

    /// The class as a case to judge.
    pub fn case(&self, id: ClassId) -> Option<Case> {
        let class = self.get(id)?;
        let alone = !self.projections.is_shared(class.projection);
        Some(Case { decision: class.decision.clone(), alone })
    }

    /// The frame of a change for this class, shared with those that tell it alike.
    pub fn frame(
        &mut self,
        id: ClassId,
        seq: Seq,
        told: Told,
        make: impl FnOnce(&Decision) -> Option<Bytes>,
    ) -> Option<Bytes> {
        let class = self.list.get(id as usize)?.as_ref()?;
        self.projections.frame(class.projection, seq, told, || make(&class.decision))
    }

    pub fn len(&self) -> usize {
        self.list.len() - self.free.len()
    }

    /// The decision and the start of the member on this seat.
    pub fn at(&self, seat: SeatId) -> Option<(&Arc<Decision>, Seq)> {
        let Seat { class, index, shard } = self.seats[seat as usize];
        let class = self.get(class)?;
        Some((&class.decision, self.shards.after(shard, class.rows.get(shard)?, index)))
    }

    /// The member on this seat gets only changes after `after`.
    pub fn start_after(&mut self, seat: SeatId, after: Seq) {
        let Seat { class, index, shard } = self.seats[seat as usize];
        if let Some(row) = self.get(class).and_then(|class| class.rows.get(shard)) {
            self.shards.start_after(shard, row, index, after);
        }
    }

    pub fn topics(&self) -> usize {
        self.index.topics()
    }

    /// Appends each class that the change can concern, once.
    pub fn candidates(&mut self, change: &Change, out: &mut Vec<ClassId>) {
        self.index.candidates(change, out);
        let list = &mut self.list;
        out.retain(|id| match &mut list[*id as usize] {
            Some(class) if class.stamp != change.position.seq => {
                class.stamp = change.position.seq;
                true
            }
            _ => false,
        });
    }

    /// Appends each class that hears messages of this name.
    pub fn listeners(&self, tenant: &TenantId, name: &str, out: &mut Vec<ClassId>) {
        self.index.listeners(tenant, name, out);
    }

    fn find(&self, topic: &Topic, projection: ProjectionId, text: &str) -> Option<ClassId> {
        let same = |id: &ClassId| {
            self.get(*id).is_some_and(|class| {
                class.projection == projection && *class.text == *text && class.decision.topic == *topic
            })
        };
        self.by_key.find(key_hash(&self.hasher, topic, projection, text), same).copied()
    }

    fn found(&mut self, spec: ClassSpec, revision: u64, projection: ProjectionId, text: &str) -> ClassId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.list.push(None);
            (self.list.len() - 1) as ClassId
        });
        let place = self.index.place(&spec.topic, &spec.gate);
        self.index.insert(id, &spec.topic, &place);
        let hash = key_hash(&self.hasher, &spec.topic, projection, text);
        let (decision, text) =
            (Arc::new(Decision::new(spec, revision, self.projections.number(projection))), text.into());
        self.list[id as usize] = Some(Class {
            decision,
            rows: Rows::default(),
            members: 0,
            projection,
            text,
            place,
            stamp: Seq::MAX,
        });
        let (list, hasher) = (&self.list, &self.hasher);
        self.by_key.insert_unique(hash, id, |id| rehash(list, hasher, *id));
        id
    }

    fn remove(&mut self, id: ClassId) {
        let Some(class) = self.list[id as usize].take() else { return };
        let hash = class.hash(&self.hasher);
        if let Ok(entry) = self.by_key.find_entry(hash, |known| *known == id) {
            entry.remove();
        }
        self.index.remove(id, &class.decision.topic, &class.place);
        self.projections.give_back(class.projection);
        self.free.push(id);
        self.dead.push(class);
    }

    /// Classes that were left empty since they were thrown away last.
    pub fn dead(&mut self) -> &mut Vec<Class> {
        &mut self.dead
    }
}

impl Class {
    fn hash(&self, hasher: &DefaultHashBuilder) -> u64 {
        key_hash(hasher, &self.decision.topic, self.projection, &self.text)
    }
}

fn key_hash(hasher: &DefaultHashBuilder, topic: &Topic, projection: ProjectionId, text: &str) -> u64 {
    hasher.hash_one((topic, projection, text))
}

fn rehash(list: &[Option<Class>], hasher: &DefaultHashBuilder, id: ClassId) -> u64 {
    list[id as usize].as_ref().map_or(0, |class| class.hash(hasher))
}
