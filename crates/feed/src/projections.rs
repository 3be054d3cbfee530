use crate::event::Told;
use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::fmt::Write as _;
use std::hash::BuildHasher;
use tidewire_model::Seq;

pub(crate) type ProjectionId = u32;

/// The projections of all classes: classes that differ in their decision alone share the frames of a change.
#[derive(Default)]
pub(crate) struct Projections {
    list: Vec<Option<Projection>>,
    free: Vec<ProjectionId>,
    by_name: HashTable<ProjectionId>,
    hasher: DefaultHashBuilder,
    /// used again for each name
    scratch: String,
    /// projections there ever were
    numbered: u64,
}

struct Projection {
    name: Box<str>,
    number: u64,
    classes: u32,
    /// only while several classes share it
    made: Option<Box<Made>>,
}

/// What was made of the last change.
#[derive(Default)]
struct Made {
    seq: Seq,
    /// by the way it is told; `None` inside: the encoder declined
    frames: [Option<Option<Bytes>>; Told::COUNT],
}

impl Projections {
    /// The projection of this text under these definitions, for one more class. A change is of one collection, so only
    /// classes of one collection ever share a frame.
    pub fn take(&mut self, text: &str, revision: u64) -> ProjectionId {
        let name = self.name(text, revision);
        let hash = self.hasher.hash_one(name.as_str());
        let list = &mut self.list;
        let same = |id: &ProjectionId| list[*id as usize].as_ref().is_some_and(|known| *known.name == *name);
        let found = self.by_name.find(hash, same).copied();
        let id = found.unwrap_or_else(|| self.add(&name, hash));
        self.scratch = name;
        if let Some(projection) = &mut self.list[id as usize] {
            projection.classes += 1;
        }
        id
    }

    /// A number that no other projection ever had.
    pub fn number(&self, id: ProjectionId) -> u64 {
        self.list[id as usize].as_ref().map_or(0, |projection| projection.number)
    }

    /// A class less.
    pub fn give_back(&mut self, id: ProjectionId) {
        let Some(projection) = &mut self.list[id as usize] else { return };
        projection.classes -= 1;
        if projection.classes == 1 {
            projection.made = None;
        }
        if projection.classes > 0 {
            return;
        }
        let hash = self.hasher.hash_one(&*projection.name);
        if let Ok(entry) = self.by_name.find_entry(hash, |known| *known == id) {
            entry.remove();
        }
        self.list[id as usize] = None;
        self.free.push(id);
    }

    /// True if several classes share its frames.
    pub fn is_shared(&self, id: ProjectionId) -> bool {
        self.list[id as usize].as_ref().is_some_and(|projection| projection.classes > 1)
    }

    /// The frame of the change `seq`, made once for all classes that tell it alike.
    pub fn frame(
        &mut self,
        id: ProjectionId,
        seq: Seq,
        told: Told,
        make: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let shared = self.list[id as usize].as_mut().filter(|projection| projection.classes > 1);
        let Some(projection) = shared else { return make() };
        let made = projection.made.get_or_insert_default();
        if made.seq != seq {
            **made = Made { seq, ..Made::default() };
        }
        made.frames[told.index()].get_or_insert_with(make).clone()
    }

    fn name(&mut self, text: &str, revision: u64) -> String {
        let mut name = std::mem::take(&mut self.scratch);
        name.clear();
        // cannot fail: it is a text
        let _ = write!(name, "{revision}\0{text}");
        name
    }

    fn add(&mut self, name: &str, hash: u64) -> ProjectionId {
        self.numbered += 1;
        let id = self.free.pop().unwrap_or_else(|| {
            self.list.push(None);
            (self.list.len() - 1) as ProjectionId
        });
        self.list[id as usize] =
            Some(Projection { name: name.into(), number: self.numbered, classes: 0, made: None });
        let (list, hasher) = (&self.list, &self.hasher);
        let rehash =
            |id: &ProjectionId| list[*id as usize].as_ref().map_or(0, |known| hasher.hash_one(&*known.name));
        self.by_name.insert_unique(hash, id, rehash);
        id
    }
}
