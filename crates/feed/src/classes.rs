use crate::class::{ClassSpec, Decision};
use crate::index::{ClassId, Index, Place};
use crate::outbox::Outbox;
use crate::topic::Topic;
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
    index: Index,
    seats: Vec<Seat>,
    free_seats: Vec<SeatId>,
}

pub(crate) struct Class {
    pub decision: Arc<Decision>,
    pub members: Vec<Member>,
    /// of the catalog that it was made under: another catalog, another class
    revision: u64,
    key: Box<str>,
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
        let class = self.find(&spec, revision).unwrap_or_else(|| self.found(spec, revision));
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

    pub fn listeners(&self, tenant: &TenantId, name: &str) -> &[ClassId] {
        self.index.listeners(tenant, name)
    }

    fn find(&self, spec: &ClassSpec, revision: u64) -> Option<ClassId> {
        let hash = self.hasher.hash_one((&spec.topic, spec.key.as_str()));
        let same = |id: &ClassId| {
            self.get(*id).is_some_and(|class| {
                class.revision == revision && *class.key == *spec.key && class.decision.topic == spec.topic
            })
        };
        self.by_key.find(hash, same).copied()
    }

    fn found(&mut self, mut spec: ClassSpec, revision: u64) -> ClassId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.list.push(None);
            (self.list.len() - 1) as ClassId
        });
        let place = self.index.place(&spec.topic, &spec.gate);
        self.index.insert(id, &spec.topic, &place);
        let key: Box<str> = std::mem::take(&mut spec.key).into();
        let hash = key_hash(&self.hasher, &spec.topic, &key);
        let decision = Arc::new(Decision::new(spec, revision));
        self.list[id as usize] =
            Some(Class { decision, members: Vec::new(), revision, key, place, stamp: Seq::MAX });
        let (list, hasher) = (&self.list, &self.hasher);
        self.by_key.insert_unique(hash, id, |id| rehash(list, hasher, *id));
        id
    }

    fn remove(&mut self, id: ClassId) {
        let Some(class) = self.list[id as usize].take() else { return };
        let hash = key_hash(&self.hasher, &class.decision.topic, &class.key);
        if let Ok(entry) = self.by_key.find_entry(hash, |known| *known == id) {
            entry.remove();
        }
        self.index.remove(id, &class.decision.topic, &class.place);
        self.free.push(id);
    }
}

fn key_hash(hasher: &DefaultHashBuilder, topic: &Topic, key: &str) -> u64 {
    hasher.hash_one((topic, key))
}

fn rehash(list: &[Option<Class>], hasher: &DefaultHashBuilder, id: ClassId) -> u64 {
    list[id as usize].as_ref().map_or(0, |class| key_hash(hasher, &class.decision.topic, &class.key))
}
