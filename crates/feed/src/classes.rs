use crate::class::{ClassSpec, Decision};
use crate::event::Told;
use crate::index::{ClassId, Index, Place};
use crate::outbox::Outbox;
use crate::projections::{ProjectionId, Projections};
use crate::topic::Topic;
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::Arc;
use tidewire_model::{Change, Seq, TenantId};

pub(crate) type SeatId = u32;

/// All classes that have members, and who sits where in them.
#[derive(Default)]
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
}

pub(crate) struct Class {
    pub decision: Arc<Decision>,
    pub members: Vec<Member>,
    /// it is of one catalog: under another, this is another class
    projection: ProjectionId,
    /// the text of its decision
    text: Box<str>,
    place: Place,
    /// the last change it was a candidate for
    stamp: Seq,
}

/// One subscription in a class.
pub(crate) struct Member {
    pub outbox: Arc<Outbox>,
    /// it gets changes after this one
    pub after: Seq,
    seat: SeatId,
}

/// Where a member is found: its class, and its index there.
#[derive(Clone, Copy)]
struct Seat {
    class: ClassId,
    index: u32,
}

impl Classes {
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
        let seat = self.free_seats.pop().unwrap_or_else(|| {
            self.seats.push(Seat { class, index: 0 });
            (self.seats.len() - 1) as SeatId
        });
        if let Some(class_of) = &mut self.list[class as usize] {
            self.seats[seat as usize] = Seat { class, index: class_of.members.len() as u32 };
            class_of.members.push(Member { outbox: outbox.clone(), after, seat });
        }
        seat
    }

    /// Gives up a seat; a class that is left empty is removed.
    pub fn leave(&mut self, seat: SeatId) {
        let Seat { class: id, index } = self.seats[seat as usize];
        self.free_seats.push(seat);
        let Some(class) = &mut self.list[id as usize] else { return };
        class.members.swap_remove(index as usize);
        if let Some(moved) = class.members.get(index as usize) {
            self.seats[moved.seat as usize].index = index;
        }
        if class.members.is_empty() {
            self.remove(id);
        }
    }

    pub fn get(&self, id: ClassId) -> Option<&Class> {
        self.list.get(id as usize)?.as_ref()
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
        let Seat { class, index } = self.seats[seat as usize];
        let class = self.get(class)?;
        Some((&class.decision, class.members[index as usize].after))
    }

    /// The member on this seat gets only changes after `after`.
    pub fn start_after(&mut self, seat: SeatId, after: Seq) {
        let Seat { class, index } = self.seats[seat as usize];
        if let Some(class) = &mut self.list[class as usize] {
            class.members[index as usize].after = after;
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
        self.list[id as usize] =
            Some(Class { decision, members: Vec::new(), projection, text, place, stamp: Seq::MAX });
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
